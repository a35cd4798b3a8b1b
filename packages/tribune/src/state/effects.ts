/**
 * What applying a command asks of this one server beside the replicated state: wall-clock business that must not
 * decide what the state becomes. Runs after the commit; without a listener it is dropped.
 */
import type { WriteTx } from "./memdb/types.ts";

export interface StateEffects {
  /** An invalidated session held this key: refuse new locks on it for so long. */
  lockDelayed(key: string, delayMs: number): void;
  /** KV tombstones were made at this index: reap them when their time is up. */
  tombstoned(index: number): void;
  /** A command is about to be applied: what it does, where its type does not say it all. For measurements. */
  operation?(op: string, kind: string): void;
}

/** Carried by the transaction itself: a table of transactions on the side would cost more than the write. */
const LISTENER = Symbol("state effects");
type Listening = WriteTx & { [LISTENER]?: StateEffects };

/** Names the listener of one transaction, before anything is written in it. */
export function listenTo(tx: WriteTx, effects: StateEffects): void {
  (tx as Listening)[LISTENER] = effects;
}

export function lockDelayed(tx: WriteTx, key: string, delayMs: number): void {
  const effects = (tx as Listening)[LISTENER];
  if (effects !== undefined) tx.afterCommit(() => effects.lockDelayed(key, delayMs));
}

export function tombstoned(tx: WriteTx, index: number): void {
  const effects = (tx as Listening)[LISTENER];
  if (effects !== undefined) tx.afterCommit(() => effects.tombstoned(index));
}

export function operation(tx: WriteTx, op: string, kind: string): void {
  (tx as Listening)[LISTENER]?.operation?.(op, kind);
}
