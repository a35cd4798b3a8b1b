/** Why an address cannot be listened at, in the words of Go's net package: what alerts on a failed start match. */
import { errnoText } from "./errno-text.ts";

/** @returns an error with the same `code`, caused by `error`; anything else as it is. */
export function listenError(network: "tcp" | "udp", host: string, port: number, error: Error): Error {
  const { code = "" } = error as { readonly code?: string };
  const reason = errnoText(error);
  if (reason === undefined) return error;
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return Object.assign(new Error(`listen ${network} ${address}: bind: ${reason}`, { cause: error }), { code });
}
