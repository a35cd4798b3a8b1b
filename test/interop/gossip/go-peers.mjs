// Members that run HashiCorp's libraries (go-peers/main.go), built here and driven over their standard input.
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SOURCE = join(dirname(fileURLToPath(import.meta.url)), "go-peers");

/** @returns the program and how to remove it, or `reason` why it cannot be built here. */
export function buildPeers() {
  const directory = mkdtempSync(join(tmpdir(), "tribune-go-peers-"));
  try {
    cpSync(SOURCE, directory, { recursive: true });
    execFileSync("go", ["build", "-mod=readonly", "-o", "peers", "."], {
      cwd: directory,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 240_000,
    });
    return { program: join(directory, "peers"), remove: () => rmSync(directory, { recursive: true, force: true }) };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    const why = error.code === "ENOENT" ? "no go" : String(error.stderr ?? error.message).trim();
    return { reason: `NO Go peers: ${why.split("\n").at(-1)}` };
  }
}

/** @returns the running peers: `ask` one by number, and `events` that any of them heard. */
export async function startPeers(program, host, count, key = "") {
  const directory = mkdtempSync(join(tmpdir(), "tribune-go-run-"));
  const child = spawn(program, [`-host=${host}`, `-count=${count}`, `-key=${key}`], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, TMPDIR: directory },
  });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const events = [];
  const waiting = new Map();
  let last = 0;
  let announce;
  const announced = new Promise((resolve, reject) => {
    announce = resolve;
    child.once("exit", () => reject(new Error("the Go peers ended")));
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    const message = JSON.parse(line);
    if (message.addresses !== undefined) announce(message.addresses);
    else if (message.event !== undefined) events.push(message);
    else waiting.get(message.id)?.(message);
  });
  const addresses = await announced;
  return {
    addresses,
    events,
    ask: (peer, command, ...args) =>
      new Promise((resolve, reject) => {
        const id = String(++last);
        waiting.set(id, ({ value, error }) => {
          waiting.delete(id);
          if (error === undefined) resolve(value);
          else reject(Object.assign(new Error(error), { value }));
        });
        child.stdin.write(`${[id, command, peer, ...args].join(" ")}\n`);
      }),
    stop: async () => {
      child.kill("SIGKILL");
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
