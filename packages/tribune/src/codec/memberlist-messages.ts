/**
 * memberlist's single messages: a type byte and a msgpack map (sheet memberlist §2). The layers around them
 * are in `memberlist-packet` and `memberlist-stream`.
 *
 * Properties carry the wire's names in camelCase. Addresses are raw bytes as sent (4 or 16, or none).
 */
import { invariant } from "../lib/invariant.ts";
import { GOSSIP_LIMITS, GossipCodecError } from "./gossip-error.ts";
import {
  bool,
  bytes,
  encodeTyped,
  type Field,
  gossipReader,
  ip,
  name,
  readingGossip,
  struct,
  text,
  u16,
  u32,
} from "./gossip-struct.ts";

/** First byte of a message or layer. */
export const MESSAGE_TYPE = {
  ping: 0,
  indirectPing: 1,
  ack: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6,
  compound: 7,
  user: 8,
  compress: 9,
  encrypt: 10,
  nack: 11,
  hasCrc: 12,
  error: 13,
  label: 244,
} as const;

/** Versions that a member speaks: memberlist's protocol and its delegate's (serf's). */
export interface ProtocolVersions {
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly protocolCurrent: number;
  readonly delegateMin: number;
  readonly delegateMax: number;
  readonly delegateCurrent: number;
}

export interface Ping {
  readonly type: "ping";
  readonly seqNo: number;
  /** Whom the sender means to reach; another node does not answer. */
  readonly node: string;
  /** Where to answer to; empty and 0 from peers that leave it to the packet's source. */
  readonly sourceAddr: Uint8Array;
  readonly sourcePort: number;
  readonly sourceNode: string;
}

export interface IndirectPing {
  readonly type: "indirectPing";
  readonly seqNo: number;
  readonly target: Uint8Array;
  readonly port: number;
  readonly node: string;
  /** The asker understands a nack. */
  readonly nack: boolean;
  readonly sourceAddr: Uint8Array;
  readonly sourcePort: number;
  readonly sourceNode: string;
}

export interface Ack {
  readonly type: "ack";
  readonly seqNo: number;
  /** serf's coordinate on direct acks over UDP, otherwise empty. */
  readonly payload: Uint8Array;
}

export interface Nack {
  readonly type: "nack";
  readonly seqNo: number;
}

/** `type` dead with `from` equal to `node` is a leave. */
export interface Accusation {
  readonly type: "suspect" | "dead";
  readonly incarnation: number;
  readonly node: string;
  readonly from: string;
}

export interface Alive {
  readonly type: "alive";
  readonly incarnation: number;
  readonly node: string;
  readonly addr: Uint8Array;
  readonly port: number;
  /** At most 512 bytes; serf's tags. */
  readonly meta: Uint8Array;
  /** undefined where fewer than six were sent. */
  readonly versions: ProtocolVersions | undefined;
}

/** For the layer above: a serf message. */
export interface User {
  readonly type: "user";
  readonly payload: Uint8Array;
}

export type PacketMessage = Ping | IndirectPing | Ack | Nack | Accusation | Alive | User;

/** Only on streams. */
export interface RemoteError {
  readonly type: "error";
  readonly error: string;
}

const VERSIONS_BYTES = 6;

/** `Vsn`. Bytes of versions yet to come are passed over. */
export const versions: Field<ProtocolVersions | undefined> = {
  zero: undefined,
  read(reader) {
    const [protocolMin, protocolMax, protocolCurrent, delegateMin, delegateMax, delegateCurrent] = reader.bytesView();
    if (delegateCurrent === undefined) return undefined;
    return {
      protocolMin: protocolMin!,
      protocolMax: protocolMax!,
      protocolCurrent: protocolCurrent!,
      delegateMin: delegateMin!,
      delegateMax: delegateMax!,
      delegateCurrent,
    };
  },
  write(writer, value) {
    if (value === undefined) return void writer.nil();
    const { protocolMin, protocolMax, protocolCurrent, delegateMin, delegateMax, delegateCurrent } = value;
    const list = [protocolMin, protocolMax, protocolCurrent, delegateMin, delegateMax, delegateCurrent];
    invariant(list.length === VERSIONS_BYTES, "six versions");
    writer.bytes(Uint8Array.from(list));
  },
};

