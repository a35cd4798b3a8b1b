/** One seed: a cluster forms, works in peace, loses a member, is harmed for a while, and must find together again. */
import { LAN_SETTINGS, type SwimSettings } from "../../gossip/swim/settings.ts";
import { suspicionLimits } from "../../gossip/swim/timing.ts";
import { randomInt } from "../../lib/random.ts";
import { caught } from "../outcome.ts";
import { CALM_NETWORK, SimNetwork } from "../sim-network.ts";
import { Simulator } from "../simulator.ts";
import { detectionMsMax } from "./bounds.ts";
import { GossipChecker, GossipViolation } from "./checker.ts";
import { GossipNemesis, RESTART_MS_MAX } from "./nemesis.ts";
import { SharedRecords } from "./shared-records.ts";
import { type BrokenRule, type GossipWorld, SimMember } from "./sim-member.ts";

export interface GossipRunOptions {
  readonly seed: number;
  readonly members: number;
  /** Highest share of packets lost while there are faults. */
  readonly loss?: number;
  readonly broken?: BrokenRule;
  readonly keepLines?: boolean;
}

export interface GossipRunResult {
  readonly fingerprint: string;
  readonly faults: number;
  readonly changes: number;
  readonly suspicions: number;
  readonly falseDeaths: number;
  readonly packets: number;
  readonly violation: string | undefined;
  readonly crashed: boolean;
  readonly trace: string;
}

const PEACE_MS = 30_000;
const FAULTS_MS = 120_000;
/** After the faults: suspicions run out, members reconnect to the failed, push/pulls carry what gossip lost. */
const CALM_MS = 600_000;
const FORMATION_MS = 120_000;

export function runGossip(options: GossipRunOptions): GossipRunResult {
  const sim = new Simulator(options.seed, { keepLines: options.keepLines ?? false });
  const cluster = new Cluster(sim, options);
  let violation: string | undefined;
  let crashed = false;
  try {
    cluster.form();
    cluster.livesInPeace();
    cluster.noticesACrash();
    cluster.isHarmed(options.loss ?? 0.2);
    cluster.findsTogether();
    cluster.refutesSlander();
  } catch (error) {
    // Also a broken invariant of the core: the run is over and its seed is the finding.
    ({ violation, crashed } = caught(error, GossipViolation));
  }
  const { changes, suspicions, falseDeaths } = cluster.checker;
  return {
    fingerprint: sim.fingerprint(),
    faults: cluster.faults,
    changes,
    suspicions,
    falseDeaths,
    packets: cluster.world.network.delivered,
    violation,
    crashed,
    trace: sim.trace(200),
  };
}

class Cluster {
  readonly #sim: Simulator;
  readonly world: GossipWorld;
  readonly checker: GossipChecker;
  readonly #members: readonly SimMember[];
  faults = 0;

  constructor(sim: Simulator, { members, broken }: GossipRunOptions) {
    this.#sim = sim;
    const settings = drawSettings(sim, broken);
    this.world = {
      sim,
      network: new SimNetwork(sim, CALM_NETWORK),
      records: new SharedRecords(),
      settings,
      byEndpoint: new Map(),
      broken,
      observer: { changed: () => {}, stepped: () => {} },
    };
    this.#members = Array.from({ length: members }, (_, at) => new SimMember(at, this.world));
    this.checker = new GossipChecker(this.#members, () => sim.nowMs, settings.gossipToTheDeadMs);
    this.world.observer = {
      stepped: (by) => this.checker.stepped(by),
      changed: (by, before, after) => {
        if (by.name !== after.name || before !== undefined) {
          sim.record(`${by.name}: ${after.name} ${before?.status ?? "new"} -> ${after.status} ${after.incarnation}`);
        }
        this.checker.changed(by, before, after);
      },
    };
  }

  get #running(): SimMember[] {
    return this.#members.filter((member) => member.isUp && !member.hasLeft);
  }

