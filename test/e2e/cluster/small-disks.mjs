// Disks of their own for the data directories of agents, so that one can be filled, held up or broken. Needs root.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const BYTES = 48 * 1024 * 1024;
const run = (command, ...args) => execFileSync(command, args, { stdio: ["ignore", "pipe", "pipe"] }).toString();

/** Whether such disks can be had here; otherwise why not. @param {"memory" | "file"} kind */
export function smallDisksRefusal(kind, directory) {
  if (process.getuid?.() !== 0) return "mounting a small disk needs root";
  const disks = new SmallDisks(kind);
  try {
    disks.mount(0, join(directory, "probe"));
    if (kind === "file") run("fsfreeze", "--version");
    return undefined;
  } catch (error) {
    return `no small disk can be mounted here: ${String(error.stderr ?? error.message).trim()}`;
  } finally {
    disks.close();
  }
}

/** `memory`: tmpfs, which can only be full. `file`: ext4 in a file, which can also be frozen and broken. */
export class SmallDisks {
  #kind;
  /** @type {Map<number, string>} */
  #paths = new Map();
  #frozen = new Set();

  constructor(kind) {
    this.#kind = kind;
  }

  mount(number, path) {
    mkdirSync(path, { recursive: true });
    if (this.#kind === "memory") run("mount", "-t", "tmpfs", "-o", `size=${BYTES}`, "tmpfs", path);
    else {
      const image = this.#image(path);
      run("dd", "if=/dev/zero", `of=${image}`, "bs=1M", "count=0", `seek=${BYTES / 1024 / 1024}`);
      run("mke2fs", "-q", "-F", "-t", "ext4", image);
      run("mount", "-o", "loop", image, path);
    }
    this.#paths.set(number, path);
  }

  #image(path) {
    return join(dirname(path), `${path.split("/").at(-1)}.ext4`);
  }

  /** Nothing more fits. */
  fill(number) {
    const ballast = join(this.#paths.get(number), "ballast");
    writeFileSync(ballast, "");
    for (const size of ["1M", "64K", "4K"])
      try {
        run("dd", "if=/dev/zero", `of=${ballast}`, `bs=${size}`, "oflag=append", "conv=notrunc");
      } catch {
        // That is how it is known to be full.
      }
  }

  empty(number) {
    rmSync(join(this.#paths.get(number), "ballast"), { force: true });
  }

  /** What is written or synced waits. */
  freeze(number) {
    run("fsfreeze", "-f", this.#paths.get(number));
    this.#frozen.add(number);
  }

  thaw(number) {
    if (this.#frozen.delete(number)) run("fsfreeze", "-u", this.#paths.get(number));
  }

  /** Every write fails from now on, as on a disk whose controller has gone. */
  break(number) {
    run("mount", "-o", "remount,abort", this.#paths.get(number));
  }

  /** With what was on the disk when it broke. Nobody may use it meanwhile. */
  repair(number) {
    const path = this.#paths.get(number);
    run("umount", path);
    try {
      run("e2fsck", "-p", "-f", this.#image(path));
    } catch (error) {
      if (error.status > 2) throw error; // 1 and 2: errors were corrected
    }
    run("mount", "-o", "loop", this.#image(path), path);
  }

  close() {
    for (const [number, path] of this.#paths) {
      this.thaw(number);
      try {
        run("umount", path);
      } catch {
        run("umount", "-l", path); // somebody still holds a file of it
      }
      if (this.#kind === "file") rmSync(this.#image(path), { force: true });
    }
    this.#paths.clear();
  }
}
