import { Agent } from "../../agent/agent.ts";
import { ask, endpointNamed, ownRead, type ReadOutcome } from "../../agent/asking.ts";
import type { Probe, Probes } from "../../checks/probe.ts";
import type { CheckStatus } from "../../checks/status.ts";
import { loadConfig } from "../../config/load.ts";
import { FileError } from "../../config/ports.ts";
import { type Logger, silentLogger } from "../../lib/log.ts";
import { noMetrics } from "../../lib/metrics.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { SimInternet } from "../sim-internet.ts";
import { CALM_NETWORK, SimNetwork } from "../sim-network.ts";
import { type SimHost, simHost } from "../sim-runtime.ts";
import { Simulator } from "../simulator.ts";

/** One agent on a host of its own. */
export interface SimAgent {
  readonly name: string;
  readonly host: SimHost;
  readonly server: boolean;
  /** Undefined while it is down. */
  agent: Agent | undefined;
  /** Its doors are open. */
  ready: boolean;
  /** How often it was started. */
  life: number;
  /** Since when it is up, or down, in virtual milliseconds. */
  sinceMs: number;
  /** Rules of its own that it found broken. */
  readonly fatal: Error[];
}

export interface SimDatacenterOptions {
  readonly servers: number;
  readonly clients: number;
  /** Over those every agent has. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly keepLines?: boolean;
  readonly logger?: (each: SimAgent) => Logger;
  /** What a probe of a target finds; all is well when left out. */
  readonly probed?: (target: string) => CheckStatus;
  /** The process ends itself. */
  readonly onFatal?: (each: SimAgent, error: Error) => void;
}

/** How long a probe of the simulator takes at most. */
const PROBE_MAX_MS = 200;

/** Probes that ask the simulation instead of the world. */
function simProbes({ timers, rng }: Runtime, probed: (target: string) => CheckStatus): Probes {
  const asking = <Request>(targetOf: (request: Request) => string): Probe<Request> => ({
    run: (request, done) =>
      timers.after(rng.next() * PROBE_MAX_MS, () => {
        const status = probed(targetOf(request));
        done({ status, output: status });
      }),
  });
  const unknown = asking(() => "");
  return {
    http: asking(({ url }) => url),
    tcp: asking(({ target }) => target),
    udp: unknown,
    grpc: unknown,
    h2ping: unknown,
    script: unknown,
    docker: unknown,
    osService: unknown,
  };
}

/** A machine without files or interfaces: everything an agent needs stands in its configuration. */
const BARE_MACHINE = {
  files: {
    stat: (path: string) => {
      throw new FileError("open", path, "ENOENT");
    },
    readFile: (path: string) => {
      throw new FileError("open", path, "ENOENT");
    },
    listDir: () => [],
  },
  interfaces: () => [],
  hostname: () => "sim",
  env: () => undefined,
  openFilesMax: () => undefined,
};

/**
 * Whole agents, servers and clients, in virtual time: their gossip, RPC, Raft and disks belong to the simulator, and the
 * run to its seed. HTTP stays closed; tests ask what stands behind that door.
 */
export class SimDatacenter {
  readonly sim: Simulator;
  readonly network: SimNetwork;
  readonly agents: readonly SimAgent[];
  readonly #internet: SimInternet;

  readonly #options: SimDatacenterOptions;

