// Agents as processes, for the tests beside this file: on loopback addresses of their own, with Consul's ports.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const program = join(dirname(fileURLToPath(import.meta.url)), "../../packages/tribune/bin/tribune.js");

const running = new Set();
const directories = [];
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});
// From who runs this file, when its time is up: without this its agents would go on, at addresses that others need.
process.once("SIGTERM", () => process.exit(143));

export class AgentProcess {
  /** What it printed, the last half million characters at least. */
  output = "";
  #child;
  #exit;
  /** It may not say that it runs. */
  #quiet;

  /**
   * @param {{address: string, args: string[], env?: Record<string, string>, wrap?: string[], command?: string[]}} options
   *   `wrap` comes before the command line; `command` is another program to run instead of ours
   */
  constructor({ address, args, env = {}, wrap = [], command = [process.execPath, program] }) {
    this.address = address;
    this.url = `http://${address.includes(":") ? `[${address}]` : address}:8500`;
    this.#quiet = /log[-_]level\W*(warn|err)/i.test(args.join(" "));
    const [first, ...rest] = [...wrap, ...command, "agent", ...args];
    this.#child = spawn(first, [...rest, `-bind=${address}`, `-client=${address}`], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    running.add(this.#child);
    this.#child.once("exit", () => running.delete(this.#child));
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.setEncoding("utf8").on("data", (chunk) => {
        this.output += chunk;
        if (this.output.length > 1_000_000) this.output = this.output.slice(-500_000);
      });
    this.#exit = new Promise((resolve) => this.#child.once("close", (code, signal) => resolve({ code, signal })));
  }

  get pid() {
    return this.#child.pid;
  }

  /** @returns {Promise<{code: number | null, signal: string | null}>} */
  get exited() {
    return this.#exit;
  }

  /** The same, or it is killed and the test fails with what it printed. */
  async exitedWithin(deadlineMs) {
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, deadlineMs);
    });
    const exit = await Promise.race([this.#exit, late]);
    clearTimeout(timer);
    if (exit !== undefined) return exit;
    await this.kill();
    throw new Error(`${this.output.slice(-10_000)}\nstill running after ${deadlineMs} ms`);
  }

  /** Waits until it leads and answers: itself, not another one that has its address. */
  async ready(deadlineMs = 60_000) {
    let gone;
    void this.#exit.then((exit) => {
      gone = exit;
    });
    await until(
      async () => {
        if (gone !== undefined)
          throw new Fatal(`${this.output.slice(-10_000)}\nthe agent ended with ${JSON.stringify(gone)}`);
        if (!this.#quiet && !this.output.includes("agent running!")) return false;
        const response = await fetch(`${this.url}/v1/status/leader`);
        return response.ok && (await response.text()).includes(":");
      },
      () => `${this.output.slice(-10_000)}\nno leader at ${this.url}`,
      deadlineMs,
    );
    return this;
  }

  signal(name) {
    this.#child.kill(name);
  }

  /** Ends it, whatever state it is in. */
  async kill(signal = "SIGKILL") {
    this.#child.kill(signal);
    return this.#exit;
  }
}

/** @returns {AgentProcess} a durable server in `dataDir` */
export function serverProcess({ address, dataDir, config = {}, ...rest }) {
  const args = ["-server", "-bootstrap-expect=1", `-data-dir=${dataDir}`, `-hcl=${JSON.stringify(config)}`];
  return new AgentProcess({ address, args, ...rest });
}

export class Fatal extends Error {}

/**
 * Tries every 50 ms until `holds` gives true. A `Fatal` ends the waiting.
 *
 * @param {() => string} describe what was waited for; what an agent printed stands before it, since ends are what is kept
 */
export async function until(holds, describe, deadlineMs = 60_000) {
  const deadline = performance.now() + deadlineMs;
  let last;
  for (;;) {
    try {
      if (await holds()) return;
      last = undefined;
    } catch (error) {
      if (error instanceof Fatal) throw error;
      last = error;
    }
    if (performance.now() > deadline) throw new Error(describe(), { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * A directory that goes with this process. Not with the test: its hooks run in the order in which they were given, so the
 * directory would be taken from under agents that still write; and one hook that fails keeps the later ones, which end
 * those agents, from running.
 */
export function temporaryDirectory() {
  const directory = mkdtempSync(join(tmpdir(), "tribune-e2e-"));
  directories.push(directory);
  return directory;
}

/** For sockets: where paths are short enough, and have no space, which ends an address in `addresses`. */
export function socketDirectory() {
  const parent = /^\S{1,60}$/.test(tmpdir()) ? tmpdir() : "/tmp";
  const directory = mkdtempSync(join(parent, "tribune-e2e-"));
  directories.push(directory);
  return directory;
}

/** @returns {Promise<{status: number, text: string, headers: Headers}>} */
export async function request(url, method = "GET", body = undefined, headers = {}) {
  const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

export const put = (agent, path, body = "") =>
  request(`${agent.url}${path}`, "PUT", typeof body === "string" ? body : JSON.stringify(body));
export const get = (agent, path) => request(`${agent.url}${path}`);
export const getJson = async (agent, path) => JSON.parse((await get(agent, path)).text);
