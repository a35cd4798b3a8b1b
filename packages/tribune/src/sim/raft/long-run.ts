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
  /** Elections behind the first one. Each is needless: no leader stops, stands still or is cut off. */
  readonly elections: number;
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

/** Connections as TCP makes them: nothing is lost or overtaken, but everything may be late. */
class Connections extends SimNetwork {
  readonly #connections: Simulator;
  readonly #dueMs = new Map<string, number>();

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
    this.#connections.after(dueMs - nowMs, () => {
      this.delivered++;
      deliver();
    });
  }
}

export function runLongRaft({ seed, servers, hours }: LongRunOptions): LongRunResult {
  const sim = new Simulator(seed);
  const world: World = {
    sim,
    network: new Connections(sim),
    checker: new RaftChecker(),
    codec: jsonConfigurationCodec,
    servers: new Map(),
    disks: new Map(),
    broken: undefined,
    leases: true,
    exchangeTimeoutMs: 10_000,
    onMoment: () => {},
  };
  const ids = Array.from({ length: servers }, (_, at) => `s${at}` as ServerId);
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
    const formed = world.checker.elections;
    for (const server of world.servers.values()) users.wearOut(server);
    users.use();
    sim.runUntil(FORM_MS + hours * HOUR_MS);
    elections = world.checker.elections - formed;
    if (formed === 0) throw new Violation("Liveness: nobody leads");
    if (elections > 0) throw new Violation(`Needless Election: ${elections} of them`);
  } catch (error) {
    violation = error instanceof Violation ? error.message : String((error as Error).stack);
  }
  const { slowTimes, failed, slowestMs } = users;
  return {
    ...{ hours: (sim.nowMs - FORM_MS) / HOUR_MS, elections, slowTimes, failed, slowestMs, violation },
    messages: world.network.delivered,
    retransmitted: world.network.retransmitted,
    committed: world.checker.committedIndex,
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
