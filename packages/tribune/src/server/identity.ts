/** Who this server is: fixed for the life of the process. */
export interface ServerIdentity {
  /** The node id: a UUID, kept in the data directory. */
  readonly id: string;
  readonly name: string;
  readonly datacenter: string;
  /** Advertised address, without a port. */
  readonly address: string;
  /** Port of the RPC listener, 8300 by default. */
  readonly rpcPort: number;
  readonly taggedAddresses: Readonly<Record<string, string>>;
  readonly meta: Readonly<Record<string, string>>;
  /** What `consul version` of a peer would say: the version whose behaviour we have. */
  readonly version: string;
}

/** `host:port`, with brackets around an IPv6 host. */
export function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
