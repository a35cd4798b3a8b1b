/**
 * hashicorp/raft's messages between servers (sheet raft §1, §2): a type byte and one msgpack map, answered by a msgpack
 * text (the error, empty when there is none) and one msgpack value. Field names and shapes are the wire's; what they
 * mean is the Raft core's.
 */
import { decodeGoTime, goTimeToMs, isZeroTime } from "./go-time.ts";
import { MsgpackError, type MsgpackLimits, MsgpackReader, MsgpackWriter } from "./msgpack.ts";

export const RAFT_LIMITS = {
  /** Entries of one append; hashicorp's own bound (`MaxAppendEntries`). Consul sends 64. */
  entriesMax: 1_024,
  /** One message. 64 entries of 512 KiB make 32 MiB; a large registration may come on top. */
  messageBytesMax: 128 * 1_024 * 1_024,
  /** Address or id of a server. */
  nameBytesMax: 512,
  /** Peer set of a snapshot. */
  configurationBytesMax: 1_024 * 1_024,
  /** Text of an error. */
  errorBytesMax: 64 * 1_024,
  /** State behind InstallSnapshot. */
  snapshotBytesMax: 2 ** 40,
} as const;

/** Bounds for readers and scanners of these messages. */
export const RAFT_MSGPACK_LIMITS: MsgpackLimits = {
  depthMax: 8,
  rawBytesMax: RAFT_LIMITS.messageBytesMax,
  countMax: RAFT_LIMITS.entriesMax,
};

/** First byte of a request. */
export const RAFT_RPC = {
  appendEntries: 0,
  requestVote: 1,
  installSnapshot: 2,
  timeoutNow: 3,
  /** Peers of Consul 1.10 close the connection on it. */
  requestPreVote: 4,
} as const;

export type RaftRpc = keyof typeof RAFT_RPC;
const RPC_NAMES = Object.keys(RAFT_RPC) as RaftRpc[];

export function raftRpcOf(typeByte: number): RaftRpc | undefined {
  return RPC_NAMES[typeByte];
}

/** Position is the number on the wire; what is left out belongs to protocol versions nobody speaks any more. */
const ENTRY_TYPES = ["command", "noop", undefined, undefined, "barrier", "configuration"] as const;
type EntryType = NonNullable<(typeof ENTRY_TYPES)[number]>;

/** The Raft core's entry, field for field: none is copied on its way. */
export interface RaftWireEntry {
  readonly index: number;
  readonly term: number;
  readonly type: EntryType;
  readonly data: Uint8Array;
  readonly extensions?: Uint8Array;
  /** Unix milliseconds; the fraction survives to about a microsecond. */
  readonly appendedAtMs?: number;
}

/** At the top level of every request. Id and address come from newer peers only ("" where absent). */
export interface RaftHeader {
  readonly protocolVersion: number;
  readonly id: string;
  readonly address: string;
}

export type RaftWireBody =
  | {
      readonly type: "appendEntries";
      readonly term: number;
      /** Address of the leader's RPC listener, as text. */
      readonly leader: string;
      readonly prevLogIndex: number;
      readonly prevLogTerm: number;
      /** Undefined for Go's nil slice, which marks heartbeats. */
      readonly entries: readonly RaftWireEntry[] | undefined;
      readonly leaderCommit: number;
    }
  | {
      readonly type: "requestVote";
      readonly term: number;
      readonly candidate: string;
      readonly lastLogIndex: number;
      readonly lastLogTerm: number;
      readonly leadershipTransfer: boolean;
    }
  | {
      readonly type: "installSnapshot";
      readonly term: number;
      readonly leader: string;
      readonly snapshotVersion: number;
      readonly lastLogIndex: number;
      readonly lastLogTerm: number;
      /** Voters' addresses, see `encodeRaftPeers`. */
      readonly peers: Uint8Array;
      /** See `encodeRaftConfiguration`. */
      readonly configuration: Uint8Array;
      readonly configurationIndex: number;
      /** Bytes of state that follow the message. */
      readonly sizeBytes: number;
    }
  | { readonly type: "timeoutNow" }
  | {
      readonly type: "requestPreVote";
      readonly term: number;
      readonly lastLogIndex: number;
      readonly lastLogTerm: number;
    };

export type RaftWireRequest = RaftHeader & RaftWireBody;

export type RaftWireReply =
  | {
      readonly type: "appendEntries";
      readonly term: number;
      readonly lastLog: number;
      readonly success: boolean;
      readonly noRetryBackoff: boolean;
    }
  | { readonly type: "requestVote" | "requestPreVote"; readonly term: number; readonly granted: boolean }
  | { readonly type: "installSnapshot"; readonly term: number; readonly success: boolean }
  | { readonly type: "timeoutNow" };

