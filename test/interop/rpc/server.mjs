// A server of ours on real sockets: Raft alone, its RPC port, and a LAN pool where a test wants others to find it.
import { AutopilotConfig, make } from "@tribune/api";
import { openServerStorage } from "../../../packages/tribune/dist/agent/server-storage.js";
import { noMetrics } from "../../../packages/tribune/dist/lib/metrics.js";
import { nodeRuntime } from "../../../packages/tribune/dist/net/node-runtime.js";
import { NodeRpcPool } from "../../../packages/tribune/dist/rpc/rpc-pool.js";
import { NodeServerPort } from "../../../packages/tribune/dist/rpc/server-port.js";
import { LockDelays } from "../../../packages/tribune/dist/server/leader/lock-delay.js";
import { ReplicatedState } from "../../../packages/tribune/dist/server/replicated-state.js";
import { Server } from "../../../packages/tribune/dist/server/server.js";
import { ServerRpc } from "../../../packages/tribune/dist/server/server-rpc.js";
import { startPool } from "../gossip/pools.mjs";

const ID = "5f0a7a43-0f10-4c5c-9a54-1f2c3d4e5f60";

export function linesLogger(lines, name = "agent") {
  const write = (level) => (message, fields) =>
    lines.push(`[${level}] ${name}: ${message}${fields === undefined ? "" : ` ${JSON.stringify(fields)}`}`);
  return {
    trace: write("TRACE"),
    debug: write("DEBUG"),
    info: write("INFO"),
    warn: write("WARN"),
    error: write("ERROR"),
    named: (part) => linesLogger(lines, `${name}.${part}`),
  };
}

/**
 * @param {string} host a loopback address
 * @param {{gossip?: boolean, port?: number}} [options]
 */
export async function startServer(host, options = {}) {
  const lines = [];
  const logger = linesLogger(lines);
  const runtime = nodeRuntime();
  const metrics = noMetrics;
  const port = new NodeServerPort(
    { handshakeTimeoutMs: 5_000, connectionsPerClientMax: 100 },
    { runtime, logger, metrics, tls: () => undefined },
  );
  const listener = await listening(port, host, options.port ?? 0);
  const rpcPort = listener.address.port;
  const identity = {
    ...{ id: ID, name: "tribune-1", datacenter: "dc1", address: host, rpcPort },
    ...{ taggedAddresses: { lan: host }, meta: {}, version: "1.10.11" },
  };
  const lockDelays = new LockDelays(runtime.clock);
  const storage = await openServerStorage({ dataDir: "" }, { runtime, logger });
  const server = new Server(
    {
      identity,
      raft: {
        ...{ heartbeatTimeoutMs: 500, electionTimeoutMs: 500, leaderLeaseTimeoutMs: 250 },
        ...{ snapshotIntervalMs: 30_000, snapshotThreshold: 16_384, trailingLogs: 10_240 },
      },
      bootstrap: true,
      rpcHoldTimeoutMs: 7_000,
      connectEnabled: false,
      sessionTtlMinMs: 10_000,
      autopilot: make(AutopilotConfig, { CleanupDeadServers: true, LastContactThreshold: 200e6, MaxTrailingLogs: 250 }),
    },
    {
      ...{ runtime, logger, metrics, lockDelays, ...storage },
      stateMachine: new ReplicatedState(lockDelays, runtime),
      onFatal: (error) => lines.push(`FATAL ${error.stack}`),
    },
  );
  const pool = new NodeRpcPool({ runtime, tls: () => undefined, datacenter: "dc1", idleMs: 120_000 });
  const rpc = new ServerRpc({ server, identity, pool, runtime, logger, metrics, holdMs: 7_000 });
  rpc.serve(port);
  await server.start();
  const tags = new Map(
    Object.entries({
      ...{ role: "consul", dc: "dc1", segment: "", id: ID, vsn: "2", vsn_min: "2", vsn_max: "3", build: "1.10.11:" },
      ...{ raft_vsn: "3", port: String(rpcPort), bootstrap: "1", ft_fs: "1", ft_si: "1", acls: "0" },
    }),
  );
  const gossip = options.gossip === true ? await startPool("tribune-1", host, { tags }) : undefined;
  await server.waitForLeader();
  return {
    ...{ server, rpc, lines, host, port: rpcPort, gossip: gossip?.address },
    async stop() {
      await gossip?.pool.leave();
      await gossip?.pool.stop();
      rpc.stop();
      pool.close();
      await port.close();
      await server.stop();
    },
  };
}

/** The port listens before the server is there: its number is part of the server's identity. */
async function listening(port, host, wanted) {
  return port.listen(host, wanted);
}
