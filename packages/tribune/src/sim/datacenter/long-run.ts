/**
 * Hours of a datacenter in which nothing breaks, on disks and links that are poor: whoever leads is to go on leading. An
 * election that the leader gave no reason for costs every client a pause, and says that some timer is too nervous.
 */
import type { Logger, LogLevel } from "../../lib/log.ts";
import { randomInt } from "../../lib/random.ts";
import { LateLinks } from "../late-links.ts";
import { DatacenterChecker, Violation } from "./checker.ts";
import { type SimAgent, SimDatacenter, shownFields } from "./datacenter.ts";
import { listen } from "./seams.ts";
import { entryOf, readKey, writeKey } from "./users/asking.ts";

export interface LongRunOptions {
  readonly seed: number;
  readonly servers: number;
  readonly clients: number;
  readonly hours: number;
  /** How long a disk is good, at most, between times in which it is slow. */
  readonly goodMaxMs: number;
  /** Told after each simulated hour. */
  readonly onHour?: (result: LongRunResult) => void;
  /** Told of each time without a leader that was longer than `LEADERLESS_SHOWN_MS`, with what agents said around it. */
  readonly onLeaderless?: (ms: number, trace: string) => void;
}

export interface LongRunResult {
  readonly hours: number;
  /** Elections behind the first one. */
  readonly elections: number;
  /**
   * Those before which the leader was held up by its disk for longer than its lease, or handed over for that reason, or
   * could not have heard a majority for as long as its lease.
   */
  readonly excused: number;
  /** The longest time from when a leader was held up, or knew itself to lead no more, until the next one led. */
  readonly leaderlessMs: number;
  readonly writes: number;
  readonly reads: number;
  readonly failed: number;
  readonly slowestWriteMs: number;
  /** Times in which a disk was slow, and how often a process was held up by one for more than 100 ms. */
  readonly slowTimes: number;
  readonly holdUps: number;
  readonly longestHoldUpMs: number;
  readonly retransmitted: number;
  readonly entries: number;
  readonly states: number;
  readonly violation: string | undefined;
  /** What agents said in the last minutes. */
  readonly trace: string;
}

/** Lines of the trace: some minutes of a calm datacenter. */
const TRACE_LINES = 200;
/** Two of a hundred packets are lost; what a stream loses comes after TCP's shortest timer. */
const LOSSY = { loss: 0.02, duplicate: 0.005, delayMinMs: 0.2, delayMaxMs: 3, straggle: 0.01, retransmitMs: 200 };
/** A good disk, which earns it that small writes wait for it on the event loop … */
const GOOD_CALL_MS = 0.5;
/** … until it is slow for some seconds, by so much a call: most of the time a little, seldom a lot. */
const SLOW_CALL_MS = { min: 5, max: 1_500 };
const SLOW_FOR_MS = 10_000;
/** `leaderLeaseTimeout` with `raft_multiplier` 1: a leader that stands still for longer may lose its place. */
const LEASE_MS = 500;
/** Heartbeats follow each other at most so far apart. */
const BETWEEN_BEATS_MS = 200;
/** An election that a hold-up caused comes within some timeouts of it. */
const CONSEQUENCE_MS = 5_000;
const HOUR_MS = 3_600_000;
const USER_PAUSE_MS = 4_000;
/** A datacenter should be without a leader for less. */
const LEADERLESS_SHOWN_MS = 1_000;

export async function runLong(options: LongRunOptions): Promise<LongRunResult> {
  const run = new LongRun(options);
  const undo = listen(run.checker, 500);
  try {
    return await run.play();
  } finally {
    undo();
  }
}

