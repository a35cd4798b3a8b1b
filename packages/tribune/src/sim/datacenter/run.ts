/** One seed: a datacenter, faults for a while, then calm; every checker looks at all of it. */
import { createHash } from "node:crypto";
import { make, NodeService, RegisterRequest } from "@tribune/api";
import { ask, endpointNamed, ownRead } from "../../agent/asking.ts";
import type { Logger, LogLevel } from "../../lib/log.ts";
import { randomInt } from "../../lib/random.ts";
import type { Rng } from "../../lib/runtime.ts";
import { linearizabilityError } from "../linearizability.ts";
import { caught } from "../outcome.ts";
import type { Simulator } from "../simulator.ts";
import { DatacenterChecker, Violation } from "./checker.ts";
import { divergence, serverOfAgent, type Truth } from "./convergence.ts";
import { type SimAgent, SimDatacenter, shownFields } from "./datacenter.ts";
import { Nemesis } from "./nemesis.ts";
import { type BrokenRule, breakRule, listen } from "./seams.ts";
import { askAsDoor, CACHEABLE, cachedCall, entryOf, QUESTIONS, readKey, writeKey } from "./users/asking.ts";
import { SESSION_TTL_MS } from "./users/lock-users.ts";
import { Workload } from "./users/workload.ts";

export interface RunOptions {
  readonly seed: number;
  readonly servers: number;
  readonly clients: number;
  readonly broken?: BrokenRule;
  readonly keepLines?: boolean;
  readonly faultsMs?: number;
}

export interface RunResult {
  readonly fingerprint: string;
  /** Terms that had a leader. */
  readonly elections: number;
  /** Reads and writes of keys that were answered, and writes that were not. */
  readonly operations: number;
  readonly unknown: number;
  readonly locks: number;
  readonly registrations: number;
  /** Blocking queries answered, and those of them by a change. */
  readonly blocked: number;
  readonly wakes: number;
  /** Answers that an agent's cache may have given. */
  readonly cached: number;
  readonly faults: number;
  readonly entries: number;
  /** States found equal to that of another server, or another life, at the same index. */
  readonly states: number;
  /** Answers found equal to another server's at the same index. */
  readonly answers: number;
  readonly virtualMs: number;
  /** From the end of the faults until all is well again. */
  readonly calmMs: number;
  readonly violation: string | undefined;
  readonly crashed: boolean;
  readonly trace: string;
}

const FAULTS_MS = 60_000;
const FORM_MS = 60_000;
/** Some rounds of what mends what events missed: a minute of the leader's, two of anti-entropy. */
const CALM_MS = 300_000;
/** How long a wake may take in calm: an election must not fall into it. */
const WAKE_MS = 2_000;
const WAIT_MS = 60_000;
/**
 * Nobody's write is held so long in calm: two or three hops of 5 ms each at most, and two flushes. A server that holds a
 * call tries again up to 440 ms later.
 */
const PROMPT_MS = 200;
/** What a call to a slow disk may take while the datacenter forms. */
const SLOW_START_MS = 100;
/** At once, so that every stream that an agent keeps for further calls is used. */
const PROMPT_WRITES = 16;
/** A cache that could not refresh an answer tries again after so long at most; then one more refresh. */
const CACHE_MS = 150_000;
/** A leader that could take a node for gone has heard by then that it is there. */
const HEARD_MS = 15_000;
/** A snapshot a minute's worth of commands, so that servers that come back need one. */
const SETTINGS = {
  session_ttl_min: `${SESSION_TTL_MS / 1000}s`,
  performance: { raft_multiplier: 1, leave_drain_time: "1s" },
  raft_snapshot_threshold: 60,
  raft_snapshot_interval: "10s",
  raft_trailing_logs: 30,
  check_update_interval: "0s",
};

export async function runDatacenter(options: RunOptions): Promise<RunResult> {
  const run = new Run(options);
  const undo = [
    listen(run.checker, options.servers + options.clients > 20 ? 200 : 20),
    ...(options.broken === undefined ? [] : [breakRule(options.broken)]),
  ];
  try {
    return await run.play();
  } finally {
    for (const each of undo.toReversed()) each();
  }
}

class Run {
  readonly checker: DatacenterChecker;
  readonly #options: RunOptions;
  readonly #datacenter: SimDatacenter;
  readonly #sim: Simulator;
  readonly #chance: Rng;
  #crashed = false;
  #workload: Workload | undefined;
  #nemesis: Nemesis | undefined;
  #calmMs = 0;

