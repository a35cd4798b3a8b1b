import { Agent } from "../../agent/agent.ts";
import { ask, endpointNamed, ownRead, type ReadOutcome } from "../../agent/asking.ts";
import { loadConfig } from "../../config/load.ts";
import { FileError } from "../../config/ports.ts";
import { silentLogger } from "../../lib/log.ts";
import { noMetrics } from "../../lib/metrics.ts";
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
  /** Rules of its own that it found broken. */
  readonly fatal: Error[];
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

  constructor(seed: number, { servers, clients }: { readonly servers: number; readonly clients: number }) {
    this.sim = new Simulator(seed);
    this.network = new SimNetwork(this.sim, CALM_NETWORK);
    this.#internet = new SimInternet(this.sim, this.network);
    const named = (prefix: string, count: number) => Array.from({ length: count }, (_, at) => `${prefix}${at + 1}`);
    this.agents = [...named("s", servers), ...named("c", clients)].map((name, at) => ({
      name,
      host: simHost(this.#internet, `10.0.0.${at + 1}`),
      server: name.startsWith("s"),
      agent: undefined,
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
      .map((each) => this.#startOne(each));
    await this.run(Promise.all(started), 10_000);
  }

  async #startOne(each: SimAgent): Promise<void> {
    const agent = new Agent(this.#config(each), {
      runtime: each.host.runtime(),
      logger: silentLogger,
      metrics: noMetrics,
      onFatal: (error) => each.fatal.push(error),
    });
    each.agent = agent;
    await agent.start();
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
    };
    return loadConfig({ devMode: false, hcl: [JSON.stringify(settings)] }, BARE_MACHINE).config;
  }

  /** Power off: nothing is said to anybody, and what was not synced is lost. */
  crash(name: string): void {
    const each = this.named(name);
    each.host.crash();
    each.agent = undefined;
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
