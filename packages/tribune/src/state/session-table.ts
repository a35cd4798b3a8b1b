/** How sessions are stored and found. */
import type { Session } from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { sessionDigits } from "./kv-entry.ts";
import { key, keyPrefix } from "./memdb/key.ts";
import type { ReadTx, TableSchema } from "./memdb/types.ts";

export const SESSIONS: TableSchema<Session> = {
  name: "sessions",
  key: (session) => sessionDigits(session.ID),
  indexes: {
    node: (session) => session.Node.toLowerCase(),
    check: (session) => checkIds(session).map((id) => key(session.Node, id).toLowerCase()),
  },
};

/** Prefix of the index `node`. */
export function sessionsOfNode(node: string): string {
  return keyPrefix(node).toLowerCase();
}

/** Prefix of the index `check`. */
export function sessionsOfCheck(node: string, checkId: string): string {
  return keyPrefix(node, checkId).toLowerCase();
}

/** Every check that a session relies on, each once. */
export function checkIds(session: Session): readonly string[] {
  const services = (session.ServiceChecks ?? []).map((check) => check.ID);
  return [...new Set([...(session.Checks ?? []), ...(session.NodeChecks ?? []), ...services])];
}

/** @throws TribuneError with Consul's text for an id that is no UUID. */
export function peekSession(tx: ReadTx, id: string): Session | undefined {
  return tx.peek(SESSIONS, sessionKey(id));
}

/**
 * @param fault what Consul calls it in this place
 * @throws TribuneError with Consul's text for an id that is no UUID.
 */
export function sessionKey(id: string, fault = "failed session lookup"): string {
  const problem = uuidProblem(id);
  if (problem !== undefined) throw TribuneError.internal(`${fault}: index error: ${problem}`);
  return sessionDigits(id);
}

function uuidProblem(id: string): string | undefined {
  if (Buffer.byteLength(id) !== 36) return "UUID must be 36 characters";
  const digits = id.replaceAll("-", "");
  const dashes = id.length - digits.length;
  if (dashes > 4) return `UUID should have maximum of 4 "-"; got ${dashes}`;
  if (Buffer.byteLength(digits) % 2 !== 0) return "Input (without hyphens) must be even length";
  const foreign = Buffer.from(digits)
    .toString("latin1")
    .match(/[^0-9a-fA-F]/)?.[0];
  if (foreign === undefined) return undefined;
  const point = foreign.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
  return `Invalid UUID: encoding/hex: invalid byte: U+${point} '${foreign}'`;
}
