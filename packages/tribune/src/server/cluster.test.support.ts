/** Several servers on simulated machines, with a pool that knows everything at once: for tests of the server room. */
import assert from "node:assert/strict";
import { AutopilotConfig, KVSRequest, make } from "@tribune/api";
import { openServerStorage } from "../agent/server-storage.ts";
import type { RuntimeConfig } from "../config/types.ts";
import { silentLogger } from "../lib/log.ts";
import { noMetrics } from "../lib/metrics.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { PoolMember, PoolMemberStatus } from "../pool/types.ts";
import { NodeRpcPool } from "../rpc/rpc-pool.ts";
import { NodeServerPort } from "../rpc/server-port.ts";
import { SimInternet } from "../sim/sim-internet.ts";
import { CALM_NETWORK, SimNetwork } from "../sim/sim-network.ts";
import { type SimHost, simHost } from "../sim/sim-runtime.ts";
import { Simulator } from "../sim/simulator.ts";
import { kvGet } from "../state/kv.ts";
import { LockDelays } from "./leader/lock-delay.ts";
import { ReplicatedState } from "./replicated-state.ts";
import { Server } from "./server.ts";
import type { ServerOptions } from "./server-options.ts";
import { ServerRpc } from "./server-rpc.ts";

const KVS_TYPE = 2;
const RAFT_BYTE = 1;
const RPC_PORT = 8300;

/** Consul's defaults: multiplier 5. */
const RAFT: ServerOptions["raft"] = {
  heartbeatTimeoutMs: 5_000,
  electionTimeoutMs: 5_000,
  leaderLeaseTimeoutMs: 2_500,
  snapshotIntervalMs: 30_000,
  snapshotThreshold: 16_384,
  trailingLogs: 10_240,
};

export interface ClusterOptions {
  readonly raft?: Partial<ServerOptions["raft"]>;
  readonly expect?: number;
}

export interface Machine {
  readonly name: string;
  readonly id: string;
  readonly host: SimHost;
  server: Server | undefined;
  /** Of the running process. */
  rpc: ServerRpc | undefined;
  pool: NodeRpcPool | undefined;
  /** Why the process ended by itself. */
  fatal: Error | undefined;
}

export class Cluster {
  readonly sim: Simulator;
  readonly network: SimNetwork;
  readonly machines: Machine[] = [];
  readonly announced: string[] = [];
  readonly #internet: SimInternet;
  readonly #options: ClusterOptions;
  readonly #members = new Map<string, PoolMember>();

  constructor(seed: number, options: ClusterOptions = {}) {
    this.sim = new Simulator(seed);
    this.network = new SimNetwork(this.sim, CALM_NETWORK);
    this.#internet = new SimInternet(this.sim, this.network);
    this.#options = options;
  }

