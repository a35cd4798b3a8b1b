/**
 * serf's messages: a type byte and a msgpack map, carried as memberlist user messages, as the user state of a
 * push/pull, or inside a query and its responses (sheet serf §1, §5).
 *
 * Properties carry the wire's names in camelCase; `lTime` is a Lamport time. A payload that is undefined is a
 * nil one on the wire.
 */
import { GOSSIP_LIMITS, GossipCodecError } from "./gossip-error.ts";
import {
  arrayOf,
  bool,
  bytes,
  count,
  durationMs,
  encodeTyped,
  type Field,
  gossipReader,
  ip,
  lamportTime,
  mapOf,
  name,
  optional,
  optionalBytes,
  readingGossip,
  struct,
  text,
  u8,
  u16,
  u32,
} from "./gossip-struct.ts";

/** Asks for an acknowledgement (query), is one (response). */
export const FLAG_ACK = 1;
/** The query must not be broadcast again. */
export const FLAG_NO_BROADCAST = 2;

export interface LeaveIntent {
  readonly type: "leave";
  readonly lTime: number;
  readonly node: string;
  /** Erase the member instead of remembering that it left. */
  readonly prune: boolean;
}

export interface JoinIntent {
  readonly type: "join";
  readonly lTime: number;
  readonly node: string;
}

export interface SerfPushPull {
  readonly type: "pushPull";
  readonly lTime: number;
  /** By member name, the Lamport time of its last status change. */
  readonly statusLTimes: ReadonlyMap<string, number>;
  readonly leftMembers: readonly string[];
  readonly eventLTime: number;
  /** The whole event ring; empty slots are undefined. */
  readonly events: readonly (RecentEvents | undefined)[];
  readonly queryLTime: number;
}

/** The user events of one Lamport time. */
export interface RecentEvents {
  readonly lTime: number;
  readonly events: readonly { readonly name: string; readonly payload: Uint8Array | undefined }[];
}

export interface UserEvent {
  readonly type: "userEvent";
  readonly lTime: number;
  readonly name: string;
  readonly payload: Uint8Array | undefined;
  /** Events of one name may be coalesced. */
  readonly cc: boolean;
}

export interface Query {
  readonly type: "query";
  readonly lTime: number;
  readonly id: number;
  /** Where responses go. */
  readonly addr: Uint8Array;
  readonly port: number;
  readonly sourceNode: string;
  /** Encoded; see `serf-filters`. */
  readonly filters: readonly Uint8Array[];
  /** `FLAG_ACK`, `FLAG_NO_BROADCAST`, and whatever else was sent. */
  readonly flags: number;
  /** How many other members each response is relayed through as well. */
  readonly relayFactor: number;
  readonly timeoutMs: number;
  readonly name: string;
  readonly payload: Uint8Array | undefined;
}

export interface QueryResponse {
  readonly type: "queryResponse";
  readonly lTime: number;
  readonly id: number;
  readonly from: string;
  readonly flags: number;
  readonly payload: Uint8Array | undefined;
}

/** In the response to a `conflict` query: how the responder knows that member. */
export interface ConflictResponse {
  readonly type: "conflictResponse";
  readonly name: string;
  readonly addr: Uint8Array;
  readonly port: number;
  readonly tags: ReadonlyMap<string, string>;
  /** none 0, alive 1, leaving 2, left 3, failed 4. */
  readonly status: number;
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly protocolCur: number;
  readonly delegateMin: number;
  readonly delegateMax: number;
  readonly delegateCur: number;
}

/** In a key query; `key` is raw, and undefined or empty to list. */
export interface KeyRequest {
  readonly type: "keyRequest";
  readonly key: Uint8Array | undefined;
}

export interface KeyResponse {
  readonly type: "keyResponse";
  readonly result: boolean;
  readonly message: string;
  /** Base64. */
  readonly keys: readonly string[];
  readonly primaryKey: string;
}

/** Asks to pass a message on. */
export interface Relay {
  readonly type: "relay";
  readonly destAddr: { readonly ip: Uint8Array; readonly port: number; readonly zone: string };
  readonly destName: string;
  /** Type byte and map, to be sent as it is. */
  readonly message: Uint8Array;
}

export type SerfMessage =
  | LeaveIntent
  | JoinIntent
  | SerfPushPull
  | UserEvent
  | Query
  | QueryResponse
  | ConflictResponse
  | KeyRequest
  | KeyResponse
  | Relay;

type Body<T> = Omit<T, "type">;

const payload = optionalBytes();
const { eventsMax, membersMax } = GOSSIP_LIMITS;

const recentEvents = struct<RecentEvents>({
  lTime: ["LTime", lamportTime],
  events: [
    "Events",
    arrayOf(
      struct<RecentEvents["events"][number]>({ name: ["Name", text()], payload: ["Payload", payload] }),
      eventsMax,
      "empty",
    ),
  ],
});

