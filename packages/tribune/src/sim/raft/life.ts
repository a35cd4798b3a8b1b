import type { Rng } from "../../lib/runtime.ts";
import type {
  ExchangeId,
  LogIndex,
  ProposalId,
  RaftCore,
  RaftInput,
  RaftMessage,
  ReadId,
  WriteId,
} from "../../raft/index.ts";
import type { ServerId } from "../../raft/types.ts";
import type { SimDisk } from "../sim-disk.ts";
import type { KeyValue } from "./key-value.ts";
import type { ServerDisk } from "./server-disk.ts";
import type { Moment, ProposalOutcome, World } from "./world.ts";

/** What a server has in memory: from one start to the next crash. */
export interface Life {
  readonly core: RaftCore;
  state: KeyValue;
  /** Messages that wait for a write, in the order of writes. */
  held: { readonly after: WriteId; readonly send: () => void }[];
  durable: WriteId;
  readonly exchanges: Map<ExchangeId, () => void>;
  /** How to answer requests that arrived. */
  readonly inbound: Map<ExchangeId, (message: RaftMessage) => void>;
  readonly incoming: Map<ExchangeId, string>;
  readonly proposals: Map<ProposalId, (outcome: ProposalOutcome) => void>;
  readonly reads: Map<ReadId, (error: string | undefined) => void>;
  readonly waiting: Map<LogIndex, (outcome: ProposalOutcome) => void>;
  /** Work of the state machine, strictly one after the other. */
  readonly queue: (() => void)[];
  applying: boolean;
  snapshotting: boolean;
  leads: boolean;
  timerAtMs: number;
}

export function newLife(core: RaftCore, state: KeyValue): Life {
  return {
    core,
    state,
    held: [],
    durable: 0 as WriteId,
    exchanges: new Map(),
    inbound: new Map(),
    incoming: new Map(),
    proposals: new Map(),
    reads: new Map(),
    waiting: new Map(),
    queue: [],
    applying: false,
    snapshotting: false,
    leads: false,
    timerAtMs: Number.POSITIVE_INFINITY,
  };
}

/** What the parts of a simulated server have of it. Work that was begun in an earlier life must not go on. */
export interface Host {
  readonly id: ServerId;
  readonly world: World;
  readonly rng: Rng;
  readonly disk: SimDisk<ServerDisk>;
  /** Entries between snapshots, and how many stay behind one. */
  readonly snapshots: { readonly every: number; readonly trailing: number };
  isCurrent(life: Life): boolean;
  feed(life: Life, input: RaftInput): void;
  /** A write is on the disk: what waited for it goes out, and the core hears of it. */
  durable(life: Life, write: WriteId, input: RaftInput): void;
  newId(): number;
  reached(moment: Moment): void;
}