export const meta: Field<Uint8Array> = bytes(GOSSIP_LIMITS.metaBytesMax);

type Body<T> = Omit<T, "type">;

const accusation = struct<Body<Accusation>>({
  incarnation: ["Incarnation", u32],
  node: ["Node", name],
  from: ["From", name],
});

/** Messages that are one map. */
const BODIES = {
  ping: struct<Body<Ping>>({
    seqNo: ["SeqNo", u32],
    node: ["Node", name],
    sourceAddr: ["SourceAddr", ip, "omitZero"],
    sourcePort: ["SourcePort", u16, "omitZero"],
    sourceNode: ["SourceNode", name, "omitZero"],
  }),
  indirectPing: struct<Body<IndirectPing>>({
    seqNo: ["SeqNo", u32],
    target: ["Target", ip],
    port: ["Port", u16],
    node: ["Node", name],
    nack: ["Nack", bool],
    sourceAddr: ["SourceAddr", ip, "omitZero"],
    sourcePort: ["SourcePort", u16, "omitZero"],
    sourceNode: ["SourceNode", name, "omitZero"],
  }),
  ack: struct<Body<Ack>>({ seqNo: ["SeqNo", u32], payload: ["Payload", bytes()] }),
  nack: struct<Body<Nack>>({ seqNo: ["SeqNo", u32] }),
  suspect: accusation,
  dead: accusation,
  alive: struct<Body<Alive>>({
    incarnation: ["Incarnation", u32],
    node: ["Node", name],
    addr: ["Addr", ip],
    port: ["Port", u16],
    meta: ["Meta", meta],
    versions: ["Vsn", versions],
  }),
  error: struct<Body<RemoteError>>({ error: ["Error", text()] }),
} as const;

type BodyName = keyof typeof BODIES;

const NAME_OF_TYPE = new Map<number, BodyName>(
  (Object.keys(BODIES) as BodyName[]).map((one) => [MESSAGE_TYPE[one], one]),
);

/** A whole message; for a stream, what goes into the innermost layer. */
export function encodeMessage(message: PacketMessage | RemoteError): Uint8Array {
  if (message.type === "user") {
    const encoded = new Uint8Array(1 + message.payload.length);
    encoded[0] = MESSAGE_TYPE.user;
    encoded.set(message.payload, 1);
    return encoded;
  }
  return encodeTyped(MESSAGE_TYPE[message.type], BODIES[message.type] as Field<object>, message);
}

/** @throws GossipCodecError also for types that are layers or belong on streams. */
export function decodeMessage(encoded: Uint8Array): PacketMessage {
  // Not `slice`, which shares memory where the packet is a Buffer.
  if (encoded[0] === MESSAGE_TYPE.user) return { type: "user", payload: new Uint8Array(encoded.subarray(1)) };
  const message = decodeMapMessage(encoded);
  if (message.type === "error") throw new GossipCodecError("malformed", "an error message in a packet");
  return message;
}

/** Messages that are one map. @throws GossipCodecError */
export function decodeMapMessage(encoded: Uint8Array): Exclude<PacketMessage, User> | RemoteError {
  const type = encoded[0] === undefined ? undefined : NAME_OF_TYPE.get(encoded[0]);
  if (type === undefined)
    throw new GossipCodecError("malformed", `message type ${encoded[0] ?? "missing"} is not known here`);
  const body: object = readingGossip(type, () => BODIES[type].read(gossipReader(encoded, 1)));
  return { type, ...body } as Exclude<PacketMessage, User> | RemoteError;
}
