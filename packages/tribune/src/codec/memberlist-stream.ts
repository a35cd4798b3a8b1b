/**
 * Gossip over TCP, one exchange per connection: label, encryption frame, compression, then one message (sheet
 * memberlist §6). Nothing says how long a plaintext message is, so `StreamDecoder` finds its end as bytes arrive.
 */
import { type GossipEncryption, open, seal, sealedLength } from "./gossip-encryption.ts";
import { GOSSIP_LIMITS, GossipCodecError } from "./gossip-error.ts";
import {
  bool,
  count,
  encodeTyped,
  type Field,
  gossipReader,
  ip,
  name,
  readingGossip,
  struct,
  u16,
  u32,
} from "./gossip-struct.ts";
import { checkLabel, compress, decompress, labelBytes, labelHeader } from "./memberlist-layers.ts";
import {
  type Ack,
  decodeMapMessage,
  encodeMessage,
  MESSAGE_TYPE,
  meta,
  type Ping,
  type ProtocolVersions,
  type RemoteError,
  type User,
  versions,
} from "./memberlist-messages.ts";
import type { GossipSecurity } from "./memberlist-packet.ts";
import { type MsgpackReader, MsgpackScanner, MsgpackWriter } from "./msgpack.ts";

export type PushPullState = "alive" | "suspect" | "dead" | "left";

/** A member as one node knows it. */
export interface PushPullNode {
  readonly name: string;
  readonly addr: Uint8Array;
  readonly port: number;
  readonly meta: Uint8Array;
  readonly incarnation: number;
  readonly state: PushPullState;
  readonly versions: ProtocolVersions | undefined;
}

/** One side's whole state. */
export interface PushPull {
  readonly type: "pushPull";
  readonly join: boolean;
  readonly nodes: readonly PushPullNode[];
  /** serf's push/pull message. */
  readonly userState: Uint8Array;
}

export type StreamMessage = PushPull | User | Ping | Ack | RemoteError;

export interface StreamOptions extends GossipSecurity {
  /** Applied even where it makes the message larger, as by every peer. */
  readonly compress: boolean;
  /** Only the dialling side writes the label; both sides authenticate it. */
  readonly dialling: boolean;
}

const ENCRYPT_HEADER_BYTES = 5;
/** Label and encryption header, in front of what is bounded. */
const HEADERS_BYTES_MAX = 2 + 255 + ENCRYPT_HEADER_BYTES;

// ---- writing ----

/** @throws GossipCodecError when the message is larger than a peer accepts. */
export function encodeStream(message: StreamMessage, options: StreamOptions): Uint8Array {
  const { label = "", encryption, dialling } = options;
  let bytes = encodeInnermost(message);
  if (options.compress) bytes = compress(bytes);
  if (bytes.length > GOSSIP_LIMITS.streamBytesMax) throw tooLarge(bytes.length);
  if (encryption?.verifyOutgoing) bytes = encrypt(encryption, bytes, label);
  return dialling && label !== "" ? Buffer.concat([labelHeader(label), bytes]) : bytes;
}

function encrypt(encryption: GossipEncryption, bytes: Uint8Array, label: string): Uint8Array {
  const length = sealedLength(bytes.length, encryption.version);
  if (length > GOSSIP_LIMITS.streamBytesMax) throw tooLarge(length);
  const header = Buffer.alloc(ENCRYPT_HEADER_BYTES);
  header[0] = MESSAGE_TYPE.encrypt;
  header.writeUInt32BE(length, 1);
  return Buffer.concat([header, seal(encryption, bytes, Buffer.concat([header, labelBytes(label)]))]);
}

function encodeInnermost(message: StreamMessage): Uint8Array {
  switch (message.type) {
    case "user": {
      const header = encodeTyped(MESSAGE_TYPE.user, USER_HEADER, { length: message.payload.length });
      return Buffer.concat([header, message.payload]);
    }
    case "pushPull":
      return encodePushPull(message);
    default:
      return encodeMessage(message);
  }
}

