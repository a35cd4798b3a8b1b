/**
 * Hours of a datacenter in which nothing breaks, on disks and links that are poor: whoever leads is to go on leading. An
 * election that the leader gave no reason for costs every client a pause, and says that some timer is too nervous.
 */
import type { Logger, LogLevel } from "../../lib/log.ts";
import { randomInt } from "../../lib/random.ts";
import { DatacenterChecker, Violation } from "./checker.ts";
import { type SimAgent, SimDatacenter } from "./datacenter.ts";
import { listen } from "./seams.ts";
import { entryOf, readKey, writeKey } from "./workload.ts";

export interface LongRunOptions {
  readonly seed: number;
  readonly servers: number;
  readonly clients: number;
  readonly hours: number;
  /** Told after each simulated hour. */
  readonly onHour?: (result: LongRunResult) => void;
}

export interface LongRunResult {
  readonly hours: number;
  /** Elections behind the first one. */
  readonly elections: number;
  /** Those during which the leader was held up by its disk for longer than its lease, or handed over for that reason. */
  readonly excused: number;
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
}

/** Two of a hundred packets are lost; what a stream loses comes after TCP's shortest timer. */
const LOSSY = { loss: 0.02, duplicate: 0.005, delayMinMs: 0.2, delayMaxMs: 3, straggle: 0.01, retransmitMs: 200 };
/** A good disk, which earns it that small writes wait for it on the event loop … */
const GOOD_CALL_MS = 0.5;
/** … until it is slow for some seconds, by so much a call: most of the time a little, seldom a lot. */
const SLOW_CALL_MS = { min: 5, max: 1_500 };
const SLOW_FOR_MS = 10_000;
const BETWEEN_MS = 60_000;
/** `leaderLeaseTimeout` with `raft_multiplier` 1: a leader that stands still for longer may lose its place. */
const LEASE_MS = 500;
/** An election that a hold-up caused comes within some timeouts of it. */
const CONSEQUENCE_MS = 5_000;
const HOUR_MS = 3_600_000;
const USER_PAUSE_MS = 1_000;

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
  #writes = 0;
  #reads = 0;
  #failed = 0;
  #slowestWriteMs = 0;
  #slowTimes = 0;
  #holdUps = 0;
  #longestHoldUpMs = 0;
  #written = 0;
  #stopped = false;
  /** When a process was last held up for longer than a lease, or gave its place up for its disk. */
  readonly #excuseAtMs = new Map<SimAgent, number>();

  constructor(options: LongRunOptions) {
    const { seed, servers, clients } = options;
    this.#options = options;
    this.#datacenter = new SimDatacenter(seed, {
      servers,
      clients,
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
      sim.after(sim.rng.next() * BETWEEN_MS, () => {
        this.#slowTimes++;
        files.slownessMs = SLOW_CALL_MS.min * (SLOW_CALL_MS.max / SLOW_CALL_MS.min) ** sim.rng.next();
        sim.after(sim.rng.next() * SLOW_FOR_MS, () => {
          files.slownessMs = 0;
          next();
        });
      });
    };
    next();
  }

  #heldUp(each: SimAgent, ms: number): void {
    if (ms > 100) this.#holdUps++;
    this.#longestHoldUpMs = Math.max(this.#longestHoldUpMs, ms);
    if (ms > LEASE_MS) this.#excuseAtMs.set(each, this.#datacenter.sim.nowMs + ms);
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
    if (nowMs - (this.#excuseAtMs.get(before) ?? Number.NEGATIVE_INFINITY) < CONSEQUENCE_MS) this.#excused++;
    else
      this.checker.broken(
        `Needless Election: ${each.name} leads term ${term} from ${nowMs.toFixed(0)} ms on, and ${before.name} was well`,
      );
  }

  #logger(each: SimAgent): Logger {
    const say = (_level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void => {
      if (message === "cluster leadership acquired") this.#leads(each, Number(fields?.term));
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
