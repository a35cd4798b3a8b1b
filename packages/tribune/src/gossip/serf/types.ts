/**
 * Serf's layer as a core: what it is told, what it wants done. It sits on the SWIM core and never talks to a socket:
 * whoever hosts both hands SWIM's effects in here, and this core's `swim` effects in there (sheet serf).
 */
import type { Coordinate } from "../../codec/serf-coordinate.ts";
import type { MemberTags } from "../../codec/serf-tags.ts";
import type { Core } from "../../lib/core.ts";
import type { LogLevel } from "../../lib/log.ts";
import type { Endpoint } from "../swim/endpoint.ts";
import type { SwimEffect, SwimInput } from "../swim/types.ts";

export type SerfStatus = "alive" | "leaving" | "left" | "failed";

interface VersionRange {
  readonly min: number;
  readonly max: number;
  readonly current: number;
}

/** Immutable: a change makes a new one. */
export interface SerfMember {
  readonly name: string;
  /** IP address as text, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly tags: MemberTags;
  readonly status: SerfStatus;
  /** memberlist's versions. */
  readonly protocol: VersionRange;
  /** serf's own. */
  readonly delegate: VersionRange;
}

/** One of our own queries; chosen by the asker. */
export type QueryToken = number & { readonly __brand: "QueryToken" };
/** A query that waits for our answer; chosen by the core. */
export type AnswerToken = number & { readonly __brand: "AnswerToken" };

export interface QueryRequest {
  readonly token: QueryToken;
  readonly name: string;
  readonly payload: Uint8Array;
  /** Encoded; all must match. */
  readonly filters: readonly Uint8Array[];
  readonly wantAck: boolean;
  readonly relayFactor: number;
  /** 0: serf's default. */
  readonly timeoutMs: number;
}

export type KeyOperation = "list" | "install" | "use" | "remove";

/** What came of a key operation on our own keyring. */
export interface KeyAnswer {
  readonly result: boolean;
  readonly message: string;
  /** Base64, primary first; for `list`. */
  readonly keys: readonly string[];
  readonly primaryKey: string;
}

/** What SWIM has to say to this layer. */
export type SwimNews = Extract<
  SwimEffect,
  {
    readonly type:
      | "memberChanged"
      | "nameConflict"
      | "userMessage"
      | "mergeUserState"
      | "broadcastDone"
      | "rttSample"
      | "left";
  }
>;

/** What this layer asks of SWIM. */
export type SwimOrder = Extract<
  SwimInput,
  { readonly type: "join" | "broadcast" | "sendUser" | "setMeta" | "hurry" | "leave" }
>;

export type SerfInput =
  | { readonly type: "tick" }
  | SwimNews
  /** A join reached somebody: announce ourselves. */
  | { readonly type: "joined" }
  /** Whether user events in the push/pull of a join are news. */
  | { readonly type: "ignoreOldEvents"; readonly on: boolean }
  /** Must fit (`encodeTags`). */
  | { readonly type: "setTags"; readonly tags: MemberTags }
  /** Answered by `leaveDone`. */
  | { readonly type: "leave" }
  | { readonly type: "forceLeave"; readonly name: string; readonly prune: boolean }
  /** Must have passed `checkUserEvent` of the core. */
  | {
      readonly type: "userEvent";
      readonly name: string;
      readonly payload: Uint8Array;
      readonly coalesce: boolean;
    }
  /** Must have passed `checkQuery` of the core. `queryDone` is the end of it. */
  | { readonly type: "query"; readonly request: QueryRequest }
  | { readonly type: "cancelQuery"; readonly token: QueryToken }
  /** An answer to `queryAsked`; nothing happens after its deadline, or the second time. */
  | { readonly type: "respond"; readonly answer: AnswerToken; readonly payload: Uint8Array }
  /** The answer to `keyQuery`. */
  | { readonly type: "keyAnswer"; readonly answer: AnswerToken; readonly outcome: KeyAnswer };

export type SerfEffect =
  | { readonly type: "swim"; readonly order: SwimOrder }
  | {
      readonly type: "member";
      readonly event: "join" | "leave" | "failed" | "update" | "reap";
      readonly member: SerfMember;
    }
  /** Once for each event, ours included. */
  | {
      readonly type: "userEvent";
      readonly name: string;
      readonly payload: Uint8Array;
      readonly lTime: number;
    }
  | {
      readonly type: "queryAsked";
      readonly answer: AnswerToken;
      readonly name: string;
      readonly payload: Uint8Array;
      readonly lTime: number;
      readonly from: string;
    }
  /** Do this to the keyring and its file, and say how it went. `key` is raw; empty to list. */
  | {
      readonly type: "keyQuery";
      readonly answer: AnswerToken;
      readonly operation: KeyOperation;
      readonly key: Uint8Array;
    }
  | { readonly type: "queryAck"; readonly token: QueryToken; readonly from: string }
  | {
      readonly type: "queryResponse";
      readonly token: QueryToken;
      readonly from: string;
      readonly payload: Uint8Array;
    }
  | { readonly type: "queryDone"; readonly token: QueryToken }
  /** A vote gave our name to another: where that one is there, this member is to fall silent. */
  | { readonly type: "nameLost"; readonly to: Endpoint }
  /** Leaving has been told, and had time to spread. */
  | { readonly type: "leaveDone" }
  | { readonly type: "log"; readonly level: LogLevel; readonly message: string }
  /** `count` adds 1 unless `value` says otherwise. */
  | { readonly type: "metric"; readonly kind: "count" | "sample"; readonly name: string; readonly value: number };

export interface SerfLayer extends Core<SerfInput, SerfEffect> {
  /** Sorted by nothing in particular; ourselves included. */
  members(): readonly SerfMember[];
  member(name: string): SerfMember | undefined;
  coordinate(): Coordinate;
  coordinateOf(name: string): Coordinate | undefined;
}