  constructor(options: RunOptions) {
    const { seed, servers, clients, keepLines = false } = options;
    this.#options = options;
    this.checker = new DatacenterChecker((node) => this.#mayGo(node));
    this.#datacenter = new SimDatacenter(seed, {
      servers,
      clients,
      keepLines,
      settings: SETTINGS,
      logger: (each) => this.#logger(each, each.life, ""),
      probed: (target) => this.#workload?.services.targets.get(target) ?? "passing",
      onFatal: (each, error) => this.#fatal(each, error),
    });
    this.#sim = this.#datacenter.sim;
    this.#chance = this.#sim.fork();
    if (options.broken === "fsync-lies") for (const { host } of this.#datacenter.agents) host.files.syncLies = true;
  }

  async play(): Promise<RunResult> {
    let violation: string | undefined;
    try {
      await this.#play();
    } catch (error) {
      const { crashed, ...found } = caught(error, Violation);
      violation = found.violation;
      this.#crashed ||= crashed;
    }
    // What was found on the way comes first: the rest may be its consequence.
    violation = this.checker.violations[0] ?? violation;
    const workload = this.#workload;
    return {
      fingerprint: this.#sim.fingerprint(),
      elections: this.checker.elections,
      operations: workload?.kv.completed ?? 0,
      unknown: workload?.kv.unknown ?? 0,
      locks: this.checker.locksTaken,
      registrations: workload?.services.registrations ?? 0,
      blocked: workload?.watches.blocked ?? 0,
      wakes: workload?.watches.wakes ?? 0,
      cached: workload?.watches.cached ?? 0,
      faults: this.#nemesis?.faults ?? 0,
      entries: this.checker.entries,
      states: this.checker.statesCompared,
      answers: this.checker.answersCompared,
      virtualMs: this.#sim.nowMs,
      calmMs: this.#calmMs,
      violation,
      crashed: this.#crashed,
      trace: this.#sim.trace(this.#options.keepLines === true ? 100_000 : 0),
    };
  }