// ---- writing ----

/** Kept between messages. */
const shared = new MsgpackWriter(4_096);

export function encodeRaftRequest(request: RaftWireRequest): Uint8Array {
  const writer = shared;
  writer.reset();
  writer.byte(RAFT_RPC[request.type]);
  const { protocolVersion, id, address } = request;
  const extra = (id === "" ? 0 : 1) + (address === "" ? 0 : 1);
  switch (request.type) {
    case "appendEntries": {
      writer.mapHeader(7 + extra);
      if (address !== "") writer.text("Addr").text(address);
      writer.text("Entries");
      writeEntries(writer, request.entries);
      if (id !== "") writer.text("ID").text(id);
      writer.text("Leader").text(request.leader).text("LeaderCommitIndex").int(request.leaderCommit);
      writer.text("PrevLogEntry").int(request.prevLogIndex).text("PrevLogTerm").int(request.prevLogTerm);
      writer.text("ProtocolVersion").int(protocolVersion).text("Term").int(request.term);
      break;
    }
    case "requestVote":
      writer.mapHeader(6 + extra);
      if (address !== "") writer.text("Addr").text(address);
      writer.text("Candidate").text(request.candidate);
      if (id !== "") writer.text("ID").text(id);
      writer.text("LastLogIndex").int(request.lastLogIndex).text("LastLogTerm").int(request.lastLogTerm);
      writer.text("LeadershipTransfer").bool(request.leadershipTransfer);
      writer.text("ProtocolVersion").int(protocolVersion).text("Term").int(request.term);
      break;
    case "installSnapshot":
      writer.mapHeader(10 + extra);
      if (address !== "") writer.text("Addr").text(address);
      writer.text("Configuration").bytes(request.configuration);
      writer.text("ConfigurationIndex").int(request.configurationIndex);
      if (id !== "") writer.text("ID").text(id);
      writer.text("LastLogIndex").int(request.lastLogIndex).text("LastLogTerm").int(request.lastLogTerm);
      writer.text("Leader").text(request.leader).text("Peers").bytes(request.peers);
      writer.text("ProtocolVersion").int(protocolVersion).text("Size").int(request.sizeBytes);
      writer.text("SnapshotVersion").int(request.snapshotVersion).text("Term").int(request.term);
      break;
    case "timeoutNow":
      writer.mapHeader(1 + extra);
      if (address !== "") writer.text("Addr").text(address);
      if (id !== "") writer.text("ID").text(id);
      writer.text("ProtocolVersion").int(protocolVersion);
      break;
    case "requestPreVote":
      writer.mapHeader(4 + extra);
      if (address !== "") writer.text("Addr").text(address);
      if (id !== "") writer.text("ID").text(id);
      writer.text("LastLogIndex").int(request.lastLogIndex).text("LastLogTerm").int(request.lastLogTerm);
      writer.text("ProtocolVersion").int(protocolVersion).text("Term").int(request.term);
      break;
  }
  return writer.take();
}

function writeEntries(writer: MsgpackWriter, entries: readonly RaftWireEntry[] | undefined): void {
  if (entries === undefined) {
    writer.nil();
    return;
  }
  writer.arrayHeader(entries.length);
  for (const { index, term, type, data, extensions, appendedAtMs } of entries) {
    writer.mapHeader(6).text("AppendedAt");
    writeTime(writer, appendedAtMs);
    writer.text("Data");
    if (data.length === 0) writer.nil();
    else writer.bytes(data);
    writer.text("Extensions");
    if (extensions === undefined) writer.nil();
    else writer.bytes(extensions);
    writer.text("Index").int(index).text("Term").int(term).text("Type").int(ENTRY_TYPES.indexOf(type));
  }
}

/** Seconds from the year 1, where Go's count starts, to 1970. */
const UNIX_EPOCH_SECONDS = 62_135_596_800;
const time = new Uint8Array(15);
const timeView = new DataView(time.buffer);

/** `encodeGoTime` without an object for each entry; absent is Go's zero time. Always UTC. */
function writeTime(writer: MsgpackWriter, unixMs: number | undefined): void {
  const seconds = unixMs === undefined ? 0 : Math.floor(unixMs / 1_000) + UNIX_EPOCH_SECONDS;
  const nanoseconds = unixMs === undefined ? 0 : Math.round((unixMs - Math.floor(unixMs / 1_000) * 1_000) * 1e6);
  time[0] = 1;
  timeView.setUint32(1, Math.floor(seconds / 2 ** 32));
  timeView.setUint32(5, seconds % 2 ** 32);
  timeView.setInt32(9, Math.min(999_999_999, nanoseconds));
  timeView.setInt16(13, -1);
  writer.bytes(time);
}

