/** Raft's messages from the bytes of peers (sheet raft §1, §2), within the bounds of `RAFT_LIMITS`. */
import { decodeGoTime, goTimeToMs, isZeroTime } from "./go-time.ts";
import { MsgpackError, MsgpackReader } from "./msgpack.ts";
import {
  ENTRY_TYPES,
  RAFT_LIMITS,
  RAFT_MSGPACK_LIMITS,
  type RaftEntryType,
  type RaftRpc,
  type RaftWireEntry,
  type RaftWireReply,
  type RaftWireRequest,
} from "./raft-messages.ts";

/** The fields of every kind of request: which of them one has is known once its whole map was read. */
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
  let type: RaftEntryType | undefined = "command";
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

/**
 * The value of a reply to a request of `type`; nil, as behind an error text, reads as a map without fields.
 *
 * @throws MsgpackError for anything no peer sends, limits included.
 */
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