  constructor(seed: number, options: SimDatacenterOptions) {
    const { servers, clients, keepLines = false } = options;
    this.#options = options;
    this.sim = new Simulator(seed, { keepLines });
    this.network = new SimNetwork(this.sim, CALM_NETWORK);
    this.#internet = new SimInternet(this.sim, this.network);
    const named = (prefix: string, count: number) => Array.from({ length: count }, (_, at) => `${prefix}${at + 1}`);
    this.agents = [...named("s", servers), ...named("c", clients)].map((name, at) => ({
      name,
      host: simHost(this.#internet, `10.0.${at >> 8}.${(at & 255) + 1}`),
      server: name.startsWith("s"),
      agent: undefined,
      ready: false,
      life: 0,
      sinceMs: 0,
      fatal: [],
    }));
  }

  named(name: string): SimAgent {
    const found = this.agents.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no agent called ${name}`);
    return found;
  }

  /** Starts agents that are down, all of them if none is named. Resolves when their doors are open. */
  async start(...names: readonly string[]): Promise<void> {
    const started = this.agents
      .filter(({ name, agent }) => agent === undefined && (names.length === 0 || names.includes(name)))
      .map((each) => this.boot(each));
    await this.run(Promise.all(started), 10_000);
  }

  /** Starts one agent. Time has to pass for it to come up. */
  async boot(each: SimAgent): Promise<void> {
    const { logger, probed, onFatal } = this.#options;
    const runtime = each.host.runtime();
    const life = ++each.life;
    each.sinceMs = this.sim.nowMs;
    const agent = new Agent(this.#config(each), {
      runtime,
      logger: logger?.(each) ?? silentLogger,
      metrics: noMetrics,
      probes: simProbes(runtime, probed ?? (() => "passing")),
      onFatal: (error) => {
        if (each.life !== life || each.agent === undefined) return;
        each.fatal.push(error);
        onFatal?.(each, error);
      },
    });
    each.agent = agent;
    await agent.start();
    if (each.life === life && each.agent === agent) each.ready = true;
  }

  #config({ name, host, server }: SimAgent) {
    const servers = this.agents.filter((each) => each.server);
    const settings = {
      node_name: name,
      data_dir: "/data",
      bind_addr: host.address,
      server,
      ...(server ? { bootstrap_expect: servers.length } : {}),
      retry_join: this.agents.filter((each) => each.server).map((each) => each.host.address),
      retry_interval: "1s",
      performance: { raft_multiplier: 1 },
      ports: { http: -1, dns: -1, serf_wan: -1 },
      ...this.#options.settings,
    };
    return loadConfig({ devMode: false, hcl: [JSON.stringify(settings)] }, BARE_MACHINE).config;
  }

  /** Power off: nothing is said to anybody, and what was not synced is lost. */
  crash(name: string): void {
    const each = this.named(name);
    each.host.crash();
    each.agent = undefined;
    each.ready = false;
    each.sinceMs = this.sim.nowMs;
  }

  /** Virtual time passes until the promise settles. @throws Error when it has not within `withinMs` */
  async run<T>(promise: Promise<T>, withinMs: number): Promise<T> {
    let settled = false;
    const done = promise.finally(() => {
      settled = true;
    });
    done.catch(() => {}); // it is returned below
    const endMs = this.sim.nowMs + withinMs;
    while (!settled && this.sim.nowMs < endMs) await this.sim.play(Math.min(endMs, this.sim.nowMs + 20));
    if (!settled) throw new Error(`nothing came of it within ${withinMs} ms of virtual time`);
    return done;
  }

  pass(ms: number): Promise<void> {
    return this.sim.play(this.sim.nowMs + ms);
  }

  /** Asks again and again, as a client would, until the condition holds. */
  async until(what: string, holds: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
    const endMs = this.sim.nowMs + withinMs;
    while (this.sim.nowMs < endMs) {
      const answer = holds();
      if (typeof answer === "boolean" ? answer : await this.run(answer, 30_000)) return;
      await this.pass(100);
    }
    throw new Error(`not within ${withinMs} ms of virtual time: ${what}`);
  }

  /** A read at one agent, by its endpoint's name. Durations are nanoseconds, as on the wire. */
  read(at: string, endpoint: string, request: Readonly<Record<string, unknown>>): Promise<ReadOutcome> {
    const { agent } = this.named(at);
    if (agent === undefined) return Promise.reject(new Error(`${at} is down`));
    return this.run(ask(agent.asking, ownRead(endpointNamed(endpoint), { Datacenter: "dc1", ...request })), 60_000);
  }

  /** A write at one agent. */
  write(at: string, endpoint: string, request: unknown): Promise<unknown> {
    const { agent } = this.named(at);
    if (agent === undefined) return Promise.reject(new Error(`${at} is down`));
    return this.run(agent.asking.write(endpointNamed(endpoint), request), 60_000);
  }

  async stop(): Promise<void> {
    await this.run(Promise.all(this.agents.map(({ agent }) => agent?.stop())), 30_000);
  }
}

/** A log line's fields for a trace. */
export function shownFields(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(" ");
}
