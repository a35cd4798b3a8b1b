import { lookup } from "node:dns/promises";

/** Addresses of a name, as the system resolves it. @throws Error in Go's words where there are none. */
export async function resolveHost(host: string): Promise<readonly string[]> {
  try {
    const found = await lookup(host, { all: true });
    return found.map(({ address }) => address);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === "ENOTFOUND" ? "no such host" : (code ?? String(error));
    throw new Error(`lookup ${host}: ${reason}`, { cause: error });
  }
}
