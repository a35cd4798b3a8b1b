/**
 * hashicorp/raft's messages between servers (sheet raft §1, §2): a type byte and one msgpack map, answered by a msgpack
 * text (the error, empty when there is none) and one msgpack value. This file has their shapes and bounds, as values;
 * `raft-message-encode.ts` and `raft-message-decode.ts` have the bytes. What a message means is the Raft core's.
 */
import type { MsgpackLimits } from "./msgpack.ts";

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
export const ENTRY_TYPES = ["command", "noop", undefined, undefined, "barrier", "configuration"] as const;
export type RaftEntryType = NonNullable<(typeof ENTRY_TYPES)[number]>;

/** The Raft core's entry, field for field: none is copied on its way. */
export interface RaftWireEntry {
  readonly index: number;
  readonly term: number;
  readonly type: RaftEntryType;
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
