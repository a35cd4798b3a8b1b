/**
 * What applying a command asks of this one server beside the replicated state: wall-clock business that must not
 * decide what the state becomes. Runs after the commit; without a listener it is dropped.
 */
import type { HealthCheck, Node, NodeService } from "@tribune/api";
import type { WriteTx } from "./memdb/types.ts";

/** A row of the catalog that came, went or changed; of a check only what changes its status. */
export type CatalogChange = {
  /** Who wrote it, as far as the command tells: `agent`, `gossip`, `catalog`, `txn` or "". */
  readonly by: string;
} & (
  | { readonly kind: "check"; readonly before: HealthCheck | undefined; readonly after: HealthCheck | undefined }
  | {
      readonly kind: "service";
      readonly node: string;
      readonly before: NodeService | undefined;
      readonly after: NodeService | undefined;
    }
  | { readonly kind: "node"; readonly before: Node | undefined; readonly after: Node | undefined }
);
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

export interface StateEffects {
  /** An invalidated session held these keys: refuse new locks on them for so long. */
  locksDelayed(keys: readonly string[], delayMs: number): void;
  /** KV tombstones were made at this index: reap them when their time is up. */
  tombstoned(index: number): void;
  /** Something of the catalog changed. */
  catalogChanged?(change: CatalogChange): void;
  /** A command is about to be applied: what it does, where its type does not say it all. For measurements. */
  operation?(op: string, kind: string): void;
}

/** Carried by the transaction itself: a table of transactions on the side would cost more than the write. */
const LISTENER = Symbol("state effects");
const WRITER = Symbol("who wrote the command");
type Listening = WriteTx & { [LISTENER]?: StateEffects; [WRITER]?: string };

/** Names the listener of one transaction, before anything is written in it. */
export function listenTo(tx: WriteTx, effects: StateEffects): void {
  (tx as Listening)[LISTENER] = effects;
}

export function locksDelayed(tx: WriteTx, keys: readonly string[], delayMs: number): void {
  const effects = (tx as Listening)[LISTENER];
  if (effects !== undefined && keys.length > 0) tx.afterCommit(() => effects.locksDelayed(keys, delayMs));
}

export function tombstoned(tx: WriteTx, index: number): void {
  const effects = (tx as Listening)[LISTENER];
  if (effects !== undefined) tx.afterCommit(() => effects.tombstoned(index));
}

/** Says of one transaction who asked for it, before anything is written in it. */
export function writtenBy(tx: WriteTx, by: string): void {
  (tx as Listening)[WRITER] = by;
}

export function catalogChanged(tx: WriteTx, change: Without<CatalogChange, "by">): void {
  const { [LISTENER]: effects, [WRITER]: by = "" } = tx as Listening;
  if (effects?.catalogChanged === undefined) return;
  const written = Object.assign(change, { by }) as CatalogChange;
  tx.afterCommit(() => effects.catalogChanged?.(written));
}

export function operation(tx: WriteTx, op: string, kind: string): void {
  (tx as Listening)[LISTENER]?.operation?.(op, kind);
}
