/**
 * Keeps SERVICE_NAMES in step with SERVICES. A row is written only when a name comes or goes or its set of
 * tags changes, so a client that waits for the list of services sleeps through everything else.
 */
import type { WriteTx } from "../memdb/types.ts";
import { foldPrefix, SERVICE_NAMES, SERVICES, type ServiceRow } from "./tables.ts";

const NO_TAGS: readonly string[] = [];
const byCodeUnit = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Call after SERVICES was changed from `before` to `after`, either of which may be absent. */
export function serviceNameChanged(tx: WriteTx, before: ServiceRow | undefined, after: ServiceRow | undefined): void {
  const name = after?.Service.Service;
  if (before !== undefined) {
    const kept = new Set(before.Service.Service === name ? after?.Service.Tags : NO_TAGS);
    const lost = (before.Service.Tags ?? NO_TAGS).filter((tag) => !kept.has(tag));
    if (lost.length > 0 || before.Service.Service !== name) withdraw(tx, before.Service.Service, lost);
  }
  if (after !== undefined) announce(tx, after.Service.Service, after.Service.Tags ?? NO_TAGS);
}

function announce(tx: WriteTx, name: string, tags: readonly string[]): void {
  const row = tx.peek(SERVICE_NAMES, name);
  const all = new Set(row?.Tags);
  for (const tag of tags) all.add(tag);
  if (row !== undefined && row.Tags.length === all.size) return;
  tx.put(SERVICE_NAMES, { Name: name, Tags: [...all].sort(byCodeUnit) });
}

/**
 * Takes away a name's tags that no instance bears any more, and the name with its last instance. Stops at the
 * first few instances in the usual case, where all bear the same tags.
 */
function withdraw(tx: WriteTx, name: string, tags: readonly string[]): void {
  const gone = new Set(tags);
  let borne = false;
  for (const { Service: service } of tx.peekBy(SERVICES, "name", foldPrefix(name))) {
    if (service.Service !== name) continue; // spelled differently: listed apart, as Consul does
    borne = true;
    if (gone.size === 0) return;
    for (const tag of service.Tags ?? NO_TAGS) gone.delete(tag);
  }
  const row = tx.peek(SERVICE_NAMES, name);
  if (row === undefined) return;
  if (!borne) tx.delete(SERVICE_NAMES, name);
  else if (gone.size > 0) tx.put(SERVICE_NAMES, { Name: name, Tags: row.Tags.filter((tag) => !gone.has(tag)) });
}