/** @param protocolVersion what hashicorp's own servers leave 0 in some replies, and nobody reads. */
export function encodeRaftReply(reply: RaftWireReply, protocolVersion: number): Uint8Array {
  const writer = shared;
  writer.reset();
  writer.text("");
  switch (reply.type) {
    case "appendEntries":
      writer.mapHeader(5).text("LastLog").int(reply.lastLog).text("NoRetryBackoff").bool(reply.noRetryBackoff);
      writer.text("ProtocolVersion").int(protocolVersion).text("Success").bool(reply.success);
      writer.text("Term").int(reply.term);
      break;
    case "requestVote":
      writer.mapHeader(4).text("Granted").bool(reply.granted).text("Peers").nil();
      writer.text("ProtocolVersion").int(protocolVersion).text("Term").int(reply.term);
      break;
    case "requestPreVote":
      writer.mapHeader(3).text("Granted").bool(reply.granted);
      writer.text("ProtocolVersion").int(protocolVersion).text("Term").int(reply.term);
      break;
    case "installSnapshot":
      writer.mapHeader(3).text("ProtocolVersion").int(protocolVersion);
      writer.text("Success").bool(reply.success).text("Term").int(reply.term);
      break;
    case "timeoutNow":
      writer.mapHeader(1).text("ProtocolVersion").int(protocolVersion);
      break;
  }
  return writer.take();
}

/** An error text and the nil that hashicorp's client reads behind it. */
export function encodeRaftError(text: string): Uint8Array {
  shared.reset();
  return shared.text(text).nil().take();
}

// ---- reading ----

interface Fields {
  type: RaftRpc;
  protocolVersion: number;
  id: string;
  address: string;
  term: number;
  leader: string;
  candidate: string;
  prevLogIndex: number;
  prevLogTerm: number;
  entries: RaftWireEntry[] | undefined;
  leaderCommit: number;
  lastLogIndex: number;
  lastLogTerm: number;
  leadershipTransfer: boolean;
  snapshotVersion: number;
  peers: Uint8Array;
  configuration: Uint8Array;
  configurationIndex: number;
  sizeBytes: number;
}

const NONE = new Uint8Array(0);

/**
 * The map of a request whose type byte was read. Unknown fields are passed over, absent ones zero.
 *
 * @throws MsgpackError for anything no peer sends, limits included.
 */
export function decodeRaftRequest(type: RaftRpc, bytes: Uint8Array): RaftWireRequest {
  const reader = new MsgpackReader(bytes, 0, RAFT_MSGPACK_LIMITS);
  const found: Fields = { ...ZERO, type };
  for (let left = reader.mapHeader(); left > 0; left--) readField(reader, reader.key(), found);
  const { protocolVersion, id, address, term, lastLogIndex, lastLogTerm } = found;
  const header = { protocolVersion, id, address };
  switch (type) {
    case "appendEntries": {
      const { leader, prevLogIndex, prevLogTerm, entries, leaderCommit } = found;
      return { ...header, type, term, leader, prevLogIndex, prevLogTerm, entries, leaderCommit };
    }
    case "requestVote": {
      const { candidate, leadershipTransfer } = found;
      return { ...header, type, term, candidate, lastLogIndex, lastLogTerm, leadershipTransfer };
    }
    case "installSnapshot": {
      const { leader, snapshotVersion, peers, configuration, configurationIndex, sizeBytes } = found;
      const log = { lastLogIndex, lastLogTerm, peers, configuration, configurationIndex, sizeBytes };
      return { ...header, type, term, leader, snapshotVersion, ...log };
    }
    case "timeoutNow":
      return { ...header, type };
    case "requestPreVote":
      return { ...header, type, term, lastLogIndex, lastLogTerm };
  }
}

const ZERO: Omit<Fields, "type"> = {
  protocolVersion: 0,
  id: "",
  address: "",
  term: 0,
  leader: "",
  candidate: "",
  prevLogIndex: 0,
  prevLogTerm: 0,
  entries: undefined,
  leaderCommit: 0,
  lastLogIndex: 0,
  lastLogTerm: 0,
  leadershipTransfer: false,
  snapshotVersion: 0,
  peers: NONE,
  configuration: NONE,
  configurationIndex: 0,
  sizeBytes: 0,
};

