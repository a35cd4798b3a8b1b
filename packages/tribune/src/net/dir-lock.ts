import * as fs from "node:fs";
import { join } from "node:path";

const LOCK_NAME = "agent.lock";

/** Who holds a directory. A pid alone may be another process's by now, so it comes with when it was started. */
interface Holder {
  readonly pid: number;
  /** Boot and start time, where the system tells them; else "". */
  readonly started: string;
}

export class DirLockedError extends Error {
  override readonly name = "DirLockedError";
}

/** Directories held by this process, which may run several agents. */
const heldHere = new Set<string>();

/**
 * Takes a directory for one agent: two that write one log would destroy it. What a killed process left behind is
 * taken over. It sees the processes of this machine (or container) only: a directory shared over the network must be
 * kept apart by other means.
 *
 * @returns release, for an orderly end.
 * @throws DirLockedError that says who holds it.
 */
export function lockDir(directory: string): () => void {
  fs.mkdirSync(directory, { recursive: true });
  const path = join(fs.realpathSync(directory), LOCK_NAME);
  const own: Holder = { pid: process.pid, started: startOf(process.pid) };
  const text = JSON.stringify(own);
  for (;;) {
    if (create(path, text)) break;
    const found = read(path);
    if (found === undefined) continue; // released meanwhile
    if (found.holder !== undefined && (heldHere.has(path) || isAlive(found.holder, own)))
      throw new DirLockedError(
        `data directory ${JSON.stringify(directory)} is in use by another agent (process ${found.holder.pid}): ` +
          "stop that one first, or give this one a data directory of its own",
      );
    removeStale(path, found.text);
  }
  heldHere.add(path);
  let isReleased = false;
  return () => {
    if (isReleased) return;
    isReleased = true;
    heldHere.delete(path);
    fs.rmSync(path, { force: true });
  };
}

/** In one step and with its content: a half-written lock would say nothing about its holder. */
function create(path: string, text: string): boolean {
  const temporary = `${path}.${process.pid}`;
  fs.writeFileSync(temporary, text, { mode: 0o600 });
  try {
    fs.linkSync(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

function read(path: string): { readonly text: string; readonly holder: Holder | undefined } | undefined {
  let text: string;
  try {
    text = fs.readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  return { text, holder: holderOf(text) };
}

/** undefined for what no agent wrote, or what a crash of the machine left of it: nobody holds that. */
function holderOf(text: string): Holder | undefined {
  try {
    const { pid, started } = JSON.parse(text) as Partial<Holder>;
    if (Number.isSafeInteger(pid) && (pid as number) > 0 && typeof started === "string")
      return { pid: pid as number, started };
  } catch {
    // Not JSON: not ours.
  }
  return undefined;
}

function isAlive(holder: Holder, own: Holder): boolean {
  if (holder.pid === own.pid) return holder.started === own.started && own.started !== "";
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    // EPERM: somebody else's process, so there is one.
  }
  if (hasEnded(holder.pid)) return false;
  return holder.started === "" || own.started === "" || startOf(holder.pid) === holder.started;
}

/** Linux: a killed process has its number until its parent, in a container a slow one, asks how it ended. */
function hasEnded(pid: number): boolean {
  return statOf(pid)?.[0] === "Z";
}

/** Fields 3 and on of what Linux tells of a process: the name before them, in parentheses, may hold anything. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined; // other systems: the pid has to do
  }
}

/** Linux: boot id and clock ticks from then to the start of the process. */
function startOf(pid: number): string {
  try {
    const boot = fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const stat = statOf(pid);
    return stat === undefined ? "" : `${boot}:${stat[19]}`;
  } catch {
    return ""; // other systems: the pid has to do
  }
}

/**
 * Two agents may find the same stale lock, and the slower must not remove the lock the faster has made since: it moves
 * aside what is there, looks at what it got, and puts a live lock back.
 */
function removeStale(path: string, staleText: string): void {
  const aside = `${path}.${process.pid}.stale`;
  try {
    fs.renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  try {
    if (fs.readFileSync(aside, "utf8") !== staleText) fs.linkSync(aside, path);
  } finally {
    fs.rmSync(aside, { force: true });
  }
}
