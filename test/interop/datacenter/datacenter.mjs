// A datacenter of processes for clients that others wrote, and where to find such clients.
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "../../e2e/agent-process.mjs";
import { Cluster } from "../../e2e/cluster/cluster.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));

/** Addresses NET.1, NET.2 … for one test file, such as `127.0.41`. */
export function hostsAt(net) {
  return { add: (number) => ({ address: `${net}.${number}`, wrap: [] }), close() {} };
}

/** The command that runs a real Consul: `CONSUL_BIN`, or `consul` on the PATH; undefined where there is none. */
export function consulCommand() {
  const named = process.env.CONSUL_BIN;
  if (named !== undefined && named !== "") return [named];
  const found = (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "consul"))
    .find((file) => existsSync(file));
  return found === undefined ? undefined : [found];
}

/**
 * A datacenter in which everybody is a member and all servers vote.
 *
 * @param {{net: string, servers?: number, clients?: number, command?: string[], commands?: Record<number, string[]>, config?: object,
 *   configs?: Record<number, object>}} options
 *   `command` is what all agents run instead of ours, `commands` what single ones do
 */
export async function startDatacenter({
  net,
  servers = 3,
  clients = 2,
  command,
  commands = {},
  config = {},
  configs = {},
}) {
  const cluster = new Cluster({
    hosts: hostsAt(net),
    directory: mkdtempSync(join(tmpdir(), "tribune-datacenter-")),
    servers,
    clients,
    commands,
    configs,
    config: { performance: { raft_multiplier: 1 }, ...config },
    ...(command === undefined ? {} : { command }),
  });
  try {
    await cluster.start();
    await complete(cluster);
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** Waits until every agent that runs knows every other as alive, is in the catalog, and all servers vote. */
export async function complete(cluster) {
  const running = [...cluster.agents.values()].filter((agent) => agent.process !== undefined);
  const servers = running.filter(({ server }) => server).length;
  await until(
    async () => {
      for (const { url } of running) {
        const alive = (await json(`${url}/v1/agent/members`)).filter(({ Status }) => Status === 1);
        if (alive.length !== running.length) return false;
        const passing = await json(`${url}/v1/health/state/passing`);
        if (passing.filter(({ CheckID }) => CheckID === "serfHealth").length !== running.length) return false;
        const { Servers } = await json(`${url}/v1/operator/raft/configuration`);
        if (Servers.filter(({ Voter }) => Voter).length !== servers) return false;
      }
      return true;
    },
    () => `the datacenter is not complete:\n${cluster.outputs(2000)}`,
    60_000,
  );
}

/** A server that does not lead. */
export async function followerOf(cluster) {
  const leader = await cluster.leader();
  return cluster.servers.find(({ number, process }) => number !== leader && process !== undefined);
}

export async function json(url, init = {}) {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000), ...init });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** @returns the Go program beside this file, and how to remove it, or `reason` why it cannot be built here. */
export function buildGoClient() {
  const directory = mkdtempSync(join(tmpdir(), "tribune-go-client-"));
  try {
    cpSync(join(HERE, "go-client"), directory, { recursive: true });
    execFileSync("go", ["build", "-mod=readonly", "-o", "client", "."], {
      cwd: directory,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 240_000,
    });
    return { program: join(directory, "client"), remove: () => rmSync(directory, { recursive: true, force: true }) };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    const why = error.code === "ENOENT" ? "no go" : String(error.stderr ?? error.message).trim();
    return { reason: `NO consul/api: ${why.split("\n").at(-1)}` };
  }
}

/** @returns {Promise<{code: number | undefined, output: string}>} `code` undefined: there is no such program */
export function runProgram(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    child.once("error", () => resolve({ code: undefined, output }));
    child.once("close", (code) => resolve({ code, output }));
  });
}