function readField(reader: MsgpackReader, key: string, found: Fields): void {
  switch (key) {
    case "ProtocolVersion":
      found.protocolVersion = reader.int();
      break;
    case "ID":
      found.id = name(reader);
      break;
    case "Addr":
      found.address = name(reader);
      break;
    case "Term":
      found.term = count(reader);
      break;
    case "Leader":
      found.leader = name(reader);
      break;
    case "Candidate":
      found.candidate = name(reader);
      break;
    case "PrevLogEntry":
      found.prevLogIndex = count(reader);
      break;
    case "PrevLogTerm":
      found.prevLogTerm = count(reader);
      break;
    case "Entries":
      found.entries = reader.tryNil() ? undefined : readEntries(reader);
      break;
    case "LeaderCommitIndex":
      found.leaderCommit = count(reader);
      break;
    case "LastLogIndex":
      found.lastLogIndex = count(reader);
      break;
    case "LastLogTerm":
      found.lastLogTerm = count(reader);
      break;
    case "LeadershipTransfer":
      found.leadershipTransfer = reader.bool();
      break;
    case "SnapshotVersion":
      found.snapshotVersion = reader.int();
      break;
    case "Peers":
      found.peers = bounded(reader, RAFT_LIMITS.configurationBytesMax);
      break;
    case "Configuration":
      found.configuration = bounded(reader, RAFT_LIMITS.configurationBytesMax);
      break;
    case "ConfigurationIndex":
      found.configurationIndex = count(reader);
      break;
    case "Size":
      found.sizeBytes = count(reader, RAFT_LIMITS.snapshotBytesMax);
      break;
    default:
      reader.skip();
  }
}

function readEntries(reader: MsgpackReader): RaftWireEntry[] {
  const entries: RaftWireEntry[] = [];
  for (let left = reader.arrayHeader(); left > 0; left--) entries.push(readEntry(reader));
  return entries;
}

function readEntry(reader: MsgpackReader): RaftWireEntry {
  let index = 0;
  let term = 0;
  let type: EntryType | undefined = "command";
  let data: Uint8Array = NONE;
  let extensions: Uint8Array | undefined;
  let appendedAtMs: number | undefined;
  for (let left = reader.mapHeader(); left > 0; left--) {
    switch (reader.key()) {
      case "Index":
        index = count(reader);
        break;
      case "Term":
        term = count(reader);
        break;
      case "Type":
        type = ENTRY_TYPES[reader.int()];
        if (type === undefined) throw new MsgpackError("an entry of an unknown type", reader.position);
        break;
      case "Data":
        data = reader.bytes();
        break;
      case "Extensions":
        extensions = reader.tryNil() ? undefined : reader.bytes();
        break;
      case "AppendedAt":
        appendedAtMs = readTime(reader);
        break;
      default:
        reader.skip();
    }
  }
  return {
    index,
    term,
    type,
    data,
    ...(extensions === undefined ? {} : { extensions }),
    ...(appendedAtMs === undefined ? {} : { appendedAtMs }),
  };
}

/** Newer peers may be set to msgpack's timestamp extension, which only a metric would miss. */
function readTime(reader: MsgpackReader): number | undefined {
  if (reader.peekKind() !== "raw") {
    reader.skip();
    return undefined;
  }
  const read = decodeGoTime(reader.bytesView());
  return isZeroTime(read) ? undefined : goTimeToMs(read) + (read.nanoseconds % 1e6) / 1e6;
}

/** The value of a reply to a request of `type`; of one that failed it is nil and not looked at. @throws MsgpackError */
export function decodeRaftReply(type: RaftRpc, bytes: Uint8Array): RaftWireReply {
  const reader = new MsgpackReader(bytes, 0, RAFT_MSGPACK_LIMITS);
  let term = 0;
  let lastLog = 0;
  let success = false;
  let noRetryBackoff = false;
  let granted = false;
  for (let left = reader.mapHeader(); left > 0; left--) {
    switch (reader.key()) {
      case "Term":
        term = count(reader);
        break;
      case "LastLog":
        lastLog = count(reader);
        break;
      case "Success":
        success = reader.bool();
        break;
      case "NoRetryBackoff":
        noRetryBackoff = reader.bool();
        break;
      case "Granted":
        granted = reader.bool();
        break;
      default:
        reader.skip();
    }
  }
  switch (type) {
    case "appendEntries":
      return { type, term, lastLog, success, noRetryBackoff };
    case "requestVote":
    case "requestPreVote":
      return { type, term, granted };
    case "installSnapshot":
      return { type, term, success };
    case "timeoutNow":
      return { type };
  }
}

function count(reader: MsgpackReader, max: number = Number.MAX_SAFE_INTEGER): number {
  const value = reader.int();
  if (value < 0 || value > max) throw new MsgpackError(`number out of range: ${value}`, reader.position);
  return value;
}

function name(reader: MsgpackReader): string {
  return Buffer.from(bounded(reader, RAFT_LIMITS.nameBytesMax).buffer).toString();
}

function bounded(reader: MsgpackReader, max: number): Uint8Array {
  const view = reader.bytesView();
  if (view.length > max) throw new MsgpackError(`${view.length} bytes, at most ${max}`, reader.position);
  return new Uint8Array(view);
}
