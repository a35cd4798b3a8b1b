import { DirEntry, KVSRequest, make, Session, SessionRequest, SessionSpecificRequest } from "@tribune/api";
import type { Agent } from "../../agent/agent.ts";
import { RegisteredChecks, RegisteredServices } from "../../agent/api/registered.ts";
import { ask, endpointNamed, ownRead, type ReadCall, type ReadOutcome } from "../../agent/asking.ts";
import type { CheckStatus } from "../../checks/status.ts";
import { randomInt } from "../../lib/random.ts";
import type { Indexed } from "../../server/query-engine.ts";
import type { RegisterOperation } from "../linearizability.ts";
import type { DatacenterChecker } from "./checker.ts";
import { serverOfAgent } from "./convergence.ts";
import type { SimAgent, SimDatacenter } from "./datacenter.ts";

export interface WorkloadOptions {
  /** Where sessions belong to: a node that never leaves. */
  readonly sessionNode: string;
  readonly kvClients: number;
  readonly lockers: number;
  readonly askers: number;
  /** Who lets its agent's cache answer. */
  readonly cacheAskers: number;
}

const DC = "dc1";
const KEYS = ["lin/x", "lin/y", "lin/z"];
const LOCKS = ["lock/a", "lock/b"];
const SERVICES = ["web", "db", "api"];
/** A user that waited this long gives up and never learns what became of it: longer than servers hold requests. */
const PATIENCE_MS = 12_000;
/** The agents' `session_ttl_min`. */
export const SESSION_TTL_MS = 4_000;
const SIDECAR_PORTS = { min: 21_000, max: 21_255 };
/** Of no use to a user, but nothing the product may keep for ever: the longest wait, and an answer held on top. */
const NEVER_MS = 180_000;

/** What is asked again and again. An index must be the same wherever it comes from, and never go back. */
export const QUESTIONS: readonly (readonly [endpoint: string, request: Readonly<Record<string, unknown>>])[] = [
  ["kvList", { Key: "lin/" }],
  ["kvGet", { Key: KEYS[0] }],
  ["healthService", { ServiceName: SERVICES[0] }],
  ["catalogNodes", {}],
  ["kvKeys", { Prefix: "lin/" }],
  ["catalogServices", {}],
  ["catalogService", { ServiceName: SERVICES[1] }],
  ["kvGet", { Key: "absent" }],
  ["healthService", { ServiceName: "absent" }],
  ["catalogServices", { NodeMetaFilters: { "consul-network-segment": "" } }],
  ["healthState", { State: "critical" }],
  ["catalogNodeServices", { Node: "absent" }],
];

/** Those that an agent's cache may answer. */
export const CACHEABLE = QUESTIONS.filter(([endpoint]) => {
  const { contract } = endpointNamed(endpoint);
  return "cacheable" in contract && contract.cacheable === true;
});

type Outcome<T> = { readonly value: T } | { readonly error: Error } | "no answer";

/** What is known of a service on an agent: acknowledged either way, or neither. */
export type Knowledge = "registered" | "deregistered" | "unknown";

export function readKey(
  agent: Agent,
  key: string,
  options: { readonly consistent?: boolean; readonly stale?: boolean } = {},
): Promise<ReadOutcome> {
  const { consistent = false, stale = false } = options;
  const own = ownRead(endpointNamed("kvGet"), {
    Datacenter: DC,
    Key: key,
    AllowStale: stale,
    RequireConsistent: consistent,
  });
  return askAsDoor(agent, consistent ? ({ ...own, consistency: "consistent" } as const) : own);
}