function encodePushPull({ join, nodes, userState }: PushPull): Uint8Array {
  const writer = new MsgpackWriter(64 + 256 * nodes.length);
  writer.byte(MESSAGE_TYPE.pushPull);
  PUSH_PULL_HEADER.write(writer, { join, nodes: nodes.length, userStateLength: userState.length });
  for (const node of nodes) NODE.write(writer, node);
  return writer.encoded(userState).take();
}

// ---- fields ----

const byteCount = count("length", GOSSIP_LIMITS.streamPlainBytesMax);

const USER_HEADER = struct<{ readonly length: number }>({ length: ["UserMsgLen", byteCount] });

const PUSH_PULL_HEADER = struct<{ readonly join: boolean; readonly nodes: number; readonly userStateLength: number }>({
  join: ["Join", bool],
  nodes: ["Nodes", count("number of members", GOSSIP_LIMITS.membersMax)],
  userStateLength: ["UserStateLen", byteCount],
});

/** Position is the number on the wire. */
const STATES: readonly PushPullState[] = ["alive", "suspect", "dead", "left"];

const state: Field<PushPullState> = {
  zero: "alive",
  read(reader) {
    const number = reader.int();
    const known = STATES[number];
    if (known === undefined) throw new GossipCodecError("malformed", `member state ${number} is not known`);
    return known;
  },
  write: (writer, value) => void writer.int(STATES.indexOf(value)),
};

const NODE = struct<PushPullNode>({
  name: ["Name", name],
  addr: ["Addr", ip],
  port: ["Port", u16],
  meta: ["Meta", meta],
  incarnation: ["Incarnation", u32],
  state: ["State", state],
  versions: ["Vsn", versions],
});

// ---- reading ----

export interface StreamDecoderOptions extends GossipSecurity {
  /** The dialling side reads a reply, which has no label in front. */
  readonly dialling: boolean;
}

/**
 * Collects one message. Everything is kept until it is whole, up to `GOSSIP_LIMITS.streamBytesMax` and
 * one chunk; what comes behind it is ignored.
 */
export class StreamDecoder {
  readonly #options: StreamDecoderOptions;
  #received = new Uint8Array(4_096);
  #length = 0;
  /** Where the message's type byte is, once the label has been checked. */
  #start: number | undefined;
  #extent: PlainExtent | undefined;

  constructor(options: StreamDecoderOptions) {
    this.#options = options;
  }

