/** Whole pools on simulated machines: virtual time, virtual sockets and disks, everything from one seed. */
import { LAN_SETTINGS } from "../gossip/swim/settings.ts";
import type { Logger } from "../lib/log.ts";
import { noMetrics } from "../lib/metrics.ts";
import { SimInternet } from "../sim/sim-internet.ts";
import { CALM_NETWORK, SimNetwork } from "../sim/sim-network.ts";
import { type SimHost, simHost } from "../sim/sim-runtime.ts";
import { Simulator } from "../sim/simulator.ts";
import { SocketPool, type SocketPoolOptions } from "./socket-pool.ts";
import type { PoolEvent } from "./types.ts";

export const KEY = Buffer.alloc(32, 1).toString("base64");
export const OTHER_KEY = Buffer.alloc(32, 2).toString("base64");
export const PORT = 8301;

/** A machine, the pool that runs on it, and all that it has told. */
export interface PoolHost {
  readonly name: string;
  readonly address: string;
  readonly host: SimHost;
  pool: SocketPool;
  /** `12.3 join p2`: second, what, whom. */
  readonly events: string[];
  readonly heard: PoolEvent[];
  readonly lines: string[];
}

export class PoolSim {
  readonly sim: Simulator;
  readonly network: SimNetwork;
  readonly internet: SimInternet;
  readonly hosts: PoolHost[] = [];

  constructor(seed: number) {
    this.sim = new Simulator(seed);
    this.network = new SimNetwork(this.sim, CALM_NETWORK);
    this.internet = new SimInternet(this.sim, this.network);
  }

  /** Lets virtual time pass. */
  play(ms: number): Promise<void> {
    return this.sim.play(this.sim.nowMs + ms);
  }

  /** Plays until `promise` is settled. @throws what it rejects with, or when that takes a virtual minute */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const done = (): void => {
      isSettled = true;
    };
    promise.then(done, done);
    const endMs = this.sim.nowMs + 60_000;
    while (!isSettled && this.sim.nowMs < endMs) await this.play(10);
    if (!isSettled) throw new Error("not settled after a minute");
    return promise;
  }

  /** Plays until `condition` holds. @returns how long that took, in virtual milliseconds */
  async until(what: string, condition: () => boolean, withinMs = 60_000): Promise<number> {
    const startMs = this.sim.nowMs;
    while (!condition()) {
      if (this.sim.nowMs > startMs + withinMs) throw new Error(`not in ${withinMs} virtual ms: ${what}`);
      await this.play(50);
    }
    return this.sim.nowMs - startMs;
  }

  /** A machine at `10.0.0.NUMBER` with a pool `pNUMBER`, started. */
  async add(number: number, options: Partial<SocketPoolOptions> = {}): Promise<PoolHost> {
    const address = `10.0.0.${number}`;
    const host = simHost(this.internet, address);
    const one: PoolHost = {
      name: `p${number}`,
      address,
      host,
      events: [],
      heard: [],
      lines: [],
      pool: undefined as unknown as SocketPool,
    };
    this.hosts.push(one);
    await this.boot(one, options);
    return one;
  }

  /** Starts the pool of a machine that is new, or has crashed. */
  async boot(one: PoolHost, options: Partial<SocketPoolOptions> = {}): Promise<void> {
    const pool = new SocketPool(
      {
        name: one.name,
        scope: "lan",
        bind: { host: one.address, port: PORT },
        tags: new Map([["role", "node"]]),
        settings: LAN_SETTINGS,
        rejoinAfterLeave: false,
        allowedCidrs: [],
        reconnectTimeoutMs: 0,
        ...options,
      },
      { runtime: one.host.runtime(), logger: keepingLogger(one.lines), metrics: noMetrics },
    );
    one.pool = pool;
    pool.subscribe((event) => {
      one.heard.push(event);
      const whom = "members" in event ? event.members.map(({ name }) => name).join() : event.name;
      const line = `${event.type} ${whom}`;
      one.events.push(line);
      this.sim.record(`${one.name} ${line}`);
    });
    await this.settle(pool.start());
  }

  /** `count` machines in one pool, each having joined the first. */
  async cluster(count: number, options: Partial<SocketPoolOptions> = {}): Promise<PoolHost[]> {
    for (let number = 1; number <= count; number++) {
      const one = await this.add(number, options);
      if (number > 1) await this.settle(one.pool.join([this.hosts[0]!.address]));
    }
    await this.until("all see all", () => this.hosts.every((one) => statuses(one).join() === alive(count)));
    return this.hosts;
  }
}

export function statuses({ pool }: PoolHost): string[] {
  return pool
    .members()
    .map(({ name, status }) => `${name} ${status}`)
    .sort();
}

export function alive(count: number): string {
  return Array.from({ length: count }, (_, at) => `p${at + 1} alive`)
    .sort()
    .join();
}

function keepingLogger(lines: string[]): Logger {
  const write = (message: string, fields?: object): void =>
    void lines.push(fields === undefined ? message : `${message} ${JSON.stringify(fields)}`);
  const logger: Logger = { trace: write, debug: write, info: write, warn: write, error: write, named: () => logger };
  return logger;
}
