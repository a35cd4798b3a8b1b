/** One seed: a cluster, faults for a while, then calm; every checker looks at all of it. */
import { randomInt } from "../../lib/random.ts";
import { jsonConfigurationCodec } from "../../raft/testing/json-configuration-codec.ts";
import { type Configuration, DEFAULT_RAFT_CONFIG, type RaftConfig, type ServerId } from "../../raft/types.ts";
import { linearizabilityError } from "../linearizability.ts";
import { caught } from "../outcome.ts";
import { CALM_NETWORK, SimNetwork } from "../sim-network.ts";
import { Simulator } from "../simulator.ts";
import { RaftChecker, Violation } from "./checker.ts";
import { encodeCommand } from "./key-value.ts";
import { Nemesis } from "./nemesis.ts";
import { SimServer } from "./server.ts";
import { Workload } from "./workload.ts";
import type { BrokenRule, World } from "./world.ts";

export interface RunOptions {
  readonly seed: number;
  /** Voters at the start; one more server waits to be added. */
  readonly servers: number;
  readonly broken?: BrokenRule;
  readonly keepLines?: boolean;
  readonly faultsMs?: number;
}

export interface RunResult {
  readonly fingerprint: string;
  readonly elections: number;
  readonly operations: number;
  readonly unknown: number;
  readonly faults: number;
  readonly messages: number;
  readonly committed: number;
  /** What does not hold, and the end of the trace when lines were kept. */
  readonly violation: string | undefined;
  readonly crashed: boolean;
  readonly trace: string;
}

const FAULTS_MS = 6000;
/** Long enough for the slowest pause between two tries, and some elections. */
const CALM_MS = 30_000;

export function runRaft(options: RunOptions): RunResult {
  const sim = new Simulator(options.seed, { keepLines: options.keepLines ?? false });
  const world = buildWorld(sim, options);
  const workload = new Workload(world, 6);
  const nemesis = new Nemesis(world, isAboutVotes(options.broken) ? { votes: 0.6 } : {});
  let violation: string | undefined;
  let crashed = false;
  try {
    sim.runUntil(options.faultsMs ?? FAULTS_MS);
    nemesis.stop();
    world.network.faults = CALM_NETWORK;
    checkProgress(sim, world);
    workload.stop();
    checkConvergence(sim, world);
    const error = linearizabilityError(workload.history);
    if (error !== undefined) throw new Violation(`Linearizability: ${error}`);
  } catch (error) {
    // Also a broken invariant of the core: the run is over and its seed is the finding.
    ({ violation, crashed } = caught(error, Violation));
  }
  return {
    fingerprint: sim.fingerprint(),
    elections: world.checker.elections,
    operations: workload.completed,
    unknown: workload.unknown,
    faults: nemesis.faults,
    messages: world.network.delivered,
    committed: world.checker.committedIndex,
    violation,
    crashed,
    trace: sim.trace(300),
  };
}

/** A rule about votes shows only where many candidates meet and voters crash right behind a vote. */
function isAboutVotes(broken: BrokenRule | undefined): boolean {
  return broken === "vote-before-durable" || broken === "forget-vote";
}

function buildWorld(sim: Simulator, options: RunOptions): World {
  const { rng } = sim;
  // A voter that lost its vote has to be asked once more in the same term, and not before it may vote again.
  const repeats = isAboutVotes(options.broken);
  const network = new SimNetwork(sim, {
    loss: rng.next() * 0.1,
    duplicate: rng.next() * (repeats ? 0.5 : 0.05),
    delayMinMs: 0.5,
    delayMaxMs: 2 + rng.next() * 15,
    straggle: rng.next() * (repeats ? 0.5 : 0.05),
  });
  const world: World = {
    sim,
    network,
    checker: new RaftChecker(),
    codec: jsonConfigurationCodec,
    servers: new Map(),
    disks: new Map(),
    broken: options.broken,
    leases: rng.next() < 0.5,
    exchangeTimeoutMs: 150,
    onMoment: () => {},
  };
  const config = drawConfig(sim, options.broken);
  const syncMaxMs = rng.next() < 0.6 ? 6 : 40;
  const ids = Array.from({ length: options.servers + 1 }, (_, at) => `s${at}` as ServerId);
  for (const id of ids) {
    const server = new SimServer(id, config, syncMaxMs, world);
    server.knowsPreVote = config.preVote && rng.next() < 0.85;
    server.snapshots.every = 10 + randomInt(rng, 60);
    server.snapshots.trailing = randomInt(rng, 30);
    world.servers.set(id, server);
  }
  // As with `bootstrap_expect`: each of the first servers writes the same first entry.
  const configuration: Configuration = {
    servers: ids.slice(0, -1).map((id) => ({ id, address: `${id}:8300`, suffrage: "voter" })),
  };
  for (const id of ids) {
    const server = world.servers.get(id)!;
    if (id !== ids.at(-1)) server.bootstrapConfiguration = configuration;
    sim.after(randomInt(rng, 50), () => {
      if (!server.isUp) server.boot();
    });
  }
  return world;
}

/** Consul's proportions, faster; bounds so small that every one of them is met. */
function drawConfig(sim: Simulator, broken: BrokenRule | undefined): RaftConfig {
  const { rng } = sim;
  // The shorter, the more candidates meet in one term, and the sooner a voter that starts again may vote.
  const aboutVotes = isAboutVotes(broken);
  const timeoutMs = aboutVotes ? 20 + randomInt(rng, 20) : 50 + randomInt(rng, 120);
  return {
    ...DEFAULT_RAFT_CONFIG,
    heartbeatTimeoutMs: timeoutMs,
    electionTimeoutMs: timeoutMs,
    leaderLeaseTimeoutMs: timeoutMs * (aboutVotes ? 0.2 : 0.75),
    commitTimeoutMs: 10,
    preVote: rng.next() < (aboutVotes ? 0.2 : 0.7),
    maxAppendEntries: 1 + randomInt(rng, 8),
    maxAppendBytes: 100 + randomInt(rng, 1000),
    maxAppendsInFlight: 1 + randomInt(rng, 8),
    maxProposalsInFlight: 20 + randomInt(rng, 100),
    maxEntriesApplying: 1 + randomInt(rng, 20),
    maxLogCacheBytes: randomInt(rng, 4000),
  };
}

/** After the faults: somebody leads, and a new command commits. */
function checkProgress(sim: Simulator, world: World): void {
  let committed = false;
  const propose = (): void => {
    if (committed) return;
    const leader = [...world.servers.values()].find((server) => server.isLeader);
    leader?.propose([encodeCommand({ op: "put", key: "last", value: 1 })], (_at, outcome) => {
      if (!("error" in outcome)) committed = true;
    });
    sim.after(50, propose);
  };
  propose();
  if (!sim.runWhile(() => !committed, sim.nowMs + CALM_MS)) {
    throw new Violation("Liveness: no command commits after the faults");
  }
}

/** And when the clients are quiet too, all members come to the same state. */
function checkConvergence(sim: Simulator, world: World): void {
  const converged = (): boolean => {
    const leader = [...world.servers.values()].find((server) => server.isLeader);
    const status = leader?.status;
    if (leader === undefined || status === undefined || status.lastLogIndex > status.commitIndex) return false;
    return status.configuration.servers.every(({ id }) => {
      const server = world.servers.get(id);
      return server?.status?.appliedIndex === status.commitIndex && server.appliedDigest === leader.appliedDigest;
    });
  };
  if (!sim.runWhile(() => !converged(), sim.nowMs + CALM_MS)) {
    throw new Violation("Liveness: members do not converge after the faults");
  }
}
