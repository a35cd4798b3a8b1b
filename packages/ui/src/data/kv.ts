import { hasAddress, noAddress, type TxnOperation } from "../lib/kv-tree.ts";
import { inDatacenter } from "./agent.ts";
import { query, send, sendJson } from "./send.ts";
import type { KvPair } from "./types.ts";

/** Keys in an address keep their slashes. Throws for one that has no address. */
export function kvPath(key: string): string {
  if (!hasAddress(key)) throw new Error(`Browsers cannot ask for ${key}. ${noAddress}`);
  return `kv/${key.split("/").map(encodeURIComponent).join("/")}`;
}

export const readPairs = async (prefix: string): Promise<readonly KvPair[]> => {
  try {
    return await sendJson<readonly KvPair[]>(inDatacenter(`${kvPath(prefix)}?recurse`));
  } catch (error) {
    if (error instanceof Error && "status" in error && error.status === 404) return [];
    throw error;
  }
};

/** Saves only if the key is as it was at `index`; 0: if it does not exist. False: somebody was faster. */
export async function saveKey(key: string, value: Blob | string, flags: string, index: number): Promise<boolean> {
  const path = query(kvPath(key), { cas: String(index), flags: flags === "0" ? undefined : flags });
  return sendJson<boolean>(inDatacenter(path), { method: "PUT", body: value });
}

export const deleteKey = (key: string, index: number): Promise<boolean> =>
  sendJson<boolean>(inDatacenter(`${kvPath(key)}?cas=${index}`), { method: "DELETE" });

export const deleteTree = async (prefix: string): Promise<unknown> =>
  send(inDatacenter(`${kvPath(prefix)}?recurse`), { method: "DELETE" });

/** Runs transactions one after another; each is whole or not at all. Says which one was refused and why. */
export async function runTransactions(batches: readonly (readonly TxnOperation[])[]): Promise<void> {
  let done = 0;
  for (const operations of batches) {
    try {
      // Flags of 64 bits are kept as digits: they go out as the number they are.
      const body = JSON.stringify(operations).replace(/"Flags":"(\d+)"/g, '"Flags":$1');
      await send(inDatacenter("txn"), { method: "PUT", body });
      done += operations.length;
    } catch (error) {
      throw new Error(`${done} operations are done, then: ${reason(error)}`, { cause: error });
    }
  }
}

function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  try {
    const { Errors } = JSON.parse(text) as { Errors?: readonly { What: string }[] };
    return Errors?.map(({ What }) => What).join("; ") ?? text;
  } catch {
    return text; // no transaction's answer but a plain text
  }
}
