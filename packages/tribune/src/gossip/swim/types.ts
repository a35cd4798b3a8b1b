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
import type { Rng } from "../../lib/runtime.ts";
import type { Endpoint } from "./endpoint.ts";
import type { SwimSettings } from "./settings.ts";

export type NodeName = Branded<"NodeName">;
/** One connection. The core names those it dials, the shell those that arrive; each echoes the other's. */
export type ExchangeId = number & { readonly __brand: "ExchangeId" };
/** One user broadcast. Chosen by the layer above, echoed in `broadcastDone`. */
export type BroadcastId = number & { readonly __brand: "BroadcastId" };
/** Which queue of user broadcasts: 0 goes into packets first. Serf's are intents, queries, events, in this order. */
export type BroadcastPriority = 0 | 1 | 2;

export interface SwimOptions {
  readonly name: NodeName;
  /** Where others reach us: what we advertise. */
  readonly endpoint: Endpoint;
  readonly versions: ProtocolVersions;
  readonly meta: Uint8Array;
  readonly settings: SwimSettings;
  /** What `packetBudgetBytes` of the codec says for the pool's label and keys; default: without either. */
  readonly packetBudgetBytes?: number;
  /** To begin in: 1 (the default), or higher than any of our earlier lives. */
  readonly incarnation?: number;
  /** Assumed for members that send port 0 (protocol 1). Default: the port of `endpoint`. */
  readonly defaultPort?: number;
}

export interface SwimDependencies {
  readonly rng: Rng;
  readonly delegate: SwimDelegate;
}

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
  /**
   * Allow lists by address (CIDR): asked about the source of a packet with an alive message, and about the address
   * inside. Left out where there is no such list. @returns why nothing from or about it is taken, or undefined.
   */
  refuseEndpoint?(endpoint: Endpoint): string | undefined;
}

export type SwimInput =
  /** First of all inputs, once: we are a member (`memberChanged` says so), and the timers run. */
  | { readonly type: "start" }
  | { readonly type: "tick" }
  /** One UDP packet, already decrypted, verified and split by the codec. */
  | { readonly type: "packet"; readonly from: Endpoint; readonly messages: readonly PacketMessage[] }
  /** A peer dialled us; answered by `respond` among the effects of this very step, or not at all. */
  | { readonly type: "request"; readonly exchange: ExchangeId; readonly message: PushPull | Ping | User }
  /** What came back on a connection of a `dial`. */
  | { readonly type: "reply"; readonly exchange: ExchangeId; readonly message: PushPull | Ack | RemoteError }
  /** @param refused the host is there and says that nobody listens. */
  | {
      readonly type: "exchangeFailed";
      readonly exchange: ExchangeId;
      readonly reason: string;
      readonly refused?: boolean;
    }
  /** Push/pull with a peer whose name need not be known. */
  | { readonly type: "join"; readonly endpoint: Endpoint }
  /** Gossip `payload` to everyone. It is not changed afterwards. */
  | {
      readonly type: "broadcast";
      readonly id: BroadcastId;
      readonly priority: BroadcastPriority;
      readonly payload: Uint8Array;
    }
  /** Best effort to one address, now. With the `name` of a member that knows CRCs the packet has one. */
  | { readonly type: "sendUser"; readonly to: Endpoint; readonly name?: NodeName; readonly payload: Uint8Array }
  /** At most 512 bytes; the layer above checks. */
  | { readonly type: "setMeta"; readonly meta: Uint8Array }
  /** From now on gossip goes out at a quicker pace: somebody waits until it was told. */
  | { readonly type: "hurry" }
  /**
   * Tell everybody, with `tellAll` each member by ourselves, once; `left` follows when it was told often enough. The
   * core goes on answering. May be repeated.
   */
  | { readonly type: "leave"; readonly tellAll?: boolean }
  /**
   * The process stood still for `ms` just now. The core sees by itself when a tick comes late; this is for what it
   * cannot see. Counts against our own health, and against no member.
   */
  | { readonly type: "lagged"; readonly ms: number };

export type SwimEffect =
  /** Best effort. `parts` are encoded messages that fit one packet together; `crc` says that the peer knows CRCs. */
  | { readonly type: "sendPacket"; readonly to: Endpoint; readonly parts: readonly Uint8Array[]; readonly crc: boolean }
  /** One exchange over TCP: `reply` or `exchangeFailed` follows, at the latest after `timeoutMs`. */
  | {
      readonly type: "dial";
      readonly exchange: ExchangeId;
      readonly to: Endpoint;
      readonly message: PushPull | Ping;
      readonly timeoutMs: number;
    }
  | { readonly type: "respond"; readonly exchange: ExchangeId; readonly message: PushPull | Ack }
  /** One per `join` that succeeded; behind the `memberChanged` and `mergeUserState` of what was learnt. */
  | { readonly type: "joined"; readonly endpoint: Endpoint; readonly members: number }
  | { readonly type: "joinFailed"; readonly endpoint: Endpoint; readonly reason: string }
  /**
   * A member joined (`before` undefined, dead or left), is suspected, refuted, died, left, or has new meta. Ourselves
   * included. That the core forgets a dead member is not told.
   */
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
  /** A probe is over, whatever came of it. */
  | { readonly type: "probed"; readonly tookMs: number }
  /** Behind the packets of a round of gossip. */
  | { readonly type: "gossiped" }
  /** Our own leaving has been told often enough, or there is nobody to tell. */
  | { readonly type: "left" }
  /** A member that answers over TCP but not by packets: the network between us is misconfigured. */
  | { readonly type: "reachedByStreamOnly"; readonly name: NodeName }
  /** A peer asked to merge, and got our state, but its own is not taken. */
  | { readonly type: "mergeRefused"; readonly exchange: ExchangeId; readonly reason: string }
  /** A ping for another name: that member was here before, or has our address by mistake. It gets no answer. */
  | { readonly type: "pingForOther"; readonly name: string; readonly from: Endpoint }
  /** Something a peer sent was ignored; for the log and its count. */
  | { readonly type: "dropped"; readonly reason: string };

export interface SwimCore extends Core<SwimInput, SwimEffect> {
  /** Ourselves, as we tell others. */
  readonly local: MemberState;
  /** Members on the list: ourselves and dead ones that are not yet forgotten included. */
  readonly memberCount: number;
  /** Lifeguard's local health: 0 is healthy. */
  readonly healthScore: number;
  readonly queued: SwimQueues;
  member(name: string): MemberState | undefined;
  /** Everything on the list, in no order. */
  members(): Iterable<MemberState>;
}

/** Broadcasts that wait to be sent again. */
export interface SwimQueues {
  readonly membership: number;
  /** By `BroadcastPriority`. */
  readonly user: readonly [number, number, number];
}
