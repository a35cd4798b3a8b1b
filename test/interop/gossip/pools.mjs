// Pools of ours on real sockets, and the small things that tests of gossip between processes need.
import { LAN_SETTINGS } from "../../../packages/tribune/dist/gossip/swim/settings.js";
import { noMetrics } from "../../../packages/tribune/dist/lib/metrics.js";
import { nodeRuntime } from "../../../packages/tribune/dist/net/node-runtime.js";
import { resolveHost } from "../../../packages/tribune/dist/net/resolve-host.js";
import { SocketPool } from "../../../packages/tribune/dist/pool/socket-pool.js";

/**
 * memberlist's settings for a pool on one machine, since failing members cost a test its time; but news are told three
 * times as often as in a LAN: with less, some miss them until the next push/pull, and queries, which are not in it, for good.
 */
export const LOCAL_SETTINGS = {
  ...LAN_SETTINGS,
  probeTimeoutMs: 200,
  indirectChecks: 1,
  retransmitMult: 12,
  gossipToTheDeadMs: 15_000,
  pushPullIntervalMs: 15_000,
  suspicionMult: 3,
};

/** Keeps its lines: they are worth reading when a test fails. */
function keepingLogger(lines, name = "agent") {
  const write = (level) => (message) => lines.push(`[${level}] ${name}: ${message}`);
  return {
    trace: write("TRACE"),
    debug: write("DEBUG"),
    info: write("INFO"),
    warn: write("WARN"),
    error: write("ERROR"),
    named: (part) => keepingLogger(lines, `${name}.${part}`),
  };
}

/**
 * @param {string} name
 * @param {string} host a loopback address
 * @param {Partial<import("../../../packages/tribune/dist/pool/options.js").SocketPoolOptions>} [options]
 */
export async function startPool(name, host, options = {}) {
  const lines = [];
  const events = [];
  const pool = new SocketPool(
    {
      name,
      scope: "lan",
      bind: { host, port: 0 },
      tags: new Map([["role", "node"]]),
      settings: LOCAL_SETTINGS,
      rejoinAfterLeave: false,
      allowedCidrs: [],
      reconnectTimeoutMs: 0,
      ...options,
    },
    { runtime: nodeRuntime(), logger: keepingLogger(lines), metrics: noMetrics, resolveHost },
  );
  pool.subscribe((event) => events.push(event));
  await pool.start();
  const { host: ip, port } = pool.local;
  return { pool, lines, events, address: `${ip}:${port}` };
}

/** Waits until `condition` gives something that is true. */
export async function until(what, condition, deadlineMs = 60_000) {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`never in ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export const statusOf = (pool, name) => pool.member(name)?.status;