  #some(): SimMember | undefined {
    const running = this.#running;
    return running[randomInt(this.#sim.rng, running.length)];
  }

  #until(what: string, limitMs: number): void {
    let wrong: string | undefined;
    const endMs = this.#sim.nowMs + limitMs;
    while (this.#sim.nowMs < endMs) {
      const running = this.#running;
      wrong = this.checker.disagreement(running, this.#members);
      if (wrong === undefined) return;
      this.#sim.runUntil(this.#sim.nowMs + 500);
    }
    throw new GossipViolation(`${what}: ${wrong} after ${Math.round(limitMs)} ms`);
  }

  /** Everybody is told of the first one, as with `retry_join`. */
  form(): void {
    for (const member of this.#members) {
      const first = this.#members[0]!;
      this.#sim.after(member === first ? 0 : randomInt(this.#sim.rng, 10_000), () => {
        this.checker.booted(member);
        member.boot();
        member.join(() => first);
      });
    }
    this.#sim.runUntil(10_000);
    this.#until("Formation", FORMATION_MS);
  }

  /** No member that runs is even suspected where nothing goes wrong. */
  livesInPeace(): void {
    this.checker.isCalm = true;
    this.#sim.runUntil(this.#sim.nowMs + PEACE_MS);
  }

  /** Completeness and its time. */
  noticesACrash(): void {
    this.#some()?.crash();
    this.#until("Completeness", detectionMsMax(this.#members.length, LAN_SETTINGS));
    this.checker.isCalm = false;
  }

  isHarmed(lossMax: number): void {
    const { rng } = this.#sim;
    this.world.network.faults = {
      loss: rng.next() * lossMax,
      duplicate: rng.next() * 0.1,
      delayMinMs: 0.5,
      delayMaxMs: 2 + rng.next() * 100,
      straggle: rng.next() * 0.05,
    };
    const nemesis = new GossipNemesis(this.world, this.#members, this.checker);
    this.#sim.runUntil(this.#sim.nowMs + FAULTS_MS);
    nemesis.stop();
    this.faults = nemesis.faults;
    this.world.network.faults = CALM_NETWORK;
  }

  /** Eventually everybody knows everything, and then it stays so. */
  findsTogether(): void {
    this.#sim.runUntil(this.#sim.nowMs + RESTART_MS_MAX);
    this.#until("Convergence", CALM_MS);
    this.checker.isCalm = true;
    this.#sim.runUntil(this.#sim.nowMs + PEACE_MS);
    this.#until("Convergence again", 1);
  }

  /**
   * SWIM §4.2: who is accused and can hear it is believed before it is taken for dead. Gossip leaves somebody out now and
   * then: that may be the accuser, whose suspicion, shared by nobody, is the longest, and who asks the accused meanwhile.
   */
  refutesSlander(): void {
    const running = this.#running;
    const by = this.#some();
    const subject = running.find((member) => member !== by);
    if (by === undefined || subject === undefined) return;
    const { falseDeaths } = this.checker;
    const { incarnation, name } = subject.core!.local;
    this.checker.isCalm = false;
    by.packet(by.endpoint, [{ type: "suspect", incarnation, node: name, from: by.name }]);
    const { probeIntervalMs, suspicionMult } = LAN_SETTINGS;
    this.#until("Refutation", suspicionLimits(suspicionMult, this.#members.length, probeIntervalMs).maxMs);
    if (this.checker.falseDeaths > falseDeaths) throw new GossipViolation(`Refutation: ${name} was taken for dead`);
  }
}

function drawSettings(sim: Simulator, broken: BrokenRule | undefined): SwimSettings {
  const settings = { ...LAN_SETTINGS, lagToleratedMs: sim.rng.next() < 0.5 ? LAN_SETTINGS.lagToleratedMs : 1e9 };
  return broken === "suspect-forever" ? { ...settings, suspicionMult: 1_000 } : settings;
}