  /**
   * @returns the message once its last byte is there.
   * @throws GossipCodecError; an end of the stream before that is the caller's to notice.
   */
  push(chunk: Uint8Array): StreamMessage | undefined {
    this.#append(chunk);
    const received = this.#received.subarray(0, this.#length);
    this.#start ??= this.#options.dialling ? 0 : checkLabel(received, this.#options.label ?? "");
    if (this.#start === undefined) return undefined;
    const type = received[this.#start];
    if (type === undefined) return undefined;
    if (type === MESSAGE_TYPE.encrypt) return this.#encrypted(received.subarray(this.#start));
    if (this.#options.encryption?.verifyIncoming) {
      throw new GossipCodecError("encryption", "Encryption is configured but remote state is not encrypted");
    }
    this.#extent ??= new PlainExtent(this.#start);
    const end = this.#extent.find(received);
    return end === undefined ? undefined : decodePlain(received.subarray(this.#start, end));
  }

  #append(chunk: Uint8Array): void {
    if (this.#length > GOSSIP_LIMITS.streamBytesMax + HEADERS_BYTES_MAX) throw tooLarge(this.#length);
    const needed = this.#length + chunk.length;
    if (needed > this.#received.length) {
      const larger = new Uint8Array(Math.max(needed, this.#received.length * 2));
      larger.set(this.#received.subarray(0, this.#length));
      this.#received = larger;
    }
    this.#received.set(chunk, this.#length);
    this.#length = needed;
  }

  #encrypted(frame: Uint8Array): StreamMessage | undefined {
    const { encryption, label = "" } = this.#options;
    if (encryption === undefined) {
      throw new GossipCodecError("encryption", "Remote state is encrypted and encryption is not configured");
    }
    if (frame.length < ENCRYPT_HEADER_BYTES) return undefined;
    const header = frame.subarray(0, ENCRYPT_HEADER_BYTES);
    const length = Buffer.from(header).readUInt32BE(1);
    if (length > GOSSIP_LIMITS.streamBytesMax) throw tooLarge(length);
    if (frame.length < ENCRYPT_HEADER_BYTES + length) return undefined;
    const payload = frame.subarray(ENCRYPT_HEADER_BYTES, ENCRYPT_HEADER_BYTES + length);
    return decodePlain(open(encryption, payload, Buffer.concat([header, labelBytes(label)])));
  }
}

function tooLarge(length: number): GossipCodecError {
  return new GossipCodecError("tooLarge", `Remote node state is larger than limit (${length})`);
}

/** Finds the end of a message that nothing announces: values of msgpack, then as many bytes as they say. */
class PlainExtent {
  readonly #start: number;
  readonly #scanner: MsgpackScanner;
  /** Values still to come behind the header; undefined before it was read. */
  #valuesLeft: number | undefined;
  #tailLength = 0;
  #end = 0;

  constructor(start: number) {
    this.#start = start;
    this.#scanner = new MsgpackScanner(start + 1);
  }

  find(received: Uint8Array): number | undefined {
    return readingGossip("stream", () => this.#find(received));
  }

  #find(received: Uint8Array): number | undefined {
    if (this.#valuesLeft === undefined) {
      if (!this.#scanValue(received)) return undefined;
      this.#readHeader(received);
    }
    for (; this.#valuesLeft! > 0; this.#valuesLeft!--) {
      if (!this.#scanValue(received)) return undefined;
    }
    const end = this.#end + this.#tailLength;
    return end <= received.length ? end : undefined;
  }

  #scanValue(received: Uint8Array): boolean {
    const end = this.#scanner.scan(received);
    if (end === undefined) return false;
    this.#end = end;
    this.#scanner.restart(end);
    return true;
  }

  #readHeader(received: Uint8Array): void {
    const reader = gossipReader(received, this.#start + 1);
    this.#valuesLeft = 0;
    if (received[this.#start] === MESSAGE_TYPE.pushPull) {
      const { nodes, userStateLength } = PUSH_PULL_HEADER.read(reader);
      this.#valuesLeft = nodes;
      this.#tailLength = userStateLength;
    } else if (received[this.#start] === MESSAGE_TYPE.user) this.#tailLength = USER_HEADER.read(reader).length;
  }
}

/** A whole message, compressed or not. */
function decodePlain(bytes: Uint8Array): StreamMessage {
  if (bytes[0] !== MESSAGE_TYPE.compress) return decodeInnermost(bytes);
  return decodeInnermost(decompress(bytes, GOSSIP_LIMITS.streamPlainBytesMax));
}

function decodeInnermost(bytes: Uint8Array): StreamMessage {
  switch (bytes[0]) {
    case MESSAGE_TYPE.pushPull:
      return readingGossip("push/pull", () => readPushPull(bytes));
    case MESSAGE_TYPE.user:
      return readingGossip("user message", () => {
        const reader = gossipReader(bytes, 1);
        return { type: "user", payload: tail(reader, bytes, USER_HEADER.read(reader).length) };
      });
    default: {
      const message = decodeMapMessage(bytes);
      if (message.type === "ping" || message.type === "ack" || message.type === "error") return message;
      throw new GossipCodecError("malformed", `Received invalid msgType (${bytes[0]})`);
    }
  }
}

function readPushPull(bytes: Uint8Array): PushPull {
  const reader = gossipReader(bytes, 1);
  const header = PUSH_PULL_HEADER.read(reader);
  const nodes: PushPullNode[] = [];
  for (let left = header.nodes; left > 0; left--) nodes.push(NODE.read(reader));
  return { type: "pushPull", join: header.join, nodes, userState: tail(reader, bytes, header.userStateLength) };
}

function tail(reader: MsgpackReader, bytes: Uint8Array, length: number): Uint8Array {
  if (reader.remaining < length) throw new GossipCodecError("malformed", "the message ends in its payload");
  return new Uint8Array(bytes.subarray(reader.position, reader.position + length));
}
