/** Which protocol a service speaks, as configuration entries say. */
import type { ConfigEntryKind, ConfigEntryOf } from "@tribune/api";

/** Finds an entry by kind and name; who asks decides whether from the tables or with a change that is to be made. */
export type Lookup = <K extends ConfigEntryKind>(kind: K, name: string) => ConfigEntryOf<K> | undefined;

/** The service's own defaults decide, else the proxies', else it is `tcp`. */
export function protocolOf(lookup: Lookup, service: string): string {
  const own = lookup("service-defaults", service);
  if (own !== undefined) return own.Protocol.toLowerCase() || "tcp";
  const config = lookup("proxy-defaults", "global")?.Config ?? {};
  const [, proxies] = Object.entries(config).find(([name]) => name.toLowerCase() === "protocol") ?? [];
  return (typeof proxies === "string" ? proxies.toLowerCase() : "") || "tcp";
}

export function isHttpLike(protocol: string): boolean {
  return protocol === "http" || protocol === "http2" || protocol === "grpc";
}
