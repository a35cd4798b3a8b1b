import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";

/** Directories locked by this process: its own mark in a file would tell nothing. */
const HELD = new Set<string>();

/**
 * Keeps two agents from writing one data directory. Node has no flock, so the lock is a file that names its owner:
 * process, start time and boot, so that neither a recycled process ID nor a reboot keeps a dead owner alive. After a
 * kill -9 the next agent finds the owner gone and takes the lock over. Containers that share a directory but not
 * their processes cannot see each other.
 */
export class DataDirLock {
  readonly #file: string;

  /** @throws Error naming the owner, when another agent is running in `dataDir`. */
  static acquire(dataDir: string): DataDirLock {
    const file = resolve(dataDir, "agent.lock");
    for (;;) {
      if (HELD.has(file)) throw inUse(dataDir, "by this process");
      try {
        writeFileSync(file, ownerText(process.pid) ?? `${process.pid}`, { flag: "wx", mode: 0o600 });
        HELD.add(file);
        return new DataDirLock(file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const owner = readOrNothing(file);
      if (owner === undefined) continue; // released this moment
      if (isAlive(owner)) throw inUse(dataDir, `by process ${owner.split(" ")[0]}`);
      discard(file, owner, dataDir);
    }
  }

  private constructor(file: string) {
    this.#file = file;
  }

  release(): void {
    if (HELD.delete(this.#file)) rmSync(this.#file, { force: true });
  }
}

/** Moves a dead owner's file away. Whoever started at the same moment may have replaced it already. */
function discard(file: string, owner: string, dataDir: string): void {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return; // the other one moved it
    throw error;
  }
  const moved = readOrNothing(aside);
  if (moved !== undefined && moved !== owner) {
    renameSync(aside, file);
    throw inUse(dataDir, `by process ${moved.split(" ")[0]}`);
  }
  rmSync(aside, { force: true });
}

function inUse(dataDir: string, who: string): Error {
  return new Error(`data directory ${dataDir} is in use ${who}; stop that agent or choose another -data-dir`);
}

function isAlive(owner: string): boolean {
  const pid = Number(owner.split(" ")[0]);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  // Our own: the process before us had this ID and left no other trace.
  if (pid === process.pid) return false;
  const now = ownerText(pid);
  if (now !== undefined) return now === owner;
  try {
    process.kill(pid, 0);
    return !owner.includes(" "); // alive, but on Linux it would have been found above
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** `PID START BOOT` on Linux; undefined elsewhere and for a process that is gone. */
function ownerText(pid: number): string | undefined {
  const stat = readOrNothing(`/proc/${pid}/stat`);
  const boot = readOrNothing("/proc/sys/kernel/random/boot_id")?.trim();
  // The second field may hold anything, parentheses too; `starttime` is the 20th after it (proc(5)).
  const start = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return start === undefined || boot === undefined ? undefined : `${pid} ${start} ${boot}`;
}

function readOrNothing(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // gone, or not this system's
  }
}
