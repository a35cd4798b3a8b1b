/**
 * Days of a Raft cluster in which nothing breaks, with Consul's timers, on disks and links that are poor: whoever leads
 * is to go on leading. The datacenter's `long-run.ts` asks the same of whole servers, at a hundred times the cost.
 */
import { jsonConfigurationCodec } from "../../raft/testing/json-configuration-codec.ts";
import { DEFAULT_RAFT_CONFIG, type ServerId } from "../../raft/types.ts";
import { LateLinks } from "../late-links.ts";
import { CALM_NETWORK, SimNetwork } from "../sim-network.ts";
import { Simulator } from "../simulator.ts";
import { RaftChecker, Violation } from "./checker.ts";
import { encodeCommand } from "./key-value.ts";
import { SimServer } from "./server.ts";
import type { World } from "./world.ts";

export interface LongRunOptions {
  readonly seed: number;
  readonly servers: number;
  readonly hours: number;
  /** How long a disk is good, at most, between times in which it is slow. */
  readonly goodMaxMs: number;
  /** Told of each time without a leader that was longer than `LEADERLESS_SHOWN_MS`, with what happened around it. */
  readonly onLeaderless?: (ms: number, trace: string) => void;
}

export interface LongRunResult {
  readonly hours: number;
  /** Elections behind the first one. No leader stops, stands still or is cut off. */
  readonly elections: number;
  /**
   * Those behind a time in which the leader could not have heard a majority for as long as its lease, or had its disk
   * stall.
   */
  readonly excused: number;
  /** How often a leader's disk stalled, so that it handed over. */
  readonly handOvers: number;
  /** The longest time from when a leader knew itself to lead no more until the next one led. */
  readonly leaderlessMs: number;
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
const USER_PAUSE_MS = 2_000;
const HOUR_MS = 3_600_000;
const FORM_MS = 30_000;
const LEASE_MS = DEFAULT_RAFT_CONFIG.leaderLeaseTimeoutMs;
/** Heartbeats follow each other so closely. */
const BETWEEN_BEATS_MS = DEFAULT_RAFT_CONFIG.heartbeatTimeoutMs / 5;
/** As `server/disk-watch.ts` has it: a leader whose flush takes longer hands over. */
const STALL_MS = 2 * DEFAULT_RAFT_CONFIG.electionTimeoutMs;
const LOOK_MS = STALL_MS / 4;
const QUICKER_MIN = 8;
/** A cluster should be without a leader for less. */
const LEADERLESS_SHOWN_MS = 1_000;
const TRACE_LINES = 400;
/** An election that a silence caused comes so soon. */
const CONSEQUENCE_MS = 10_000;

/** Connections as TCP makes them: nothing is lost or overtaken, but everything may be late. */
class Connections extends SimNetwork {
  readonly #connections: Simulator;
  readonly #dueMs = new Map<string, number>();
  override readonly late = new LateLinks({
    leaseMs: LEASE_MS,
    betweenBeatsMs: BETWEEN_BEATS_MS,
    consequenceMs: CONSEQUENCE_MS,
  });

  constructor(sim: Simulator) {
    super(sim, LOSSY);
    this.#connections = sim;
  }

  override send(from: string, to: string, deliver: () => void): void {
    const { nowMs, rng } = this.#connections;
    const { delayMinMs, delayMaxMs } = this.faults;
    const delayMs = delayMinMs + rng.next() * (delayMaxMs - delayMinMs) + this.retransmissionMs();
    const link = `${from}>${to}`;
    const dueMs = Math.max(this.#dueMs.get(link) ?? 0, nowMs + delayMs);
    this.#dueMs.set(link, dueMs);
    if (dueMs - nowMs >= LOSSY.retransmitMs) {
      const connection = [from, to].sort().join();
      this.late.note({ hosts: [from, to], connection, sentMs: nowMs, dueMs });
    }
    this.#connections.after(dueMs - nowMs, () => {
      this.delivered++;
      deliver();
    });
  }
}

/** Judges elections, too. */
class LongChecker extends RaftChecker {
  excused = 0;
  needless: string | undefined;
  readonly #excuse: (leader: ServerId) => boolean;
  readonly #onLeader: () => void;
  /** Who led last. */
  leader: ServerId | undefined;

  constructor(excuse: (leader: ServerId) => boolean, onLeader: () => void) {
    super();
    this.#excuse = excuse;
    this.#onLeader = onLeader;
  }