class LongRun {
  readonly checker = new DatacenterChecker(() => false);
  readonly #options: LongRunOptions;
  readonly #datacenter: SimDatacenter;
  #leader: SimAgent | undefined;
  #terms = 0;
  #excused = 0;
  /** Since when nobody leads, as far as is known. */
  #leaderlessSinceMs: number | undefined;
  #leaderlessMs = 0;
  #leaderHeldUp: { readonly fromMs: number; readonly untilMs: number } | undefined;
  #writes = 0;
  #reads = 0;
  #failed = 0;
  #slowestWriteMs = 0;
  #slowTimes = 0;
  #holdUps = 0;
  #longestHoldUpMs = 0;
  #written = 0;
  #stopped = false;
  readonly #late = new LateLinks({
    leaseMs: LEASE_MS,
    betweenBeatsMs: BETWEEN_BEATS_MS,
    consequenceMs: CONSEQUENCE_MS,
  });
  /** Who lost its place with a reason, until somebody else has it. */
  #gaveUp: SimAgent | undefined;
  /** When a process was last held up for longer than a lease, or gave its place up for its disk. */
  readonly #excuseAtMs = new Map<SimAgent, number>();

  constructor(options: LongRunOptions) {
    const { seed, servers, clients } = options;
    this.#options = options;
    this.#datacenter = new SimDatacenter(seed, {
      servers,
      clients,
      keepLines: true,
      settings: { check_update_interval: "0s" },
      logger: (each) => this.#logger(each),
      onFatal: (each, error) => this.checker.broken(`${each.name} ends itself: ${error.stack ?? String(error)}`),
    });
  }

  async play(): Promise<LongRunResult> {
    const { sim, network, agents } = this.#datacenter;
    let hours = 0;
    try {
      await this.#datacenter.start();
      await this.#datacenter.until("there is a leader", () => this.#leader !== undefined, 60_000);
      await this.#datacenter.pass(30_000);
      network.faults = LOSSY;
      network.late = this.#late;
      for (const each of agents) this.#wearOut(each);
      this.#use();
      const startMs = sim.nowMs;
      while (hours < this.#options.hours) {
        const untilMs = Math.min(startMs + HOUR_MS * (Math.floor(hours) + 1), startMs + HOUR_MS * this.#options.hours);
        while (sim.nowMs < untilMs && this.checker.violations.length === 0)
          await this.#datacenter.pass(Math.min(1_000, untilMs - sim.nowMs));
        if (this.checker.violations.length > 0) throw new Violation(this.checker.violations[0]);
        hours = (sim.nowMs - startMs) / HOUR_MS;
        this.#options.onHour?.(this.#result(hours, undefined));
      }
      this.#stopped = true;
      return this.#result(hours, undefined);
    } catch (error) {
      return this.#result(hours, error instanceof Violation ? error.message : String((error as Error).stack));
    }
  }

  #result(hours: number, violation: string | undefined): LongRunResult {
    return {
      hours,
      elections: Math.max(0, this.#terms - 1),
      excused: this.#excused,
      leaderlessMs: this.#leaderlessMs,
      writes: this.#writes,
      reads: this.#reads,
      failed: this.#failed,
      slowestWriteMs: this.#slowestWriteMs,
      slowTimes: this.#slowTimes,
      holdUps: this.#holdUps,
      longestHoldUpMs: this.#longestHoldUpMs,
      retransmitted: this.#datacenter.network.retransmitted,
      entries: this.checker.entries,
      states: this.checker.statesCompared,
      violation,
      trace: violation === undefined ? "" : this.#datacenter.sim.trace(TRACE_LINES),
    };
  }

  /** Its disk is good, and slow for some seconds every now and then. */
  #wearOut(each: SimAgent): void {
    const { sim } = this.#datacenter;
    const { files } = each.host;
    files.callMaxMs = GOOD_CALL_MS;
    const held = files.onHeld;
    files.onHeld = (ms) => {
      this.#heldUp(each, ms);
      held(ms);
    };
    const next = (): void => {
      sim.after(sim.rng.next() * this.#options.goodMaxMs, () => {
        this.#slowTimes++;
        files.slownessMs = SLOW_CALL_MS.min * (SLOW_CALL_MS.max / SLOW_CALL_MS.min) ** sim.rng.next();
        sim.record(`${each.name}'s disk takes ${files.slownessMs.toFixed(0)} ms for a call`);
        sim.after(sim.rng.next() * SLOW_FOR_MS, () => {
          sim.record(`${each.name}'s disk is good again`);
          files.slownessMs = 0;
          next();
        });
      });
    };
    next();
  }

  #heldUp(each: SimAgent, ms: number): void {
    if (ms > 100) {
      this.#holdUps++;
      this.#datacenter.sim.record(`${each.name} is held up for ${ms.toFixed(0)} ms`);
    }
    this.#longestHoldUpMs = Math.max(this.#longestHoldUpMs, ms);
    if (ms <= LEASE_MS) return;
    const { nowMs } = this.#datacenter.sim;
    this.#excuseAtMs.set(each, nowMs + ms);
    if (each === this.#leader) this.#leaderHeldUp = { fromMs: nowMs, untilMs: nowMs + ms };
  }

  /** A user who puts and reads, at any agent. */
  #use(): void {
    const { sim, agents } = this.#datacenter;
    sim.after(sim.rng.next() * USER_PAUSE_MS, () => {
      if (this.#stopped) return;
      const { agent } = agents[randomInt(sim.rng, agents.length)]!;
      const startedMs = sim.nowMs;
      const value = this.#written + 1;
      const failed = (): void => {
        this.#failed++;
        this.#use();
      };
      writeKey(agent!, "set", { Key: "long", Value: Buffer.from(String(value)) }).then(() => {
        this.#writes++;
        this.#written = value;
        this.#slowestWriteMs = Math.max(this.#slowestWriteMs, sim.nowMs - startedMs);
        const reader = agents[randomInt(sim.rng, agents.length)]!;
        readKey(reader.agent!, "long").then((outcome) => {
          this.#reads++;
          const seen = entryOf(outcome).value;
          if (seen !== value) this.checker.broken(`Default Reads: ${reader.name} reads ${seen} behind ${value}`);
          this.#use();
        }, failed);
      }, failed);
    });
  }

  #leads(each: SimAgent, term: number): void {
    this.checker.leads(term, each.name);
    this.#terms++;
    const before = this.#leader;
    this.#leader = each;
    if (before === undefined) return;
    const { nowMs } = this.#datacenter.sim;
    this.#judgeLeaderless(nowMs);
    const excused = this.#gaveUp === before || this.#hasReason(before);
    this.#gaveUp = undefined;
    if (excused) this.#excused++;
    else
      this.checker.broken(
        `Needless Election: ${each.name} leads term ${term} from ${nowMs.toFixed(0)} ms on, and ${before.name} was well`,
      );
  }

  #lost(each: SimAgent): void {
    this.#gaveUp = this.#hasReason(each) ? each : undefined;
    const { nowMs } = this.#datacenter.sim;
    if (each === this.#leader) this.#leaderlessSinceMs = this.#heldUpSinceMs(nowMs) ?? nowMs;
  }

  /** When the leader was held up, if it could not have been heard since. */
  #heldUpSinceMs(nowMs: number): number | undefined {
    const held = this.#leaderHeldUp;
    return held !== undefined && nowMs <= held.untilMs + BETWEEN_BEATS_MS ? held.fromMs : undefined;
  }

  #judgeLeaderless(nowMs: number): void {
    const sinceMs = this.#leaderlessSinceMs ?? this.#heldUpSinceMs(nowMs);
    this.#leaderlessSinceMs = undefined;
    this.#leaderHeldUp = undefined;
    if (sinceMs === undefined) return;
    this.#leaderlessMs = Math.max(this.#leaderlessMs, nowMs - sinceMs);
    if (nowMs - sinceMs > LEADERLESS_SHOWN_MS)
      this.#options.onLeaderless?.(nowMs - sinceMs, this.#datacenter.sim.trace(TRACE_LINES));
  }

  /** Its place is lost for a reason that just was; the election may take longer than that. */
  #hasReason(leader: SimAgent): boolean {
    const { nowMs } = this.#datacenter.sim;
    const heldUp = nowMs - (this.#excuseAtMs.get(leader) ?? Number.NEGATIVE_INFINITY) < CONSEQUENCE_MS;
    return heldUp || this.#silenced(leader);
  }

  /** Whether the links of a leader let it hear no majority for as long as its lease: several losses in a row, on enough. */
  #silenced(leader: SimAgent): boolean {
    const { sim, agents } = this.#datacenter;
    const others = agents.filter((each) => each.server && each !== leader).map(({ host }) => host.address);
    return this.#late.silenced(
      sim.nowMs,
      leader.host.address,
      others,
      others.length + 1 - Math.floor((others.length + 1) / 2),
    );
  }

  #logger(each: SimAgent): Logger {
    const say = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void => {
      this.#datacenter.sim.record(
        `${each.name} [${level}] ${message} ${fields === undefined ? "" : shownFields(fields)}`,
      );
      if (message === "cluster leadership acquired") this.#leads(each, Number(fields?.term));
      if (message === "cluster leadership lost") this.#lost(each);
      if (message.startsWith("the disk has not finished a flush for too long"))
        this.#excuseAtMs.set(each, this.#datacenter.sim.nowMs);
    };
    return {
      trace: () => {},
      debug: () => {},
      info: (message, fields) => say("INFO", message, fields),
      warn: (message, fields) => say("WARN", message, fields),
      error: (message, fields) => say("ERROR", message, fields),
      named: () => this.#logger(each),
    };
  }
}
