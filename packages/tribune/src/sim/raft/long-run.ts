/**
 * Days of a Raft cluster in which nothing breaks, with Consul's timers, on disks and links that are poor: whoever leads
 * is to go on leading. The datacenter's `long-run.ts` asks the same of whole servers, at a hundred times the cost.
 */
import { jsonConfigurationCodec } from "../../raft/testing/json-configuration-codec.ts";
import { DEFAULT_RAFT_CONFIG, type ServerId } from "../../raft/types.ts";
import { CALM_NETWORK, SimNetwork } from "../sim-network.ts";
import { Simulator } from "../simulator.ts";
import { RaftChecker, Violation } from "./checker.ts";
import { encodeCommand } from "./key-value.ts";
import { SimServer, type World } from "./server.ts";

export interface LongRunOptions {
  readonly seed: number;
  readonly servers: number;
  readonly hours: number;
}

export interface LongRunResult {
  readonly hours: number;
  /** Elections behind the first one. No leader stops, stands still or is cut off. */
  readonly elections: number;
  /** Those behind a time in which the leader could not have heard a majority for as long as its lease. */
  readonly excused: number;
  readonly messages: number;
  readonly retransmitted: number;
  readonly slowTimes: number;
  readonly committed: number;
  readonly failed: number;
  readonly slowestMs: number;
  readonly violation: string | undefined;
}

/** Two of a hundred messages come late, by TCP's shortest timer and its doublings. */
const LOSSY = { ...CALM_NETWORK, loss: 0.02, delayMinMs: 0.2, delayMaxMs: 3, retransmitMs: 200 };
const SYNC_MAX_MS = 2;
const SLOW_SYNC_MS = { min: 5, max: 3_000 };
const SLOW_FOR_MS = 10_000;
const BETWEEN_MS = 60_000;
const USER_PAUSE_MS = 2_000;
const HOUR_MS = 3_600_000;
const FORM_MS = 30_000;
const LEASE_MS = DEFAULT_RAFT_CONFIG.leaderLeaseTimeoutMs;
/** Heartbeats follow each other so closely. */
const BETWEEN_BEATS_MS = DEFAULT_RAFT_CONFIG.heartbeatTimeoutMs / 5;
/** An election that a silence caused comes so soon. */
const CONSEQUENCE_MS = 10_000;

/** Connections as TCP makes them: nothing is lost or overtaken, but everything may be late. */
class Connections extends SimNetwork {
  readonly #connections: Simulator;
  readonly #dueMs = new Map<string, number>();
  /** What came late in the last seconds. */
  #late: { readonly from: string; readonly to: string; readonly sentMs: number; readonly dueMs: number }[] = [];

  constructor(sim: Simulator) {
    super(sim, LOSSY);
    this.#connections = sim;
  }

  /** By the other end: what came late between `host` and each other one. */
  lateAround(host: string, others: readonly string[]) {
    return others.map((other) =>
      this.#late.filter(({ from, to }) => (from === host && to === other) || (from === other && to === host)),
    );
  }

  override send(from: string, to: string, deliver: () => void): void {
    const { nowMs, rng } = this.#connections;
    const { delayMinMs, delayMaxMs } = this.faults;
    const delayMs = delayMinMs + rng.next() * (delayMaxMs - delayMinMs) + this.retransmissionMs();
    const link = `${from}>${to}`;
    const dueMs = Math.max(this.#dueMs.get(link) ?? 0, nowMs + delayMs);
    this.#dueMs.set(link, dueMs);
    if (dueMs - nowMs >= LOSSY.retransmitMs) {
      this.#late = this.#late.filter((each) => nowMs - each.dueMs < CONSEQUENCE_MS);
      this.#late.push({ from, to, sentMs: nowMs, dueMs });
    }
    this.#connections.after(dueMs - nowMs, () => {
      this.delivered++;
      deliver();
    });
  }
}

/**
 * Whether a server and so many others could not get a word through to each other and back, all at one moment, for as
 * long as a lease.
 */
function silent(late: readonly { readonly sentMs: number; readonly dueMs: number }[][], silentMin: number): boolean {
  const silences = late.map((each) => {
    const merged: { sentMs: number; dueMs: number }[] = [];
    for (const { sentMs, dueMs } of each.toSorted((a, b) => a.sentMs - b.sentMs)) {
      const last = merged.at(-1);
      if (last !== undefined && sentMs <= last.dueMs + BETWEEN_BEATS_MS) last.dueMs = Math.max(last.dueMs, dueMs);
      else merged.push({ sentMs, dueMs });
    }
    return merged.filter(({ sentMs, dueMs }) => dueMs - sentMs + BETWEEN_BEATS_MS >= LEASE_MS);
  });
  const moments = silences.flat().map(({ sentMs, dueMs }) => (sentMs + dueMs) / 2);
  return moments.some(
    (at) =>
      silences.filter((each) => each.some(({ sentMs, dueMs }) => sentMs <= at && at <= dueMs + BETWEEN_BEATS_MS))
        .length >= silentMin,
  );
}

