/** The Raft core's messages in the shapes of the wire, and back. */
import { decodeRaftConfiguration, encodeRaftConfiguration, encodeRaftPeers } from "../../codec/raft-configuration.ts";
import type { RaftHeader, RaftRpc, RaftWireReply, RaftWireRequest } from "../../codec/raft-messages.ts";
import type { RaftMessage, RaftReply, RaftRequest, ServerId } from "../../raft/types.ts";

/** The protocol version we speak (Consul's), and the oldest we take (sheet raft §2, Version rule). */
export const RAFT_PROTOCOL = 3;
const RAFT_PROTOCOL_MIN = RAFT_PROTOCOL - 1;
const SNAPSHOT_VERSION = 1;

export const UNSUPPORTED_PROTOCOL = "operation not supported with current protocol version";
/** Newer peers take exactly this in answer to a pre-vote for "does not know it". */
export const UNEXPECTED_COMMAND = "unexpected command";

export function speaksOurs({ protocolVersion }: RaftHeader): boolean {
  return protocolVersion >= RAFT_PROTOCOL_MIN && protocolVersion <= RAFT_PROTOCOL;
}

/** Who we are, in every request. */
export function headerOf(id: string, address: string): RaftHeader {
  return { protocolVersion: RAFT_PROTOCOL, id, address };
}

export const REPLY_TYPES: Readonly<Record<RaftReply["type"], RaftRpc>> = {
  appendEntriesReply: "appendEntries",
  requestVoteReply: "requestVote",
  requestPreVoteReply: "requestPreVote",
  installSnapshotReply: "installSnapshot",
  timeoutNowReply: "timeoutNow",
};

export function isReply(message: RaftMessage): message is RaftReply {
  return message.type in REPLY_TYPES;
}

/** @param sizeBytes of the state behind an installSnapshot; else unused. */
export function toWireRequest(message: RaftRequest, header: RaftHeader, sizeBytes = 0): RaftWireRequest {
  const { address } = header;
  switch (message.type) {
    case "appendEntries": {
      const { type, term, prevLogIndex, prevLogTerm, entries, leaderCommit } = message;
      // Heartbeats have Go's nil slice, empty appends an empty one: receivers look at it.
      const heartbeat = prevLogIndex === 0 && prevLogTerm === 0 && leaderCommit === 0 && entries.length === 0;
      const sent = heartbeat ? undefined : entries;
      return { ...header, type, term, leader: address, prevLogIndex, prevLogTerm, entries: sent, leaderCommit };
    }
    case "requestVote": {
      const { type, term, lastLogIndex, lastLogTerm, leadershipTransfer } = message;
      return { ...header, type, term, candidate: address, lastLogIndex, lastLogTerm, leadershipTransfer };
    }
    case "requestPreVote": {
      const { type, term, lastLogIndex, lastLogTerm } = message;
      return { ...header, type, term, lastLogIndex, lastLogTerm };
    }
    case "timeoutNow":
      return { ...header, type: message.type };
    case "installSnapshot": {
      const { index, term, configuration, configurationIndex } = message.snapshot;
      return {
        ...header,
        type: message.type,
        term: message.term,
        leader: address,
        snapshotVersion: SNAPSHOT_VERSION,
        lastLogIndex: index,
        lastLogTerm: term,
        peers: encodeRaftPeers(configuration),
        configuration: encodeRaftConfiguration(configuration),
        configurationIndex,
        sizeBytes,
      };
    }
  }
}

/** @throws MsgpackError for a snapshot whose peer set does not decode. */
export function fromWireRequest(request: RaftWireRequest): RaftRequest {
  switch (request.type) {
    case "appendEntries": {
      const { type, term, prevLogIndex, prevLogTerm, entries, leaderCommit } = request;
      return { type, term, prevLogIndex, prevLogTerm, entries: entries ?? [], leaderCommit };
    }
    case "requestVote": {
      const { type, term, lastLogIndex, lastLogTerm, leadershipTransfer } = request;
      return { type, term, lastLogIndex, lastLogTerm, leadershipTransfer };
    }
    case "requestPreVote": {
      const { type, term, lastLogIndex, lastLogTerm } = request;
      return { type, term, lastLogIndex, lastLogTerm };
    }
    case "timeoutNow":
      return { type: request.type };
    case "installSnapshot": {
      const { servers } = decodeRaftConfiguration(request.configuration);
      return {
        type: request.type,
        term: request.term,
        snapshot: {
          index: request.lastLogIndex,
          term: request.lastLogTerm,
          configuration: { servers: servers.map((server) => ({ ...server, id: server.id as ServerId })) },
          configurationIndex: request.configurationIndex,
        },
      };
    }
  }
}

export function toWireReply(message: RaftReply): RaftWireReply {
  switch (message.type) {
    case "appendEntriesReply": {
      const { term, lastLog, success, noRetryBackoff } = message;
      return { type: "appendEntries", term, lastLog, success, noRetryBackoff };
    }
    case "requestVoteReply":
      return { type: "requestVote", term: message.term, granted: message.granted };
    case "requestPreVoteReply":
      return { type: "requestPreVote", term: message.term, granted: message.granted };
    case "installSnapshotReply":
      return { type: "installSnapshot", term: message.term, success: message.success };
    case "timeoutNowReply":
      return { type: "timeoutNow" };
  }
}

export function fromWireReply(reply: RaftWireReply): RaftReply {
  switch (reply.type) {
    case "appendEntries": {
      const { term, lastLog, success, noRetryBackoff } = reply;
      return { type: "appendEntriesReply", term, lastLog, success, noRetryBackoff };
    }
    case "requestVote":
      return { type: "requestVoteReply", term: reply.term, granted: reply.granted };
    case "requestPreVote":
      return { type: "requestPreVoteReply", term: reply.term, granted: reply.granted };
    case "installSnapshot":
      return { type: "installSnapshotReply", term: reply.term, success: reply.success };
    case "timeoutNow":
      return { type: "timeoutNowReply" };
  }
}
