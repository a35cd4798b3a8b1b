// A Tribune server whose state machine remembers every command, driven by lines on standard input like go-peer: the
// whole server room with its disk and its transport, without an agent around it.
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { AutopilotConfig, KVSRequest, make } from "@tribune/api";

const dist = (path) => import(new URL(`../../../packages/tribune/dist/${path}`, import.meta.url));
const { openServerStorage } = await dist("agent/server-storage.js");
const { silentLogger } = await dist("lib/log.js");
const { noMetrics } = await dist("lib/metrics.js");
const { nodeRuntime } = await dist("net/node-runtime.js");
const { LockDelays } = await dist("server/leader/lock-delay.js");
const { ReplicatedState } = await dist("server/replicated-state.js");
const { Server } = await dist("server/server.js");

const { values } = parseArgs({
  options: {
    id: { type: "string" },
    bind: { type: "string" },
    dir: { type: "string" },
    peers: { type: "string", default: "" },
    trailing: { type: "string", default: "10240" },
    multiplier: { type: "string", default: "1" },
    log: { type: "boolean", default: false },
  },
});
const [host, port] = values.bind.split(":");
const factor = Number(values.multiplier);
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const speak = (level) => (text, fields) =>
  process.stderr.write(`${values.id} ${level} ${text} ${JSON.stringify(fields ?? {})}\n`);
const logger = values.log
  ? {
      ...silentLogger,
      debug: speak("debug"),
      info: speak("info"),
      warn: speak("warn"),
      error: speak("error"),
      named: () => logger,
    }
  : silentLogger;

/** In place of the replicated state: commands in order, and snapshots as go-peer has them. */
class Recorder {
  entries = [];
  constructor(db) {
    this.db = db;
  }
  apply(entry) {
    if (entry.type === "command") this.entries.push(Buffer.from(entry.data).toString("base64"));
    return undefined;
  }
  snapshot() {
    return { chunks: [Buffer.from(JSON.stringify(this.entries))], release() {} };
  }
  async prepareRestore(chunks) {
    const all = [];
    for await (const chunk of chunks) all.push(Buffer.from(chunk));
    const entries = JSON.parse(Buffer.concat(all).toString()) ?? [];
    return {
      commit: () => {
        this.entries = entries;
      },
    };
  }
}

const runtime = nodeRuntime();
const storage = await openServerStorage({ dataDir: values.dir }, { runtime, logger });
const lockDelays = new LockDelays(runtime.clock);
const state = new Recorder(new ReplicatedState(lockDelays, runtime).db);
const server = new Server(
  {
    identity: {
      id: values.id,
      name: values.id,
      datacenter: "dc1",
      address: host,
      rpcPort: Number(port),
      taggedAddresses: {},
      meta: {},
      version: "1.10.11",
    },
    raft: {
      heartbeatTimeoutMs: 1000 * factor,
      electionTimeoutMs: 1000 * factor,
      leaderLeaseTimeoutMs: 500 * factor,
      snapshotIntervalMs: 200,
      snapshotThreshold: 20,
      trailingLogs: Number(values.trailing),
    },
    bootstrap: false,
    rpcHoldTimeoutMs: 7000,
    connectEnabled: false,
    sessionTtlMinMs: 10_000,
    // Nobody gossips here: all servers but this one would look dead.
    autopilot: make(AutopilotConfig, { CleanupDeadServers: false }),
  },
  {
    runtime,
    logger,
    metrics: noMetrics,
    lockDelays,
    stateMachine: state,
    ...storage,
    peers: {
      members: () => [],
      dialRaft: async (target) => {
        const stream = await runtime.network.connectTcp(target.host, target.port, 10_000);
        stream.write(Uint8Array.of(1));
        return stream;
      },
      raftStats: () => Promise.reject(new Error("nobody is asked")),
      statusPeers: () => Promise.reject(new Error("nobody is asked")),
      removeFailed: () => {},
      announceLeader: () => {},
    },
    onFatal: (error) => {
      process.stderr.write(`${values.id}: ${error.stack}\n`);
      process.exit(3);
    },
  },
);
await server.start();
await runtime.network.listenTcp(host, Number(port), (stream) => {
  stream.onData = (chunk) => {
    if (chunk[0] !== 1) return stream.destroy();
    server.acceptRaft(stream);
    if (chunk.length > 1) stream.onData(chunk.subarray(1));
  };
});
say({ id: "ready" });

async function carryOut(command, argument) {
  switch (command) {
    case "status": {
      const status = server.raftStatus();
      const ready = server.isLeader ? "Leader" : "Candidate";
      return {
        state: status.role === "leader" ? ready : "Follower",
        leader: server.operator.leaderAddress(),
        applied: status.appliedIndex,
        last: status.lastLogIndex,
        term: String(status.term),
        snapshot: status.snapshotIndex,
        voters: status.configuration.servers.length,
      };
    }
    case "entries":
      return state.entries;
    case "apply":
      await server.propose(
        2,
        KVSRequest,
        make(KVSRequest, { Op: "set", DirEnt: { ...make(KVSRequest, {}).DirEnt, Key: argument } }),
      );
      return null;
    case "transfer":
      await server.operator.transferLeadership(argument === "" ? undefined : argument.split("=")[0]);
      return null;
    case "remove":
      await server.operator.removePeer({ id: argument });
      return null;
    default:
      throw new Error(`unknown command ${command}`);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const [id, command, ...rest] = line.split(" ");
  carryOut(command, rest.join(" ")).then(
    (value) => say({ id, value }),
    (error) => say({ id, error: String(error.message ?? error) }),
  );
}
process.exit(0);
