/** Raft's messages as bytes (sheet raft §1, §2), fields in the order in which Go's codec writes them. */
import { MsgpackWriter } from "./msgpack.ts";
import {
  ENTRY_TYPES,
  RAFT_RPC,
  type RaftWireEntry,
  type RaftWireReply,
  type RaftWireRequest,
} from "./raft-messages.ts";

/** One writer for all messages: its buffer, once grown, serves the next one as well. */
const shared = new MsgpackWriter(4_096);

/** Type byte and map of one request. Id and address are left out where empty, as older peers leave them out. */
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

/**
 * The empty error text and the map of a reply.
 *
 * @param protocolVersion hashicorp's own servers leave it 0 in some replies, and nobody reads it
 */
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
