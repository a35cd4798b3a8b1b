/**
 * Sessions: who may hold locks, and for how long. A session ends when it is destroyed, or when its node, or a
 * check it relies on, goes or turns critical; ending it releases or deletes the keys it holds. TTLs are the
 * leader's business: it destroys a session whose time is up like any client would.
 */
import type { Session } from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { goQuote } from "../lib/go-quote.ts";
import { CHECKS, fold, NODES } from "./catalog/tables.ts";
import { locksDelayed } from "./effects.ts";
import { bumpIndex, peekIndex, raiseIndex } from "./index-table.ts";
import { kvDeleteHeld, kvReleaseHeld } from "./kv.ts";
import { heldBySession, KVS, sessionDigits } from "./kv-entry.ts";
import type { ReadTx, WriteTx } from "./memdb/types.ts";
import { deleteQueriesOfSession } from "./opaque.ts";
import { checkIds, peekSession, SESSIONS, sessionKey, sessionsOfCheck, sessionsOfNode } from "./session-table.ts";

export { SESSIONS } from "./session-table.ts";

const LOCK_DELAY_MS_MAX = 60_000;

// ---- queries ----

/** @throws TribuneError for an id that is no UUID. */
export function sessionGet(tx: ReadTx, id: string): { readonly index: number; readonly session: Session | undefined } {
  return { index: peekIndex(tx, "sessions"), session: tx.get(SESSIONS, sessionKey(id)) };
}

export function sessionList(tx: ReadTx): { readonly index: number; readonly sessions: readonly Session[] } {
  return { index: peekIndex(tx, "sessions"), sessions: [...tx.scan(SESSIONS, "")] };
}

export function sessionsOnNode(
  tx: ReadTx,
  node: string,
): { readonly index: number; readonly sessions: readonly Session[] } {
  return { index: peekIndex(tx, "sessions"), sessions: [...tx.by(SESSIONS, "node", sessionsOfNode(node))] };
}

// ---- commands ----

/**
 * Creates a session. Its id is part of the command: the leader drew it.
 *
 * @throws TribuneError for an unknown behaviour, a node or check that is not there, or a critical check.
 */
export function sessionCreate(tx: WriteTx, index: number, given: Session): Session {
  if (given.ID === "") throw TribuneError.internal("Missing session ID");
  const Behavior = given.Behavior === "" ? "release" : given.Behavior;
  if (Behavior !== "release" && Behavior !== "delete") {
    throw TribuneError.internal(`Invalid session behavior: ${Behavior}`);
  }
  if (tx.peek(NODES, fold(given.Node)) === undefined) throw TribuneError.internal("Missing node registration");
  for (const id of checkIds(given)) {
    const check = tx.peek(CHECKS, fold(given.Node, id));
    if (check === undefined) throw TribuneError.internal(`Missing check '${id}' registration`);
    if (check.Status === "critical") throw TribuneError.internal(`Check '${id}' is in critical state`);
  }
  const session: Session = { ...given, Behavior, CreateIndex: index, ModifyIndex: index };
  sessionKey(session.ID); // refuses what is no UUID
  tx.put(SESSIONS, session);
  bumpIndex(tx, "sessions", index);
  return session;
}

/** Ends a session. Without effect when there is none. @throws TribuneError for an id that is no UUID. */
export function sessionDestroy(tx: WriteTx, index: number, id: string): void {
  const session = peekSession(tx, id);
  if (session !== undefined) end(tx, index, session);
}

/**
 * Removes the row alone: its locks stay with an id that nobody has. That is what the transaction verb does in
 * Consul, and every server of a cluster must do the same.
 *
 * @returns whether it was there.
 */
export function sessionForget(tx: WriteTx, index: number, id: string): boolean {
  if (tx.delete(SESSIONS, sessionDigits(id)) === undefined) return false;
  bumpIndex(tx, "sessions", index);
  return true;
}

/** The node is gone, and with it all its sessions. */
export function invalidateSessionsOfNode(tx: WriteTx, index: number, node: string): void {
  for (const session of tx.peekBy(SESSIONS, "node", sessionsOfNode(node))) end(tx, index, session);
}

/** The check is gone or critical: the sessions that rely on it end. */
export function invalidateSessionsOfCheck(tx: WriteTx, index: number, node: string, checkId: string): void {
  for (const session of tx.peekBy(SESSIONS, "check", sessionsOfCheck(node, checkId))) end(tx, index, session);
}

function end(tx: WriteTx, index: number, session: Session): void {
  tx.delete(SESSIONS, SESSIONS.key(session));
  bumpIndex(tx, "sessions", index);
  const delayMs = Math.min(session.LockDelay / 1e6, LOCK_DELAY_MS_MAX);
  const keys = endHolding(tx, index, session);
  if (delayMs > 0) locksDelayed(tx, keys, delayMs);
  deleteQueriesOfSession(tx, index, session.ID);
}

/** @returns the keys that it held. @throws TribuneError where it held any and a restored snapshot has it behave oddly. */
function endHolding(tx: WriteTx, index: number, { Behavior, ID }: Session): readonly string[] {
  if (Behavior === "release") return kvReleaseHeld(tx, index, ID);
  if (Behavior === "delete") return kvDeleteHeld(tx, index, ID);
  for (const _ of tx.peekBy(KVS, "session", heldBySession(ID))) {
    throw TribuneError.internal(`unknown session behavior ${goQuote(Behavior)}`);
  }
  return [];
}

// ---- snapshots ----

export function restoreSession(tx: WriteTx, session: Session): void {
  tx.put(SESSIONS, session);
  raiseIndex(tx, "sessions", session.ModifyIndex);
}