  override leads(id: ServerId, term: number): void {
    super.leads(id, term);
    this.#onLeader();
    const before = this.leader;
    this.leader = id;
    if (before === undefined) return;
    if (this.#excuse(before)) this.excused++;
    else this.needless ??= `Needless Election: ${id} leads term ${term}, and ${before} was heard`;
  }
}

export function runLongRaft({ seed, servers, hours, goodMaxMs, onLeaderless }: LongRunOptions): LongRunResult {
  const sim = new Simulator(seed, { keepLines: onLeaderless !== undefined });
  const ids = Array.from({ length: servers }, (_, at) => `s${at}` as ServerId);
  const network = new Connections(sim);
  // With so many followers silent there is no majority.
  const silentMin = servers - Math.floor(servers / 2);
  const checker = new LongChecker(
    (leader) =>
      watch.handedOver(leader) ||
      network.late.silenced(
        sim.nowMs,
        leader,
        ids.filter((id) => id !== leader),
        silentMin,
      ),
    () => leaderless.over(),
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
    // It may hear of the next one's term late.
    onLeaderLost: ({ id }) => id === checker.leader && leaderless.begins(),
  };
  const watch = new DiskWatches(world);
  const leaderless = new Leaderless(sim, onLeaderless);
  for (const id of ids) {
    const server = new SimServer(id, DEFAULT_RAFT_CONFIG, SYNC_MAX_MS, world);
    server.snapshots.every = 2_000;
    server.snapshots.trailing = 1_000;
    server.bootstrapConfiguration = {
      servers: ids.map((each) => ({ id: each, address: `${each}:8300`, suffrage: "voter" })),
    };
    world.servers.set(id, server);
    sim.after(sim.rng.next() * 50, () => server.boot());
  }
  const users = new Users(world, goodMaxMs);
  let elections = 0;
  let violation: string | undefined;
  try {
    sim.runUntil(FORM_MS);
    const formed = checker.elections;
    for (const server of world.servers.values()) users.wearOut(server);
    for (const server of world.servers.values()) watch.start(server);
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
    handOvers: watch.handOvers,
    leaderlessMs: leaderless.longestMs,
    messages: network.delivered,
    retransmitted: network.retransmitted,
    committed: checker.committedIndex,
  };
}

/** Leaders whose disk hangs hand over, as whole servers do. */
class DiskWatches {
  readonly #world: World;
  readonly #handedOverAtMs = new Map<ServerId, number>();
  readonly #notBeforeMs = new Map<ServerId, number>();
  handOvers = 0;

  constructor(world: World) {
    this.#world = world;
  }

  start(server: SimServer): void {
    const { sim } = this.#world;
    sim.after(LOOK_MS, () => {
      this.start(server);
      const { pendingMs } = server.disk;
      if (pendingMs < STALL_MS || !server.isLeader || sim.nowMs < (this.#notBeforeMs.get(server.id) ?? 0)) return;
      if (server.successionMs * QUICKER_MIN <= pendingMs) this.#handOver(server);
    });
  }

  handedOver(leader: ServerId): boolean {
    const atMs = this.#handedOverAtMs.get(leader);
    return atMs !== undefined && this.#world.sim.nowMs - atMs < CONSEQUENCE_MS;
  }

  #handOver(server: SimServer): void {
    const { sim } = this.#world;
    const { id } = server;
    sim.record(`${id} hands over, its disk hangs for ${server.disk.pendingMs.toFixed(0)} ms`);
    this.handOvers++;
    this.#handedOverAtMs.set(id, sim.nowMs);
    this.#notBeforeMs.set(id, Number.POSITIVE_INFINITY);
    server.operate(
      (proposal) => ({ type: "transferLeadership", proposal }),
      (outcome) => {
        this.#notBeforeMs.set(id, "error" in outcome ? sim.nowMs + STALL_MS : 0);
      },
    );
  }
}

/** How long nobody led. */
class Leaderless {
  readonly #sim: Simulator;
  readonly #onLong: LongRunOptions["onLeaderless"];
  #sinceMs: number | undefined;
  longestMs = 0;

  constructor(sim: Simulator, onLong: LongRunOptions["onLeaderless"]) {
    this.#sim = sim;
    this.#onLong = onLong;
  }

  begins(): void {
    this.#sinceMs ??= this.#sim.nowMs;
  }

  over(): void {
    if (this.#sinceMs === undefined) return;
    const ms = this.#sim.nowMs - this.#sinceMs;
    this.#sinceMs = undefined;
    this.longestMs = Math.max(this.longestMs, ms);
    if (ms > LEADERLESS_SHOWN_MS) this.#onLong?.(ms, this.#sim.trace(TRACE_LINES));
  }
}

class Users {
  readonly #world: World;
  readonly #goodMaxMs: number;
  slowTimes = 0;
  failed = 0;
  slowestMs = 0;
  #values = 0;

  constructor(world: World, goodMaxMs: number) {
    this.#world = world;
    this.#goodMaxMs = goodMaxMs;
  }

  wearOut({ disk }: SimServer): void {
    const { sim } = this.#world;
    const next = (): void => {
      sim.after(sim.rng.next() * this.#goodMaxMs, () => {
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
