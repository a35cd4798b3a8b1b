/** Which protocol a service speaks, as configuration entries say. */
import type { ConfigEntryKind, ConfigEntryOf } from "@tribune/api";
import { CONFIG_ENTRIES, findEntry } from "./config-entry-table.ts";
import { peekIndex } from "./index-table.ts";
import type { ReadTx } from "./memdb/types.ts";

export type Lookup = <K extends ConfigEntryKind>(kind: K, name: string) => ConfigEntryOf<K> | undefined;

/** The service's own defaults decide, else the proxies', else it is `tcp`. */
export function protocolOf(lookup: Lookup, service: string): string {
  const own = lookup("service-defaults", service);
  if (own !== undefined) return own.Protocol.toLowerCase() || "tcp";
  const config = lookup("proxy-defaults", "global")?.Config ?? {};
  const [, proxies] = Object.entries(config).find(([name]) => name.toLowerCase() === "protocol") ?? [];
  return (typeof proxies === "string" ? proxies.toLowerCase() : "") || "tcp";
}

/** The same from the tables; the read depends on it. */
export function protocolOfService(tx: ReadTx, service: string): { readonly index: number; readonly protocol: string } {
  const protocol = protocolOf((kind, name) => findEntry(tx, kind, name), service);
  return { index: peekIndex(tx, CONFIG_ENTRIES), protocol };
}

export function isHttpLike(protocol: string): boolean {
  return protocol === "http" || protocol === "http2" || protocol === "grpc";
}
