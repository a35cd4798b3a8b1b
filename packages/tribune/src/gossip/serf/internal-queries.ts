/** Queries that serf itself answers (sheet serf §4): name conflicts, pings, and the keyring's. */

import { GossipCodecError } from "../../codec/gossip-error.ts";
import { parseIp } from "../../codec/ip-address.ts";
import { decodeSerfMessage, encodeSerfMessage, type Query } from "../../codec/serf-messages.ts";
import type { Outbox } from "./outbox.ts";
import type { KeyAnswer, KeyOperation, SerfMember, SerfStatus } from "./types.ts";

/** No application is asked one that starts so. */
export const INTERNAL_PREFIX = "_serf_";

const KEY_OPERATIONS: Readonly<Record<string, KeyOperation>> = {
  "install-key": "install",
  "use-key": "use",
  "remove-key": "remove",
  "list-keys": "list",
};

const STATUS_NUMBER: Readonly<Record<SerfStatus, number>> = { alive: 1, leaving: 2, left: 3, failed: 4 };
/** First byte of an answer to `conflict`. */
export const CONFLICT_RESPONSE = 6;
/** Stands there for a member that is not known. */
export const MSGPACK_NIL = 0xc0;
const EMPTY = new Uint8Array(0);

export type InternalQuery =
  | { readonly type: "respond"; readonly payload: Uint8Array }
  | { readonly type: "key"; readonly operation: KeyOperation; readonly key: Uint8Array }
  /** An acknowledgement was all, or it is not for us. */
  | { readonly type: "ignore" };

export function readInternalQuery(
  query: Query,
  self: string,
  memberOf: (name: string) => SerfMember | undefined,
  outbox: Outbox,
): InternalQuery {
  const name = query.name.slice(INTERNAL_PREFIX.length);
  const operation = Object.hasOwn(KEY_OPERATIONS, name) ? KEY_OPERATIONS[name] : undefined;
  if (operation !== undefined) return readKeyQuery(operation, query, outbox);
  if (name === "conflict") {
    const asked = Buffer.from(query.payload ?? EMPTY).toString();
    if (asked === self) return { type: "ignore" };
    outbox.log("DEBUG", `Got conflict resolution query for '${asked}'`);
    return { type: "respond", payload: conflictResponse(memberOf(asked)) };
  }
  if (name !== "ping") outbox.log("WARN", `Unhandled internal query '${name}'`);
  return { type: "ignore" };
}

function readKeyQuery(operation: KeyOperation, query: Query, outbox: Outbox): InternalQuery {
  if (operation === "list") return { type: "key", operation, key: EMPTY };
  try {
    const request = decodeSerfMessage(query.payload ?? EMPTY);
    if (request.type === "keyRequest") return { type: "key", operation, key: request.key ?? EMPTY };
    outbox.log("ERROR", "Failed to decode key request: it is another message");
  } catch (error) {
    if (!(error instanceof GossipCodecError)) throw error;
    outbox.log("ERROR", `Failed to decode key request: ${error.message}`);
  }
  return { type: "respond", payload: keyResponse({ result: false, message: "", keys: [], primaryKey: "" }) };
}

/** A member that is not known is a nil one. */
function conflictResponse(member: SerfMember | undefined): Uint8Array {
  if (member === undefined) return Uint8Array.of(CONFLICT_RESPONSE, MSGPACK_NIL);
  const { name, host, port, tags, status, protocol, delegate } = member;
  return encodeSerfMessage({
    type: "conflictResponse",
    name,
    addr: parseIp(host) ?? EMPTY,
    port,
    tags,
    status: STATUS_NUMBER[status],
    protocolMin: protocol.min,
    protocolMax: protocol.max,
    protocolCur: protocol.current,
    delegateMin: delegate.min,
    delegateMax: delegate.max,
    delegateCur: delegate.current,
  });
}

function keyResponse(answer: KeyAnswer): Uint8Array {
  return encodeSerfMessage({ type: "keyResponse", ...answer });
}

/**
 * What to answer a key query: all the keys, or as many as fit and a message that says so.
 * @param fits whether a payload may be sent.
 */
export function keyResponseThatFits(
  answer: KeyAnswer,
  fits: (payload: Uint8Array) => boolean,
): { readonly payload: Uint8Array; readonly warning: string | undefined } {
  const whole = keyResponse(answer);
  if (fits(whole)) return { payload: whole, warning: undefined };
  for (let count = answer.keys.length - 1; count >= 0; count--) {
    const message = `truncated key list response, showing first ${count} of ${answer.keys.length} keys`;
    const payload = keyResponse({ ...answer, keys: answer.keys.slice(0, count), message });
    if (fits(payload)) return { payload, warning: message };
  }
  return { payload: whole, warning: "Failed to truncate response so that it fits into message" };
}