  /** Adds a machine and starts its server. */
  async add(): Promise<Machine> {
    const number = this.machines.length + 1;
    const machine: Machine = {
      name: `s${number}`,
      id: `00000000-0000-0000-0000-00000000000${number}`,
      host: simHost(this.#internet, `10.0.0.${number}`),
      server: undefined,
      rpc: undefined,
      pool: undefined,
      fatal: undefined,
    };
    this.machines.push(machine);
    await this.boot(machine);
    return machine;
  }

  async boot(machine: Machine): Promise<void> {
    const { host, id, name } = machine;
    const runtime = host.runtime();
    const booting = this.#start(machine, runtime);
    await this.until(() => machine.server !== undefined, "the server has started");
    await booting;
    const expect = this.#options.expect ?? 0;
    const tags = new Map([
      ...[
        ["role", "consul"],
        ["dc", "dc1"],
        ["segment", ""],
        ["id", id],
        ["vsn", "2"],
        ["build", "1.10.11:"],
      ],
      ...[
        ["raft_vsn", "3"],
        ["port", String(RPC_PORT)],
      ],
      ...(expect > 1 ? [["expect", String(expect)]] : []),
    ] as [string, string][]);
    this.setMember({ name, host: host.address, tags, status: "alive" }, "join");
  }

  async #start(machine: Machine, runtime: Runtime): Promise<void> {
    const { host, id, name } = machine;
    const logger = silentLogger;
    const storage = await openServerStorage({ dataDir: "/data" } as RuntimeConfig, { runtime, logger });
    const lockDelays = new LockDelays(runtime.clock);
    const server = new Server(
      {
        identity: {
          ...{ id, name, datacenter: "dc1", address: host.address, rpcPort: RPC_PORT },
          ...{ taggedAddresses: {}, meta: {}, version: "1.10.11" },
        },
        raft: { ...RAFT, ...this.#options.raft },
        bootstrap: this.#options.expect === undefined && machine === this.machines[0],
        bootstrapExpect: this.#options.expect ?? 0,
        rpcHoldTimeoutMs: 7_000,
        connectEnabled: true,
        sessionTtlMinMs: 10_000,
        autopilot: make(AutopilotConfig, {
          CleanupDeadServers: true,
          LastContactThreshold: 200e6,
          MaxTrailingLogs: 250,
          ServerStabilizationTime: 10e9,
        }),
      },
      {
        ...{ runtime, logger, metrics: noMetrics, lockDelays, ...storage },
        stateMachine: new ReplicatedState(lockDelays, runtime),
        peers: {
          members: () => [...this.#members.values()],
          dialRaft: async (target) => {
            const stream = await runtime.network.connectTcp(target.host, target.port, 10_000);
            stream.write(Uint8Array.of(RAFT_BYTE));
            return stream;
          },
          raftStats: (member) => this.#ask(member.name, (peer) => peer.operator.raftStats()),
          statusPeers: (member) => this.#ask(member.name, (peer) => peer.operator.peerAddresses()),
          removeFailed: (failed) => this.setStatus(failed, "left"),
          announceLeader: () => void this.announced.push(name),
        },
        onFatal: (error) => {
          machine.fatal = error;
          machine.server = undefined;
        },
      },
    );
    await server.start();
    const port = new NodeServerPort(
      { handshakeTimeoutMs: 5_000, connectionsPerClientMax: 0 },
      { runtime, logger, metrics: noMetrics, tls: () => undefined },
    );
    machine.pool = new NodeRpcPool({ runtime, tls: () => undefined, datacenter: "dc1", idleMs: 120_000 });
    machine.rpc = new ServerRpc({
      ...{ server, runtime, logger, metrics: noMetrics, holdMs: 7_000 },
      identity: { id, datacenter: "dc1" },
      pool: machine.pool,
    });
    machine.rpc.serve(port);
    await port.listen(host.address, RPC_PORT);
    machine.server = server;
  }

  #ask<T>(name: string, answer: (server: Server) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.sim.after(2, () => {
        const server = this.machines.find((machine) => machine.name === name)?.server;
        if (server === undefined) reject(new Error("connection refused"));
        else resolve(answer(server));
      });
    });
  }

  // ---- the pool ----

  setMember(
    changed: Pick<PoolMember, "name" | "host" | "tags" | "status">,
    type: "join" | "leave" | "failed" | "update" | "reap",
  ): void {
    const versions = { min: 1, max: 5, current: 2 };
    const member: PoolMember = { ...changed, port: 8301, protocol: versions, delegate: versions };
    if (type === "reap") this.#members.delete(member.name);
    else this.#members.set(member.name, member);
    for (const { server } of this.machines) server?.memberEvent({ type, members: [member] });
  }

  /** Gone from the pool, and nobody was told. */
  forget(name: string): void {
    this.#members.delete(name);
  }

  setStatus(name: string, status: PoolMemberStatus): void {
    const member = this.#members.get(name);
    assert.ok(member !== undefined);
    this.setMember({ ...member, status }, status === "failed" ? "failed" : status === "alive" ? "join" : "leave");
  }

  /** As a change of name does: the pool goes on knowing a member by the old one, with the same id and address. */
  leaveBehind(name: string, old: string, gone: "failed" | "left" | "reap"): void {
    const { host, tags } = this.#members.get(name)!;
    const type = gone === "left" ? "leave" : gone;
    this.setMember({ name: old, host, tags, status: gone === "left" ? "left" : "failed" }, type);
  }

  /** A server is no more, and its host runs a client with its id by another name. */
  becomeClient(name: string, as: string): void {
    const { host, tags } = this.#members.get(name)!;
    const own = new Map([...tags].filter(([tag]) => tag === "dc" || tag === "id"));
    this.setMember({ name: as, host, tags: own.set("role", "node"), status: "alive" }, "join");
    this.setStatus(name, "failed");
  }

  // ---- what tests do ----

  /** kill -9: its connections are reset. */
  kill(machine: Machine): void {
    machine.server = undefined;
    machine.host.crash();
  }

  leader(): Machine | undefined {
    return this.machines.find(({ server }) => server?.isLeader === true);
  }

  /** Lets time pass until it is so. @returns milliseconds it took */
  async until(condition: () => boolean, what: string, limitMs = 120_000): Promise<number> {
    const fromMs = this.sim.nowMs;
    while (!condition()) {
      if (this.sim.nowMs - fromMs > limitMs) assert.fail(`not within ${limitMs} ms of virtual time: ${what}`);
      await this.sim.play(this.sim.nowMs + 5);
    }
    return this.sim.nowMs - fromMs;
  }

  async rest(ms: number): Promise<void> {
    await this.sim.play(this.sim.nowMs + ms);
  }

  /** Waits for something that needs virtual time to pass. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let done = false;
    const over = (): void => {
      done = true;
    };
    promise.then(over, over);
    for (const fromMs = this.sim.nowMs; !done; await this.rest(5)) {
      const tookMs = this.sim.nowMs - fromMs;
      if (tookMs > SETTLE_MS_MAX) assert.fail(`not within ${SETTLE_MS_MAX} ms of virtual time: the promise settles`);
      // What zlib does on its threads takes no virtual time: after a while it gets some that is real.
      if (tookMs > 2_000) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return promise;
  }

  async elected(): Promise<Server> {
    await this.until(() => this.leader() !== undefined, "somebody leads");
    return this.leader()!.server!;
  }

  put(server: Server, key: string, value: string | Uint8Array): Promise<unknown> {
    const request = make(KVSRequest, {
      Datacenter: "dc1",
      Op: "set",
      DirEnt: { ...ENTRY, Key: key, Value: Buffer.from(value) },
    });
    return this.settle(server.propose(KVS_TYPE, KVSRequest, request));
  }

  get(machine: Machine, key: string): string | undefined {
    const entry = machine.server?.peek((tx) => kvGet(tx, key).entry);
    return entry === undefined ? undefined : Buffer.from(entry.Value ?? []).toString();
  }

  /** By the newest configuration that is committed: what is only stored may never be. */
  voters(server: Server): readonly string[] {
    return server
      .raftStatus()
      .committedConfiguration.servers.flatMap(({ id, suffrage }) =>
        suffrage === "voter" ? [this.machines.find((machine) => machine.id === id)?.name ?? id] : [],
      );
  }
}

const ENTRY = make(KVSRequest, {}).DirEnt;
const SETTLE_MS_MAX = 120_000;
