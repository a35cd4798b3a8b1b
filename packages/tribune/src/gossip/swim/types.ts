/**
 * SWIM core contract (the layer memberlist is): inputs, effects, and what it asks of the layer above.
 *
 * Words follow memberlist: alive, suspect, dead, left; incarnation; ping, indirect ping, ack, nack; push/pull;
 * awareness. Sources: Das, Gupta & Motivala 2002 ("SWIM §…"), Dadgar, Phillips & Currey 2018 ("Lifeguard §…"),
 * and the memberlist sheet §7 for what only the field does. Messages are the codec's own types.
 */
import type { Ack, PacketMessage, Ping, ProtocolVersions, RemoteError, User } from "../../codec/memberlist-messages.ts";
import type { PushPull } from "../../codec/memberlist-stream.ts";
import type { Branded, Core } from "../../lib/core.ts";
import type { Endpoint } from "./endpoint.ts";

export type NodeName = Branded<"NodeName">;
/** One connection. The core names those it dials, the shell those that arrive; each echoes the other's. */
export type ExchangeId = number & { readonly __brand: "ExchangeId" };
/** One user broadcast. Chosen by the layer above, echoed in `broadcastDone`. */
export type BroadcastId = number & { readonly __brand: "BroadcastId" };

export interface MemberState {
  readonly name: NodeName;
  readonly endpoint: Endpoint;
  /** Raised only by the member itself, to refute (SWIM §4.2) or to announce new meta. */
  readonly incarnation: number;
  readonly status: "alive" | "suspect" | "dead" | "left";
  /** At most 512 bytes; serf keeps its tags here. */
  readonly meta: Uint8Array;
  readonly versions: ProtocolVersions | undefined;
}

/** Asked while an input is handled: pure functions of the layer above. */
export interface SwimDelegate {
  /** What an ack to a direct ping carries; serf's coordinate. */
  ackPayload(): Uint8Array;
  /** The user part of our side of a push/pull. */
  userState(join: boolean): Uint8Array;
  /** @returns why an alive message is to be ignored, or undefined. */
  refuseMember(member: MemberState): string | undefined;
  /** @returns why a whole push/pull that joins is to be ignored, or undefined. */
  refuseMerge(members: readonly MemberState[]): string | undefined;
}

export type SwimInput =
  | { readonly type: "tick" }
  /** One UDP packet, already decrypted, verified and split by the codec. */
  | { readonly type: "packet"; readonly from: Endpoint; readonly messages: readonly PacketMessage[] }
  /** A peer dialled us; answered by `respond`, or not at all. */
  | { readonly type: "request"; readonly exchange: ExchangeId; readonly message: PushPull | Ping | User }
  /** What came back on a connection of a `dial`. */
  | { readonly type: "reply"; readonly exchange: ExchangeId; readonly message: PushPull | Ack | RemoteError }
  | { readonly type: "exchangeFailed"; readonly exchange: ExchangeId; readonly reason: string }
  /** Push/pull with a peer whose name need not be known. */
  | { readonly type: "join"; readonly endpoint: Endpoint }
  /** Gossip `payload` to everyone. */
  | { readonly type: "broadcast"; readonly id: BroadcastId; readonly payload: Uint8Array }
  /** Best effort to one member. */
  | { readonly type: "sendUser"; readonly to: Endpoint; readonly payload: Uint8Array }
  | { readonly type: "setMeta"; readonly meta: Uint8Array }
  | { readonly type: "leave" };

export type SwimEffect =
  /** Best effort. `parts` are encoded messages that fit one packet together; `crc` says that the peer knows CRCs. */
  | { readonly type: "sendPacket"; readonly to: Endpoint; readonly parts: readonly Uint8Array[]; readonly crc: boolean }
  /** One exchange over TCP: `reply` or `exchangeFailed` follows, at the latest when the stream timeout is over. */
  | { readonly type: "dial"; readonly exchange: ExchangeId; readonly to: Endpoint; readonly message: PushPull | Ping }
  | { readonly type: "respond"; readonly exchange: ExchangeId; readonly message: PushPull | Ack }
  | { readonly type: "joined"; readonly endpoint: Endpoint; readonly members: number }
  | { readonly type: "joinFailed"; readonly endpoint: Endpoint; readonly reason: string }
  | { readonly type: "memberChanged"; readonly before: MemberState | undefined; readonly after: MemberState }
  /** Another node claims a name that is taken. */
  | { readonly type: "nameConflict"; readonly known: MemberState; readonly other: MemberState }
  | { readonly type: "userMessage"; readonly payload: Uint8Array }
  /** The user part of a peer's side of a push/pull. */
  | { readonly type: "mergeUserState"; readonly userState: Uint8Array; readonly join: boolean }
  /** Sent as often as the cluster's size asks for, or pushed out of a full queue. */
  | { readonly type: "broadcastDone"; readonly id: BroadcastId }
  /** Round trip of a direct ack, which feeds the coordinates. */
  | { readonly type: "rttSample"; readonly name: NodeName; readonly rttMs: number; readonly payload: Uint8Array }
  /** Our own leaving has been told often enough. */
  | { readonly type: "left" }
  /** Something a peer sent was ignored; for the log and its count. */
  | { readonly type: "dropped"; readonly reason: string };

export type SwimCore = Core<SwimInput, SwimEffect>;