  async #play(): Promise<void> {
    const { agents } = this.#datacenter;
    const { clients } = this.#options;
    // Some are asked for their peers, and more, before they have read their log.
    for (const { host } of agents) if (this.#chance.next() < 0.3) host.files.slownessMs = SLOW_START_MS;
    await this.#datacenter.start();
    for (const { host } of agents) host.files.slownessMs = 0;
    await this.#until("Formation", FORM_MS, () => divergence({ live: agents, dead: [], gone: [] }));
    this.#sim.record("all are there");
    await this.#checkPromptness("at first", agents);
    const stays = (each: SimAgent): boolean => each.name === "c1" || (clients === 0 && each.name === "s1");
    const workload = new Workload(this.#datacenter, this.checker, {
      sessionNode: clients > 0 ? "c1" : "s1",
      kvClients: 5,
      lockers: 4,
      askers: 2 * QUESTIONS.length,
      cacheAskers: 2 * QUESTIONS.length,
    });
    this.#workload = workload;
    const nemesis = new Nemesis(this.#datacenter, {
      ...{ pauseMaxMs: 4000, stays },
      // Who stands still for less than that keeps its lease, and who is cut off steps down in time.
      stallsLeaders: this.#options.broken === "endless-lease",
    });
    this.#nemesis = nemesis;
    await this.#pass(this.#options.faultsMs ?? FAULTS_MS);
    const truth = this.#calm(nemesis);
    await this.#converge(workload, truth);
    await this.#checkPromptness("in the end", truth.live);
    await this.#checkWakes(truth);
    await this.#checkCaches(truth);
    await this.#checkEnd(workload, truth);
  }

  /** The faults end; one client stays dead and one leaves, where there are enough of them. */
  #calm(nemesis: Nemesis): Truth {
    const { agents } = this.#datacenter;
    const clients = agents.filter(({ server }) => !server);
    // One that was on its way out may count as left or as dead; so may one that left and came back, where its return is
    // not known everywhere (serf's leave intents). Nothing is asked of how it is seen then.
    const down = clients.length >= 3 ? [clients.at(-1)!] : [];
    const dead = down.filter((each) => !nemesis.hasLeft(each));
    const gone = clients.length >= 4 ? [clients.at(-2)!] : [];
    for (const each of down) if (each.agent !== undefined) this.#datacenter.crash(each.name);
    nemesis.stop(down);
    this.#sim.record("the faults are over");
    const live = agents.filter((each) => !down.includes(each) && !gone.includes(each));
    for (const each of gone) {
      const leave = (): void => {
        if (each.ready) nemesis.leave(each, () => {});
        else this.#sim.after(500, leave);
      };
      // Known to be there before it goes, so that its going can be heard of.
      this.#sim.after(10_000, leave);
    }
    return { live, dead, gone };
  }

  async #converge(workload: Workload, truth: Truth): Promise<void> {
    const startedMs = this.#sim.nowMs;
    const restart = (): void => {
      for (const each of truth.live) if (each.agent === undefined) void this.#boot(each);
    };
    await this.#pass(11_000);
    workload.stop();
    this.#joinAgain(truth);
    await this.#until("Convergence", CALM_MS, () => {
      restart(); // who was on its way out when the faults ended
      if (truth.gone.some(({ agent }) => agent !== undefined)) return "a leave has not ended";
      return divergence(truth) ?? this.#knowledgeError(workload, truth);
    });
    this.#calmMs = this.#sim.nowMs - startedMs;
    this.#sim.record("all is well again");
  }

  /**
   * An agent whose only known peer left has nobody it would reconnect to, in Consul as here: its operator lets it join
   * again.
   */
  #joinAgain({ live }: Truth): void {
    const servers = live.filter(({ server }) => server).map(({ host }) => host.address);
    for (const { ready, agent } of live) if (ready) agent!.lan.join(servers, { ignoreOldEvents: true }).catch(() => {}); // the views are looked at later
  }

  async #boot(each: SimAgent): Promise<void> {
    try {
      await this.#datacenter.boot(each);
    } catch (error) {
      this.checker.broken(`Start: ${each.name} cannot start: ${String(error)}`);
    }
  }

  /** What was acknowledged to who registered it, whatever happened since. */
  #knowledgeError(workload: Workload, { live }: Truth): string | undefined {
    for (const { name, agent } of live) {
      const services = new Set([...agent!.local.registry.state.liveServices()].map(({ ID }) => ID));
      for (const [id, knowledge] of workload.services.known.get(name) ?? []) {
        if (knowledge === "registered" && !services.has(id)) return `${name} has lost ${id}, which it acknowledged`;
        if (knowledge === "deregistered" && services.has(id)) return `${name} has ${id} again, which was taken away`;
      }
    }
    return undefined;
  }

  /** In calm: whoever writes, wherever, does not wait for more than the disks and links between. */
  async #checkPromptness(when: string, live: readonly SimAgent[]): Promise<void> {
    for (const { name, agent } of live) {
      const written = Array.from({ length: PROMPT_WRITES }, () => writeKey(agent!, "set", { Key: "prompt" }));
      await this.#within(PROMPT_MS, `Promptness: ${when}, writes at ${name}`, Promise.all(written));
    }
  }

  /** In calm: everybody reaches the leader, and who waits is woken. */
  async #checkWakes({ live }: Truth): Promise<void> {
    const key = "wake";
    const first = live[0]!.agent!;
    await this.#within(10_000, "Liveness: a write", writeKey(first, "set", { Key: key, Value: Buffer.from("1") }));
    for (const { name, agent } of live) {
      const outcome = await this.#within(10_000, `Liveness: a read at ${name}`, readKey(agent!, key));
      if (entryOf(outcome).value !== 1) throw new Violation(`Default Reads: ${name} does not see what was written`);
    }
    const { answer } = await this.#within(10_000, "Liveness: a read", readKey(first, key));
    const waiting = live.map(({ name, agent }) => {
      const query = { Datacenter: "dc1", Key: key, MinQueryIndex: answer.index, MaxQueryTime: WAIT_MS * 1e6 };
      const woken = ask(agent!.asking, ownRead(endpointNamed("kvGet"), query));
      woken.catch(() => {}); // awaited below
      return { name, woken };
    });
    await this.#pass(500);
    await this.#within(10_000, "Liveness: a write", writeKey(first, "set", { Key: key, Value: Buffer.from("2") }));
    for (const { name, woken } of waiting) {
      const { answer: later } = await this.#within(WAKE_MS, `Wakes: who waits at ${name}`, woken);
      if (later.index <= answer.index) throw new Violation(`Wakes: ${name} wakes with index ${later.index}`);
    }
  }

  /** In calm: what caches say is what the leader says, and who waits at one is woken. */
  async #checkCaches({ live }: Truth): Promise<void> {
    const shown = (question: (typeof QUESTIONS)[number]): string => `${question[0]} ${JSON.stringify(question[1])}`;
    for (const question of CACHEABLE) {
      for (const { name, agent } of live) {
        const endMs = this.#sim.nowMs + CACHE_MS;
        for (;;) {
          const fresh = await this.#within(10_000, `Liveness: a read at ${name}`, askAsDoor(agent!, ownCall(question)));
          const call = cachedCall(question);
          const kept = await this.#within(10_000, `Liveness: a cached read at ${name}`, askAsDoor(agent!, call));
          // Not by their indexes: that of a table may have gone on without a change to what was asked.
          const [is, says] = [fresh, kept].map(({ answer }) => digest(answer.reply, isEmpty));
          if (is === says) break;
          if (this.#sim.nowMs >= endMs)
            throw new Violation(`Caches: at ${name} ${shown(question)} is ${says}, and ${is} without the cache`);
          await this.#pass(1000);
        }
      }
    }
    const asked = CACHEABLE.find(([endpoint]) => endpoint === "healthService")!;
    const waiting = live.map(({ name, agent }) => {
      const before = agent!.asking.readNow(cachedCall(asked))?.answer.index ?? 0;
      const woken = askAsDoor(agent!, cachedCall(asked, { MinQueryIndex: before, MaxQueryTime: WAIT_MS * 1e6 }));
      woken.catch(() => {}); // awaited below
      return { name, before, woken };
    });
    await this.#pass(500);
    const elsewhere = {
      Node: "elsewhere",
      Address: "10.9.9.9",
      Service: make(NodeService, { Service: "web", Port: 1 }),
    };
    const registration = make(RegisterRequest, { Datacenter: "dc1", ...elsewhere });
    const write = live[0]!.agent!.asking.write(endpointNamed("catalogRegister"), registration);
    await this.#within(10_000, "Liveness: a registration", write);
    for (const { name, before, woken } of waiting) {
      const { answer } = await this.#within(WAKE_MS, `Wakes: who waits at the cache of ${name}`, woken);
      if (answer.index <= before) throw new Violation(`Wakes: the cache of ${name} wakes with index ${answer.index}`);
    }
  }

  async #checkEnd(workload: Workload, truth: Truth): Promise<void> {
    const unanswered = workload.unanswered();
    if (unanswered !== undefined) throw new Violation(`Liveness: ${unanswered}`);
    // A check may just have changed.
    await this.#until("Stability", 10_000, () => divergence(truth));
    this.#compareAnswers(QUESTIONS);
    this.#lookAtRules();
    const history = linearizabilityError(workload.kv.history);
    if (history !== undefined) throw new Violation(`Linearizability: ${history}`);
    const locks = this.checker.lockError();
    if (locks !== undefined) throw new Violation(locks);
    await this.#datacenter.stop();
  }

  // ---- what agents say ----

  #logger(each: SimAgent, life: number, name: string): Logger {
    const say = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void => {
      if (each.life !== life || each.agent === undefined) return;
      if (message === "cluster leadership acquired") this.checker.leads(Number(fields?.term), each.name);
      if (level === "TRACE" || level === "DEBUG") return;
      this.#sim.record(
        `${each.name} [${level}] ${name}: ${message} ${fields === undefined ? "" : shownFields(fields)}`,
      );
    };
    return {
      trace: () => {},
      debug: () => {},
      info: (message, fields) => say("INFO", message, fields),
      warn: (message, fields) => say("WARN", message, fields),
      error: (message, fields) => say("ERROR", message, fields),
      named: (part) => this.#logger(each, life, name === "" ? part : `${name}.${part}`),
    };
  }

  /** A failed disk is a reason to end; nothing else that happens here is. */
  #fatal(each: SimAgent, error: Error): void {
    if (!/EIO/.test(String(error))) this.#crashed ||= caught(error, Violation).crashed;
    if (!/EIO/.test(String(error))) this.checker.broken(`${each.name} ends itself: ${error.stack ?? String(error)}`);
    // Not within its own code.
    const { life } = each;
    this.#sim.after(0, () => {
      if (each.life === life) this.#nemesis?.ended(each);
    });
  }

  /**
   * Whether a leader may take it out of the catalog now. A client that was not started again since the datacenter formed
   * is never lost, however long it was cut off, but to a leader that forgot it with its own memory of the pool. Servers
   * that were cut off are cleared away by autopilot.
   */
  #mayGo(node: string): boolean {
    const each = this.#datacenter.named(node);
    const nemesis = this.#nemesis;
    if (each.agent === undefined || nemesis === undefined) return each.agent === undefined;
    if (nemesis.isLeaving(each)) return true;
    const servers = this.#datacenter.agents.filter(({ server }) => server);
    const leaders = servers.filter((server) => serverOfAgent(server)?.raftStatus().role === "leader");
    if (!each.server && each.life === 1 && leaders.every(({ life }) => life === 1)) return false;
    const heardMs = Math.max(each.sinceMs, ...[each, ...leaders].map((one) => nemesis.awayAtMs(one)));
    return this.#sim.nowMs - heardMs < HEARD_MS;
  }

  /** Servers at one index answer alike, whenever each was asked before. */
  #compareAnswers(questions: typeof QUESTIONS): void {
    const byIndex = new Map<number, SimAgent[]>();
    for (const each of this.#datacenter.agents) {
      const index = each.ready ? serverOfAgent(each)?.raftStatus().appliedIndex : undefined;
      if (index !== undefined) byIndex.set(index, [...(byIndex.get(index) ?? []), each]);
    }
    for (const equal of byIndex.values()) {
      if (equal.length < 2) continue;
      for (const [endpoint, request] of questions) {
        const call = ownRead(endpointNamed(endpoint), { Datacenter: "dc1", ...request, AllowStale: true });
        const answers = equal.flatMap(({ name, agent }) => {
          const now = agent!.asking.readNow(call);
          return now === undefined ? [] : [{ at: name, said: `${now.answer.index} ${digest(now.answer.reply)}` }];
        });
        this.checker.sameAnswers(`${endpoint} ${JSON.stringify(request)}`, answers);
      }
    }
  }

  // ---- time ----

  async #pass(ms: number): Promise<void> {
    const endMs = this.#sim.nowMs + ms;
    while (this.#sim.nowMs < endMs) {
      await this.#datacenter.pass(Math.min(1000, endMs - this.#sim.nowMs));
      // One of them, so that the others stay as old as they are.
      this.#compareAnswers([QUESTIONS[randomInt(this.#chance, QUESTIONS.length)]!]);
      this.#lookAtRules();
    }
  }

  #lookAtRules(): void {
    for (const { name, fatal } of this.#datacenter.agents) {
      const error = fatal.find((each) => !/EIO/.test(String(each)));
      if (error !== undefined) this.checker.broken(`${name} ends itself: ${error.stack ?? String(error)}`);
    }
    const [first] = this.checker.violations;
    if (first !== undefined) throw new Violation(first);
  }

  async #until(what: string, withinMs: number, wrong: () => string | undefined): Promise<void> {
    const endMs = this.#sim.nowMs + withinMs;
    let error = wrong();
    while (error !== undefined) {
      if (this.#sim.nowMs >= endMs) throw new Violation(`${what}: ${error}, after ${withinMs} ms`);
      await this.#pass(1000);
      error = wrong();
    }
  }

  async #within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
    try {
      return await this.#datacenter.run(promise, ms);
    } catch (error) {
      throw new Violation(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

function ownCall([endpoint, request]: (typeof QUESTIONS)[number]) {
  return ownRead(endpointNamed(endpoint), { Datacenter: "dc1", ...request });
}

/** Of the answer's way, not of what was asked. */
const META: ReadonlySet<string> = new Set(["Index", "LastContact", "KnownLeader"]);

/** Events of a subscription do not tell an empty map from none. */
function isEmpty(value: unknown): boolean {
  return !value || (typeof value === "object" && Object.keys(value).length === 0);
}

function digest(reply: object, leftOut: (value: unknown) => boolean = () => false): string {
  const text = JSON.stringify(reply, (name, value: unknown) =>
    META.has(name) || leftOut(value) ? undefined : typeof value === "bigint" ? String(value) : value,
  );
  return createHash("sha1").update(text).digest("hex").slice(0, 8);
}
