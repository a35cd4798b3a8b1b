// Raft servers of both kinds as processes: built, started, asked, killed.
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ownPort } from "../../../packages/tribune/dist/ports.test.support.js";

const HERE = dirname(fileURLToPath(import.meta.url));

/** @returns a program that runs hashicorp/raft of this version, or `reason` why there is none. */
export function buildGoPeer(version) {
  const directory = mkdtempSync(join(tmpdir(), "tribune-go-raft-"));
  try {
    cpSync(join(HERE, "go-peer", "main.go"), join(directory, "main.go"));
    cpSync(join(HERE, "go-peer", `v${version}`), directory, { recursive: true });
    execFileSync("go", ["build", "-mod=readonly", "-o", "peer", "."], {
      cwd: directory,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 240_000,
    });
    return { program: join(directory, "peer"), remove: () => rmSync(directory, { recursive: true, force: true }) };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    const why = error.code === "ENOENT" ? "no go" : String(error.stderr ?? error.message).trim();
    return { reason: `NO hashicorp/raft ${version}: ${why.split("\n").at(-1)}` };
  }
}

/** @param {string | (() => string)} what was waited for */
export async function until(condition, what, limitMs = 60_000) {
  const startedMs = performance.now();
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (performance.now() - startedMs > limitMs)
      throw new Error(`not within ${limitMs} ms: ${typeof what === "string" ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export class PeerSet {
  /** @param kinds of each server: "go" or "tribune" */
  static async create(kinds, goProgram, { host = "127.0.35.1", trailing = 10_240, multiplier = 1 } = {}) {
    const ports = [];
    for (const _ of kinds) ports.push(await ownPort(host));
    const directory = mkdtempSync(join(tmpdir(), "tribune-raft-run-"));
    const peers = kinds.map((kind, at) => {
      const id = `0000000${at}-1111-2222-3333-444444444444`;
      return { at, kind, id, address: `${host}:${ports[at]}`, child: undefined, waiting: new Map() };
    });
    return new PeerSet(peers, directory, goProgram, { trailing, multiplier });
  }

  constructor(peers, directory, goProgram, options) {
    Object.assign(this, { peers, directory, goProgram, options });
  }

  names(peers = this.peers) {
    return peers.map(({ id, address }) => `${id}=${address}`).join(",");
  }

  /** @param known who is in the first peer set, for a Go server that bootstraps */
  async start(peer, known = this.peers) {
    const { trailing, multiplier } = this.options;
    const common = [
      `--id=${peer.id}`,
      `--bind=${peer.address}`,
      `--trailing=${trailing}`,
      `--multiplier=${multiplier}`,
    ];
    const [program, args] =
      peer.kind === "go"
        ? [this.goProgram, [...common, `--peers=${this.names(known)}`]]
        : [
            process.execPath,
            [join(HERE, "tribune-peer.mjs"), ...common, `--dir=${join(this.directory, String(peer.at))}`],
          ];
    const child = spawn(program, args, { stdio: ["pipe", "pipe", peer.kind === "go" ? "ignore" : "inherit"] });
    peer.child = child;
    peer.exited = new Promise((resolve) => child.once("exit", resolve));
    child.stdin.on("error", () => {}); // it was killed: whoever asked is told below
    child.once("exit", () => {
      if (peer.child === child) peer.child = undefined;
      for (const answer of peer.waiting.values()) answer({ error: "the process ended" });
    });
    const ready = new Promise((resolve) => peer.waiting.set("ready", resolve));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const message = JSON.parse(line);
      peer.waiting.get(message.id)?.(message);
    });
    const { error } = await ready;
    peer.waiting.delete("ready");
    if (error !== undefined) throw new Error(`${peer.kind} server did not start: ${error}`);
  }

  #last = 0;
  ask(peer, command, argument = "") {
    return new Promise((resolve, reject) => {
      if (peer.child === undefined) return reject(new Error("not running"));
      const id = String(++this.#last);
      peer.waiting.set(id, ({ value, error }) => {
        peer.waiting.delete(id);
        if (error === undefined) resolve(value);
        else reject(new Error(error));
      });
      peer.child.stdin.write(`${id} ${command} ${argument}\n`);
    });
  }

  async kill(peer) {
    peer.child?.kill("SIGKILL");
    await peer.exited;
  }

  get running() {
    return this.peers.filter(({ child }) => child !== undefined);
  }

  async leader() {
    for (const peer of this.running) {
      const status = await this.ask(peer, "status").catch(() => undefined);
      if (status?.state === "Leader") return peer;
    }
    return undefined;
  }

  /** Waits until all that run have applied the same commands, `last` among them. @returns how many */
  converged(last) {
    return until(async () => {
      const logs = await Promise.all(this.running.map((peer) => this.ask(peer, "entries").catch(() => undefined)));
      const [first] = logs;
      if (first === undefined || !first.some((entry) => Buffer.from(entry, "base64").includes(last))) return false;
      return logs.every((log) => JSON.stringify(log) === JSON.stringify(first)) && first.length;
    }, `all servers have ${last}`);
  }

  async stop() {
    for (const peer of this.running) await this.kill(peer);
    rmSync(this.directory, { recursive: true, force: true });
  }
}
