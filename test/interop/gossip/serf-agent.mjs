// HashiCorp's `serf` agent (Debian package serf) as a peer.
import { execFile, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownPort } from "../../../packages/tribune/dist/ports.test.support.js";
import { until } from "./pools.mjs";

export function hasSerf() {
  try {
    execFileSync("serf", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Starts an agent and waits until it answers. `flags` go to `serf agent`; any free port unless one is given. */
export async function startSerf(name, host, flags = [], port = undefined) {
  const directory = mkdtempSync(join(tmpdir(), "tribune-serf-"));
  const ip = host.replace(/^\[|\]$/g, "");
  const [gossipPort, rpcPort] = [port ?? (await ownPort(ip)), await ownPort(ip)];
  const rpc = `-rpc-addr=${host}:${rpcPort}`;
  const child = spawn(
    "serf",
    ["agent", `-node=${name}`, `-bind=${host}:${gossipPort}`, rpc, "-log-level=debug", ...flags],
    { cwd: directory },
  );
  let log = "";
  child.stdout.on("data", (chunk) => (log += chunk));
  child.stderr.on("data", (chunk) => (log += chunk));
  const exited = new Promise((resolve) => child.once("exit", resolve));

  /** Runs a command of the agent. @returns what it printed; rejects when it fails. */
  const run = (command, ...args) =>
    new Promise((resolve, reject) => {
      execFile("serf", [command, rpc, ...args], (error, stdout, stderr) => {
        if (error) reject(new Error(`serf ${command}: ${stdout}${stderr}`));
        else resolve(stdout);
      });
    });
  const members = async () => JSON.parse(await run("members", "-format=json")).members;
  const agent = {
    name,
    directory,
    address: `${host}:${gossipPort}`,
    log: () => log,
    run,
    members,
    statusOf: async (member) => (await members()).find(({ name: known }) => known === member)?.status,
    kill: async (signal) => {
      child.kill(signal);
      await exited;
    },
    stop: async () => {
      child.kill("SIGKILL");
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
  await until(`${name} answers`, () => members().catch(() => undefined)).catch((error) => {
    throw new Error(`${error.message}\n${log}`);
  });
  return agent;
}
