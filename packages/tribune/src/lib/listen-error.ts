/** Why an address cannot be listened at, in the words of Go's net package: what alerts on a failed start match. */

const SYSTEM_TEXT: Readonly<Record<string, string>> = {
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "cannot assign requested address",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EAFNOSUPPORT: "address family not supported by protocol",
  EMFILE: "too many open files",
};

/** @returns an error with the same `code`, caused by `error`; anything else as it is. */
export function listenError(network: "tcp" | "udp", host: string, port: number, error: Error): Error {
  const { code = "" } = error as { readonly code?: string };
  const reason = SYSTEM_TEXT[code];
  if (reason === undefined) return error;
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return Object.assign(new Error(`listen ${network} ${address}: bind: ${reason}`, { cause: error }), { code });
}
