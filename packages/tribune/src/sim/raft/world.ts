import type { LogIndex } from "../../raft/index.ts";
import type { ConfigurationCodec, ServerId } from "../../raft/types.ts";
import type { SimNetwork } from "../sim-network.ts";
import type { Simulator } from "../simulator.ts";
import type { RaftChecker } from "./checker.ts";
import type { CommandResult } from "./key-value.ts";
import type { SimServer } from "./server.ts";
import type { ServerDisk } from "./server-disk.ts";

/** A rule broken on purpose, to see the checkers catch it. */
export type BrokenRule =
  | "vote-before-durable"
  | "ack-before-durable"
  | "fsync-lies"
  | "forget-vote"
  | "unconfirmed-reads"
  | "endless-lease";

export const BROKEN_RULES: readonly BrokenRule[] = [
  "vote-before-durable",
  "ack-before-durable",
  "fsync-lies",
  "forget-vote",
  "unconfirmed-reads",
  "endless-lease",
];

/** Moments at which a crash hurts most. */
export type Moment = "votes" | "acknowledges" | "leads" | "truncates" | "changes configuration" | "installs";

/** What all servers of a simulated cluster share. */
export interface World {
  readonly sim: Simulator;
  readonly network: SimNetwork;
  readonly checker: RaftChecker;
  readonly codec: ConfigurationCodec;
  readonly servers: Map<ServerId, SimServer>;
  readonly disks: Map<ServerId, ServerDisk>;
  readonly broken: BrokenRule | undefined;
  /** Clocks run at like speed, so that leaders may read by their lease. */
  readonly leases: boolean;
  /** Longest wait for a reply before the exchange fails. */
  readonly exchangeTimeoutMs: number;
  /** Told before the moment's effects are carried out; the nemesis listens. */
  onMoment: (server: SimServer, moment: Moment) => void;
  /** Told that a leader leads no more. */
  readonly onLeaderLost?: (server: SimServer) => void;
}

export type ProposalOutcome =
  | { readonly result: CommandResult | undefined; readonly index: LogIndex }
  | { readonly error: string };