/** Judges elections, too. */
class LongChecker extends RaftChecker {
  excused = 0;
  needless: string | undefined;
  readonly #excuse: (leader: ServerId) => boolean;
  #leader: ServerId | undefined;

  constructor(excuse: (leader: ServerId) => boolean) {
    super();
    this.#excuse = excuse;
  }

  override leads(id: ServerId, term: number): void {
    super.leads(id, term);
    const before = this.#leader;
    this.#leader = id;
    if (before === undefined) return;
    if (this.#excuse(before)) this.excused++;
    else this.needless ??= `Needless Election: ${id} leads term ${term}, and ${before} was heard`;
  }
}

export function runLongRaft({ seed, servers, hours }: LongRunOptions): LongRunResult {
  const sim = new Simulator(seed);
  const ids = Array.from({ length: servers }, (_, at) => `s${at}` as ServerId);
  const network = new Connections(sim);
  // With so many followers silent there is no majority.
  const silentMin = servers - Math.floor(servers / 2);
  const checker = new LongChecker((leader) =>
    silent(
      network.lateAround(
        leader,
        ids.filter((id) => id !== leader),
      ),
      silentMin,
    ),
  );
  const world: World = {
    ...{ sim, network, checker },
    codec: jsonConfigurationCodec,
    servers: new Map(),
    disks: new Map(),
    broken: undefined,
    leases: true,
    exchangeTimeoutMs: 10_000,
    onMoment: () => {},
  };
  for (const id of ids) {
    const server = new SimServer(id, DEFAULT_RAFT_CONFIG, SYNC_MAX_MS, world);
    server.snapshotEvery = 2_000;
    server.trailing = 1_000;
    server.bootstrapConfiguration = {
      servers: ids.map((each) => ({ id: each, address: `${each}:8300`, suffrage: "voter" })),
    };
    world.servers.set(id, server);
    sim.after(sim.rng.next() * 50, () => server.boot());
  }
  const users = new Users(world);
  let elections = 0;
  let violation: string | undefined;
  try {
    sim.runUntil(FORM_MS);
    const formed = checker.elections;
    for (const server of world.servers.values()) users.wearOut(server);
    users.use();
    sim.runUntil(FORM_MS + hours * HOUR_MS);
    elections = checker.elections - formed;
    if (formed === 0) throw new Violation("Liveness: nobody leads");
    if (checker.needless !== undefined) throw new Violation(checker.needless);
  } catch (error) {
    violation = error instanceof Violation ? error.message : String((error as Error).stack);
  }
  const { slowTimes, failed, slowestMs } = users;
  return {
    ...{ hours: (sim.nowMs - FORM_MS) / HOUR_MS, elections, slowTimes, failed, slowestMs, violation },
    excused: checker.excused,
    messages: network.delivered,
    retransmitted: network.retransmitted,
    committed: checker.committedIndex,
  };
}

class Users {
  readonly #world: World;
  slowTimes = 0;
  failed = 0;
  slowestMs = 0;
  #values = 0;

  constructor(world: World) {
    this.#world = world;
  }

  wearOut({ disk }: SimServer): void {
    const { sim } = this.#world;
    const next = (): void => {
      sim.after(sim.rng.next() * BETWEEN_MS, () => {
        this.slowTimes++;
        disk.slownessMs = SLOW_SYNC_MS.min * (SLOW_SYNC_MS.max / SLOW_SYNC_MS.min) ** sim.rng.next();
        sim.after(sim.rng.next() * SLOW_FOR_MS, () => {
          disk.slownessMs = 0;
          next();
        });
      });
    };
    next();
  }

  use(): void {
    const { sim, servers } = this.#world;
    sim.after(sim.rng.next() * USER_PAUSE_MS, () => {
      this.use();
      const leader = [...servers.values()].find((server) => server.isLeader);
      const startedMs = sim.nowMs;
      const command = encodeCommand({ op: "put", key: "x", value: ++this.#values });
      if (leader === undefined) this.failed++;
      leader?.propose([command], (_at, outcome) => {
        if ("error" in outcome) this.failed++;
        else this.slowestMs = Math.max(this.slowestMs, sim.nowMs - startedMs);
      });
    });
  }
}
