/**
 * A gossip pool as the rest of an agent sees it: who is there, who came and went, events and queries. Every agent has a
 * LAN pool; servers have a WAN pool too. The pool hosts the pure cores of `gossip` on real (or simulated) sockets.
 */
import type { Coordinate } from "../codec/serf-coordinate.ts";
import type { MemberTags } from "../codec/serf-tags.ts";

/** Serf's member states (sheet serf §3). */
export type PoolMemberStatus = "alive" | "leaving" | "left" | "failed";

/** One member, immutable: a change makes a new object, so identity tells whether something changed. */
export interface PoolMember {
  readonly name: string;
  /** IP address as text, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly tags: MemberTags;
  readonly status: PoolMemberStatus;
  /** memberlist's protocol versions. */
  readonly protocol: { readonly min: number; readonly max: number; readonly current: number };
  /** serf's protocol versions. */
  readonly delegate: { readonly min: number; readonly max: number; readonly current: number };
}

export type PoolEvent =
  /** `reap`: erased for good. `update`: tags or address changed. */
  | {
      readonly type: "join" | "leave" | "failed" | "update" | "reap";
      readonly members: readonly PoolMember[];
    }
  /** A user event, own ones included, once each. */
  | {
      readonly type: "user";
      readonly name: string;
      readonly payload: Uint8Array;
      readonly lamportTime: number;
    }
  /** A query that somebody else (or we) asked; `respond` sends at most one answer, and only before the deadline. */
  | {
      readonly type: "query";
      readonly name: string;
      readonly payload: Uint8Array;
      readonly lamportTime: number;
      readonly from: string;
      readonly respond: (payload: Uint8Array) => void;
    };

export interface QueryOptions {
  readonly payload: Uint8Array;
  /** Only these nodes; empty for all. */
  readonly nodes?: readonly string[];
  /** Tag → RE2 expression that its value must match. */
  readonly tags?: ReadonlyMap<string, string>;
  /** Members that acknowledge are told to `onAck`. */
  readonly wantAck?: boolean;
  readonly relayFactor?: number;
  /** 0 or absent: serf's default for the size of the pool. */
  readonly timeoutMs?: number;
  readonly onAck?: (from: string) => void;
  readonly onResponse?: (from: string, payload: Uint8Array) => void;
  /** Runs once, when the time is up or `cancel` was called. */
  readonly onDone?: () => void;
}

export interface QueryHandle {
  readonly id: number;
  cancel(): void;
}

/** Outcome of an operation on the keyrings of all members. */
export interface KeyringOutcome {
  /** By member: what went wrong there, or what it had to say. */
  readonly messages: ReadonlyMap<string, string>;
  /** Base64 key → members that hold it. For `list` only. */
  readonly keys: ReadonlyMap<string, number>;
  /** Base64 primary key → members whose primary it is. For `list` only. */
  readonly primaryKeys: ReadonlyMap<string, number>;
  readonly members: number;
  readonly responses: number;
  readonly errors: number;
}

export type KeyringOperation = "list" | "install" | "use" | "remove";

/** One pool of one agent. Nothing here throws for what peers do. */
export interface GossipPool {
  /** Binds the sockets and, where there is a snapshot file, tries the members of the last run. */
  start(): Promise<void>;
  /**
   * Push/pull with each address (`host`, `host:port` or `name/host:port`; port defaults to the pool's own).
   *
   * @returns how many answered; rejects with a TribuneError that lists every failure when none did.
   */
  join(addresses: readonly string[], options?: { readonly ignoreOldEvents?: boolean }): Promise<number>;
  /** Where members were (`name/ip:port`) that were there when the last life ended; empty without a snapshot file. */
  remembered(): readonly string[];
  /** Tells everybody and waits until that had time to spread. The pool still answers until `stop`. */
  leave(): Promise<void>;
  /** Closes sockets, timers and files without a word: to others it looks like a crash unless `leave` came first. */
  stop(): Promise<void>;

  /** All known members, ourselves included, failed and left ones until they are reaped. */
  members(): readonly PoolMember[];
  member(name: string): PoolMember | undefined;
  readonly local: PoolMember;
  /** Announces new tags. @throws TribuneError when they do not fit 512 bytes */
  setTags(tags: MemberTags): void;
  /** Turns a failed member into a left one everywhere; `prune` erases it. @throws TribuneError (notFound) */
  forceLeave(name: string, prune: boolean): void;

  /** @throws TribuneError when it is too large */
  userEvent(name: string, payload: Uint8Array, coalesce: boolean): void;
  /** @throws TribuneError when it is too large */
  query(name: string, options: QueryOptions): QueryHandle;
  /** @param key base64; ignored for `list` */
  keyring(operation: KeyringOperation, key: string, relayFactor: number): Promise<KeyringOutcome>;
  readonly encrypted: boolean;

  coordinate(): Coordinate;
  /** As last heard with an ack; undefined for members never probed. */
  coordinateOf(name: string): Coordinate | undefined;

  /** Listeners are called in the order of what happened, in the turn in which it happened. @returns unsubscribe */
  subscribe(listener: (event: PoolEvent) => void): () => void;
  /** For `/v1/agent/self` and `info`: Consul's names (`members`, `failed`, `left`, `health_score`, …). */
  stats(): Readonly<Record<string, string>>;
}