/** As the HTTP door asks: at once if that may be, else when it comes. */
export function askAsDoor({ asking }: Agent, call: ReadCall): Promise<ReadOutcome> {
  try {
    const now = asking.readNow(call);
    return now === undefined ? ask(asking, call) : Promise.resolve(now);
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

export function entryOf({ answer }: ReadOutcome): { readonly value: number; readonly modifyIndex: number } {
  const { Entries } = answer.reply as Indexed & { readonly Entries: readonly DirEntry[] | null };
  const entry = Entries?.[0];
  if (entry === undefined) return { value: 0, modifyIndex: 0 };
  return { value: Number(Buffer.from(entry.Value ?? []).toString()), modifyIndex: Number(entry.ModifyIndex) };
}

export function writeKey(agent: Agent, Op: string, entry: Partial<DirEntry>): Promise<unknown> {
  return agent.asking.write(
    endpointNamed("kvPut"),
    make(KVSRequest, { Datacenter: DC, Op, DirEnt: make(DirEntry, entry) }),
  );
}

/** Users of every kind, each at its agents, who write down what they saw when. */
export class Workload {
  readonly #history: RegisterOperation[] = [];
  /** Writes that were sent and neither answered nor given up. */
  readonly #sent = new Set<RegisterOperation>();
  /** By agent and service ID. */
  readonly known = new Map<string, Map<string, Knowledge>>();
  /** What the probes find. */
  readonly targets = new Map<string, CheckStatus>();
  readonly #datacenter: SimDatacenter;
  readonly #checker: DatacenterChecker;
  readonly #options: WorkloadOptions;
  readonly #open = new Map<number, { readonly what: string; readonly each: SimAgent; life: number; sinceMs: number }>();
  #asked = 0;
  #values = 0;
  #stopped = false;
  completed = 0;
  unknown = 0;
  registrations = 0;
  blocked = 0;
  wakes = 0;
  cached = 0;

  constructor(datacenter: SimDatacenter, checker: DatacenterChecker, options: WorkloadOptions) {
    this.#datacenter = datacenter;
    this.#checker = checker;
    this.#options = options;
    const { agents } = datacenter;
    for (let at = 0; at < options.kvClients; at++) this.#forever(`kv${at}`, 400, this.#kvClient(`kv${at}`));
    for (let at = 0; at < options.lockers; at++) this.#forever(`locker${at}`, 1500, () => this.#locker());
    for (const each of agents) {
      this.known.set(each.name, new Map());
      this.#forever(`registrar ${each.name}`, 4000, () => this.#registrar(each));
    }
    for (let at = 0; at < options.askers; at++) {
      const each = agents[at % agents.length]!;
      this.#forever(`asker${at}`, 200, this.#asker(`asker${at}`, each, at));
    }
    for (let at = 0; at < options.cacheAskers; at++) {
      const each = agents[at % agents.length]!;
      this.#forever(`cache asker${at}`, 400, this.#cacheAsker(`cache asker${at}`, each, at));
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  /** What was done to the keys, also what may still have been done. */
  get history(): readonly RegisterOperation[] {
    return [...this.#history, ...this.#sent];
  }

  /** What an agent that still lives has never answered. */
  unanswered(): string | undefined {
    const { sim } = this.#datacenter;
    for (const { what, each, life, sinceMs } of this.#open.values()) {
      if (each.agent === undefined || each.life !== life || sim.nowMs - sinceMs < NEVER_MS) continue;
      return `${what} at ${each.name}, asked at ${sinceMs.toFixed(0)} ms, is never answered`;
    }
    return undefined;
  }

  /** Rounds one after the other, with pauses, until the workload stops. */
  #forever(who: string, pauseMaxMs: number, round: () => Promise<void>): void {
    const { sim } = this.#datacenter;
    const next = (): void => {
      sim.after(sim.rng.next() * pauseMaxMs, () => {
        if (this.#stopped) return;
        round().then(next, (error: unknown) => {
          this.#checker.broken(`Workload: ${who} ends with ${error instanceof Error ? error.stack : String(error)}`);
        });
      });
    };
    next();
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#datacenter.sim.after(ms, resolve));
  }

  #running(): SimAgent | undefined {
    const { agents, sim } = this.#datacenter;
    const each = agents[randomInt(sim.rng, agents.length)]!;
    return each.ready ? each : undefined;
  }

  /** One request at an agent. The user gives up after `patienceMs`, the request may go on. */
  #attempt<T>(
    what: string,
    each: SimAgent,
    start: (agent: Agent) => Promise<T>,
    patienceMs = PATIENCE_MS,
  ): Promise<Outcome<T>> {
    const { sim } = this.#datacenter;
    const id = ++this.#asked;
    this.#open.set(id, { what, each, life: each.life, sinceMs: sim.nowMs });
    return new Promise((resolve) => {
      const finish = (outcome: Outcome<T>): void => {
        cancel();
        const said = outcome === "no answer" ? outcome : "error" in outcome ? outcome.error.message : "done";
        sim.record(`${what} at ${each.name}: ${said}`);
        resolve(outcome);
      };
      const cancel = sim.after(patienceMs, () => finish("no answer"));
      const { life } = each;
      const settled = (outcome: Outcome<T>): void => {
        this.#open.delete(id);
        // A process that lost power says nothing any more, whatever runs on in its promises.
        if (each.life === life && each.agent !== undefined) finish(outcome);
      };
      // A process that stands still finds the request when it goes on.
      this.#datacenter.network.whenAwake(each.host.address, () => {
        if (each.life !== life || each.agent === undefined) return;
        start(each.agent).then(
          (value) => settled({ value }),
          (error: unknown) => settled({ error: error instanceof Error ? error : new Error(String(error)) }),
        );
      });
    });
  }

  // ---- the key-value store ----

  #kvClient(client: string): () => Promise<void> {
    /** What it read last, so that some cas succeed. */
    const seen = new Map<string, { readonly value: number; readonly modifyIndex: number }>();
    return async () => {
      const { sim } = this.#datacenter;
      const each = this.#running();
      if (each === undefined) return;
      const key = KEYS[randomInt(sim.rng, KEYS.length)]!;
      const dice = sim.rng.next();
      const invokedAtMs = sim.nowMs;
      const note = (kind: RegisterOperation["kind"], answered: boolean): void => {
        if (answered) this.completed++;
        else this.unknown++;
        this.#history.push({ client, key, kind, invokedAtMs, returnedAtMs: answered ? sim.nowMs : undefined });
      };
      const sent = (kind: RegisterOperation["kind"]): (() => void) => {
        const operation = { client, key, kind, invokedAtMs, returnedAtMs: undefined };
        this.#sent.add(operation);
        return () => void this.#sent.delete(operation);
      };
      if (dice < 0.5) {
        const consistent = dice < 0.15;
        const outcome = await this.#attempt(`${client} reads ${key}`, each, (agent) =>
          readKey(agent, key, { consistent }),
        );
        if (outcome === "no answer" || "error" in outcome) return;
        const entry = entryOf(outcome.value);
        sim.record(`${client} saw ${entry.value}`);
        seen.set(key, entry);
        note({ op: "read", value: entry.value }, true);
        return;
      }
      const value = ++this.#values;
      const Value = Buffer.from(String(value));
      if (dice < 0.8) {
        const over = sent({ op: "put", value });
        const outcome = await this.#attempt(`${client} puts ${key}=${value}`, each, (agent) =>
          writeKey(agent, "set", { Key: key, Value }),
        );
        over();
        note({ op: "put", value }, outcome !== "no answer" && !("error" in outcome));
        return;
      }
      const { value: expected, modifyIndex: ModifyIndex } = seen.get(key) ?? { value: 0, modifyIndex: 0 };
      const over = sent({ op: "cas", expected, value, ok: undefined, found: undefined });
      const outcome = await this.#attempt(`${client} puts ${key}=${value} for ${expected}`, each, (agent) =>
        writeKey(agent, "cas", { Key: key, Value, ModifyIndex }),
      );
      over();
      const ok = outcome !== "no answer" && "value" in outcome ? outcome.value === true : undefined;
      note({ op: "cas", expected, value, ok, found: undefined }, ok !== undefined);
    };
  }

  // ---- sessions and locks ----

  async #locker(): Promise<void> {
    const { sim } = this.#datacenter;
    const at = this.#running();
    if (at === undefined) return;
    const sentAtMs = sim.nowMs;
    const session = make(Session, {
      Node: this.#options.sessionNode,
      TTL: `${SESSION_TTL_MS / 1000}s`,
      Behavior: "release",
      LockDelay: 1, // a nanosecond; 0 would be the default
    });
    const created = await this.#attempt("session", at, (agent) =>
      agent.asking.write(
        endpointNamed("sessionCreate"),
        make(SessionRequest, { Datacenter: DC, Op: "create", Session: session }),
      ),
    );
    if (created === "no answer" || "error" in created) return;
    const id = String(created.value);
    this.#checker.renewed(id, sentAtMs, SESSION_TTL_MS);
    const key = LOCKS[randomInt(sim.rng, LOCKS.length)]!;
    for (let tries = 0; tries < 6 && !this.#stopped; tries++) {
      if (await this.#acquire(key, id)) {
        await this.#hold(key, id);
        break;
      }
      await this.#sleep(500);
      if (!(await this.#renew(id))) return;
    }
    const bye = this.#running();
    // Some forget it: the TTL has to do it.
    if (bye === undefined || sim.rng.next() < 0.3) return;
    this.#checker.ends(id, sim.nowMs);
    await this.#attempt("session ends", bye, (agent) =>
      agent.asking.write(
        endpointNamed("sessionDestroy"),
        make(SessionRequest, { Datacenter: DC, Op: "destroy", Session: make(Session, { ID: id }) }),
      ),
    );
  }

  async #acquire(key: string, session: string): Promise<boolean> {
    const { sim } = this.#datacenter;
    const each = this.#running();
    if (each === undefined) return false;
    const invokedAtMs = sim.nowMs;
    const outcome = await this.#attempt(`lock ${key}`, each, (agent) =>
      writeKey(agent, "lock", { Key: key, Session: session }),
    );
    if (outcome === "no answer" || "error" in outcome || outcome.value !== true) return false;
    this.#checker.acquired({ key, session, invokedAtMs, returnedAtMs: sim.nowMs });
    return true;
  }

  async #hold(key: string, session: string): Promise<void> {
    const { sim } = this.#datacenter;
    for (let turns = randomInt(sim.rng, 5); turns > 0 && !this.#stopped; turns--) {
      await this.#sleep(1000);
      if (!(await this.#renew(session))) return;
    }
    const each = this.#running();
    if (each === undefined) return;
    this.#checker.ends(session, sim.nowMs);
    await this.#attempt(`unlock ${key}`, each, (agent) => writeKey(agent, "unlock", { Key: key, Session: session }));
  }

  async #renew(session: string): Promise<boolean> {
    const each = this.#running();
    if (each === undefined) return true;
    const sentAtMs = this.#datacenter.sim.nowMs;
    const outcome = await this.#attempt("renew", each, (agent) =>
      agent.asking.call(
        endpointNamed("sessionRenew"),
        make(SessionSpecificRequest, { Datacenter: DC, SessionID: session, Session: session }),
      ),
    );
    if (outcome === "no answer" || "error" in outcome) return true;
    const { Sessions } = outcome.value as { readonly Sessions: readonly unknown[] | null };
    if (Sessions === null || Sessions.length === 0) return false;
    this.#checker.renewed(session, sentAtMs, SESSION_TTL_MS);
    return true;
  }

  // ---- services ----

  async #registrar(each: SimAgent): Promise<void> {
    if (!each.ready) return;
    const { rng } = this.#datacenter.sim;
    const known = this.known.get(each.name)!;
    const name = SERVICES[randomInt(rng, SERVICES.length)]!;
    const id = `${name}-${each.name}`;
    const dice = rng.next();
    const target = `${id}:80`;
    if (known.get(id) !== "registered" || dice < 0.1) {
      const definition = {
        ID: id,
        Name: name,
        Port: 80,
        Tags: [`v${randomInt(rng, 3)}`],
        Checks: [
          { CheckID: `ttl-${id}`, Name: "ttl", TTL: "30s" },
          { CheckID: `tcp-${id}`, Name: "tcp", TCP: target, Interval: "5s", Timeout: "1s" },
        ],
      };
      await this.#change(each, id, "registered", ({ services }) =>
        services.register(JSON.stringify(definition), { token: "", replaceExistingChecks: false }),
      );
    } else if (dice < 0.25) {
      await this.#change(each, id, "deregistered", ({ services }) => services.deregister(id));
    } else if (dice < 0.6) {
      this.targets.set(target, rng.next() < 0.5 ? "critical" : "passing");
    } else {
      const status = (["passing", "warning", "critical"] as const)[randomInt(rng, 3)]!;
      await this.#attempt(`${id} is ${status}`, each, (agent) =>
        this.#localOf(agent).checks.report(`ttl-${id}`, status, ""),
      );
    }
  }

  /** What the HTTP door has behind `/v1/agent`. */
  #localOf({ local: { registry } }: Agent): LocalApi {
    const { sim } = this.#datacenter;
    const runtime = { timers: { after: sim.after.bind(sim), soon: (run: () => void) => void sim.after(0, run) } };
    return {
      services: new RegisteredServices(registry, SIDECAR_PORTS, { ...runtime, rng: sim.rng }),
      checks: new RegisteredChecks(registry),
    };
  }

  async #change(each: SimAgent, id: string, to: Knowledge, change: (local: LocalApi) => Promise<void>): Promise<void> {
    const known = this.known.get(each.name)!;
    known.set(id, "unknown");
    // The catalog is told before the answer, which may take as long as a server holds a request.
    const outcome = await this.#attempt(`${id} ${to}`, each, (agent) => change(this.#localOf(agent)), 60_000);
    if (outcome !== "no answer" && "value" in outcome) known.set(id, to);
    this.registrations++;
  }

  // ---- those who wait for changes ----

  #asker(who: string, each: SimAgent, at: number): () => Promise<void> {
    const [endpoint, request] = QUESTIONS[at % QUESTIONS.length]!;
    const question = `${endpoint} ${JSON.stringify(request)}`;
    const stale = Math.floor(at / QUESTIONS.length) % 2 === 1;
    let last = 0;
    return async () => {
      if (!each.ready) return;
      const { rng } = this.#datacenter.sim;
      const waitMs = 1000 + randomInt(rng, 9000);
      const { life } = each;
      // Until it heard of a leader, a server lets others answer.
      const own = each.server && serverOfAgent(each)?.operator.raftStats().lastContactMs !== undefined;
      const atLeast = this.#checker.newestOf(question);
      const outcome = await this.#attempt(
        `${who} waits`,
        each,
        ({ asking }) =>
          ask(
            asking,
            ownRead(endpointNamed(endpoint), {
              Datacenter: DC,
              ...request,
              AllowStale: stale,
              MinQueryIndex: last,
              MaxQueryTime: waitMs * 1e6,
            }),
          ),
        waitMs + PATIENCE_MS,
      );
      if (outcome === "no answer" || "error" in outcome) {
        last = 0; // as clients do
        return;
      }
      this.blocked++;
      const { index } = outcome.value.answer;
      if (index > last) this.wakes++;
      this.#datacenter.sim.record(`${who} saw index ${index} behind ${last}`);
      // A client agent asks whom it likes, and a server that starts again is behind: then stale answers may go back.
      if (!stale) this.#checker.newest(question, atLeast, index);
      else if (own) this.#checker.index(`stale ${question} at ${each.name} in its life ${life}`, index);
      last = index;
    };
  }

  /** Looks and waits in turns. What a cache has shown in its life it does not forget. */
  #cacheAsker(who: string, each: SimAgent, at: number): () => Promise<void> {
    // Every agent gets several of them.
    const question = CACHEABLE[(at + Math.floor(at / this.#datacenter.agents.length)) % CACHEABLE.length]!;
    let last = 0;
    return async () => {
      if (!each.ready) return;
      const { rng } = this.#datacenter.sim;
      const { life } = each;
      const waitMs = 1000 + randomInt(rng, 9000);
      const wait = rng.next() < 0.5 ? {} : { MinQueryIndex: last, MaxQueryTime: waitMs * 1e6 };
      const outcome = await this.#attempt(
        `${who} asks`,
        each,
        (agent) => askAsDoor(agent, cachedCall(question, wait)),
        waitMs + PATIENCE_MS,
      );
      if (outcome === "no answer" || "error" in outcome) {
        last = 0;
        return;
      }
      this.cached++;
      const { index } = outcome.value.answer;
      this.#datacenter.sim.record(`${who} saw index ${index} behind ${last}`);
      this.#checker.index(
        `cached ${question[0]} ${JSON.stringify(question[1])} at ${each.name} in its life ${life}`,
        index,
      );
      last = index;
    };
  }
}

/** A question as its asker's agent's cache may answer it. */
export function cachedCall(
  [endpoint, request]: (typeof QUESTIONS)[number],
  wait: { readonly MinQueryIndex?: number; readonly MaxQueryTime?: number } = {},
): ReadCall {
  return ownRead(endpointNamed(endpoint), { Datacenter: DC, ...request, UseCache: true, ...wait });
}

interface LocalApi {
  readonly services: RegisteredServices;
  readonly checks: RegisteredChecks;
}
