import { protocolOf } from "../connect/protocol.ts";
import { CONFIG_ENTRIES, findEntry } from "./config-entry-table.ts";
import { peekIndex } from "./index-table.ts";
import type { ReadTx } from "./memdb/types.ts";

/** Which protocol a service speaks, from the tables; the read depends on it. */
export function protocolOfService(tx: ReadTx, service: string): { readonly index: number; readonly protocol: string } {
  const protocol = protocolOf((kind, name) => findEntry(tx, kind, name), service);
  return { index: peekIndex(tx, CONFIG_ENTRIES), protocol };
}