const relayHeader = struct<Omit<Relay, "type" | "message">>({
  destAddr: [
    "DestAddr",
    struct<Relay["destAddr"]>({
      ip: ["IP", ip],
      port: ["Port", u16],
      zone: ["Zone", name],
    }),
  ],
  destName: ["DestName", name],
});

const TYPE_BYTE = {
  leave: 0,
  join: 1,
  pushPull: 2,
  userEvent: 3,
  query: 4,
  queryResponse: 5,
  conflictResponse: 6,
  keyRequest: 7,
  keyResponse: 8,
  relay: 9,
} as const satisfies Record<SerfMessage["type"], number>;

/** Messages that are one map. */
const BODIES = {
  leave: struct<Body<LeaveIntent>>({ lTime: ["LTime", lamportTime], node: ["Node", name], prune: ["Prune", bool] }),
  join: struct<Body<JoinIntent>>({ lTime: ["LTime", lamportTime], node: ["Node", name] }),
  pushPull: struct<Body<SerfPushPull>>({
    lTime: ["LTime", lamportTime],
    statusLTimes: ["StatusLTimes", mapOf(name, lamportTime, membersMax)],
    leftMembers: ["LeftMembers", arrayOf(name, membersMax, "empty")],
    eventLTime: ["EventLTime", lamportTime],
    events: ["Events", arrayOf(optional(recentEvents), eventsMax, "empty")],
    queryLTime: ["QueryLTime", lamportTime],
  }),
  userEvent: struct<Body<UserEvent>>({
    lTime: ["LTime", lamportTime],
    name: ["Name", text()],
    payload: ["Payload", payload],
    cc: ["CC", bool],
  }),
  query: struct<Body<Query>>({
    lTime: ["LTime", lamportTime],
    id: ["ID", u32],
    addr: ["Addr", ip],
    port: ["Port", u16],
    sourceNode: ["SourceNode", name],
    filters: ["Filters", arrayOf(bytes(), eventsMax, "nil")],
    flags: ["Flags", u32],
    relayFactor: ["RelayFactor", u8],
    timeoutMs: ["Timeout", durationMs],
    name: ["Name", text()],
    payload: ["Payload", payload],
  }),
  queryResponse: struct<Body<QueryResponse>>({
    lTime: ["LTime", lamportTime],
    id: ["ID", u32],
    from: ["From", name],
    flags: ["Flags", u32],
    payload: ["Payload", payload],
  }),
  conflictResponse: struct<Body<ConflictResponse>>({
    name: ["Name", name],
    addr: ["Addr", ip],
    port: ["Port", u16],
    tags: ["Tags", mapOf(text(), text(), eventsMax)],
    status: ["Status", count("status", 0xff)],
    protocolMin: ["ProtocolMin", u8],
    protocolMax: ["ProtocolMax", u8],
    protocolCur: ["ProtocolCur", u8],
    delegateMin: ["DelegateMin", u8],
    delegateMax: ["DelegateMax", u8],
    delegateCur: ["DelegateCur", u8],
  }),
  keyRequest: struct<Body<KeyRequest>>({ key: ["Key", payload] }),
  keyResponse: struct<Body<KeyResponse>>({
    result: ["Result", bool],
    message: ["Message", text()],
    keys: ["Keys", arrayOf(text(), eventsMax, "nil")],
    primaryKey: ["PrimaryKey", text()],
  }),
} as const;

type BodyName = keyof typeof BODIES;

const NAME_OF_TYPE: readonly BodyName[] = (Object.keys(BODIES) as BodyName[]).sort(
  (left, right) => TYPE_BYTE[left] - TYPE_BYTE[right],
);

export function encodeSerfMessage(message: SerfMessage): Uint8Array {
  if (message.type === "relay") {
    return Buffer.concat([encodeTyped(TYPE_BYTE.relay, relayHeader, message), message.message]);
  }
  return encodeTyped(TYPE_BYTE[message.type], BODIES[message.type] as Field<object>, message);
}

/** @throws GossipCodecError also for a type that this version does not know. */
export function decodeSerfMessage(encoded: Uint8Array): SerfMessage {
  const type = encoded[0];
  if (type === TYPE_BYTE.relay) return readingGossip("relay", () => readRelay(encoded));
  const known = type === undefined ? undefined : NAME_OF_TYPE[type];
  if (known === undefined)
    throw new GossipCodecError("malformed", `serf message type ${type ?? "missing"} is not known`);
  const body: object = readingGossip(known, () => BODIES[known].read(gossipReader(encoded, 1)));
  return { type: known, ...body } as SerfMessage;
}

function readRelay(encoded: Uint8Array): Relay {
  const reader = gossipReader(encoded, 1);
  const header = relayHeader.read(reader);
  return { type: "relay", ...header, message: new Uint8Array(encoded.subarray(reader.position)) };
}
