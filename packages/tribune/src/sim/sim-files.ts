import { randomInt } from "../lib/random.ts";
import { type Disk, DiskError, type DiskFile, type Rng } from "../lib/runtime.ts";
import { MemoryDisk, type Tear } from "../storage/testing/memory-disk.ts";
import type { Simulator } from "./simulator.ts";

/** What a torn write keeps is whole sectors. */
const SECTOR_BYTES = 512;

/**
 * A host's files: `MemoryDisk` behind virtual delays. Calls take effect and finish in the order made. After
 * `crash` the calls of the dead process never finish, and files hold what was synced plus torn remains.
 */
export class SimFiles {
  readonly #sim: Simulator;
  readonly #rng: Rng;
  /** How long a call takes at most on a good day. */
  callMaxMs: number;
  #memory = new MemoryDisk();
  #life = 0;
  #readyAtMs = 0;
  /** Share of `sync` calls that fail with EIO. */
  syncFailures = 0;
  #hangs = false;
  /** Added to the longest a call may take. */
  slownessMs = 0;
  /** On purpose wrong: what was synced is not durable. */
  syncLies = false;
  /** The process waits for the disk itself, so long, and does nothing else meanwhile. */
  onHeld: (ms: number) => void = () => {};
  /** Runs a completion when the process can take it. */
  whenAwake: (run: () => void) => void = (run) => run();

  constructor(sim: Simulator, callMaxMs: number) {
    this.#sim = sim;
    this.#rng = sim.fork();
    this.callMaxMs = callMaxMs;
    this.#memory.offersNow = true;
  }

  crash(): void {
    const tear: Tear = ({ bytes }) => {
      const dice = this.#rng.next();
      if (dice < 0.4) return [];
      if (dice < 0.6) return [[0, bytes.length]];
      return [[0, Math.min(bytes.length, SECTOR_BYTES * randomInt(this.#rng, bytes.length / SECTOR_BYTES + 1))]];
    };
    this.#memory = this.#memory.crash(tear, this.#rng.next() < 0.5);
    this.#life++;
    this.#readyAtMs = this.#sim.nowMs;
  }

  /** From now on no call ever finishes, as on a disk that does not answer. */
  hang(): void {
    this.#hangs = true;
  }

  /** The disk as the process started now sees it, until the next crash. */
  disk(): Disk {
    const life = this.#life;
    const memory = this.#memory;
    const later = <T>(call: () => Promise<T>): Promise<T> => this.#later(life, call);
    return {
      open: (path, mode, grows) => later(() => memory.open(path, mode, grows)).then((file) => this.#file(life, file)),
      readFile: (path) => later(() => memory.readFile(path)),
      writeFileAtomic: (path, bytes) => later(() => memory.writeFileAtomic(path, bytes)),
      list: (path) => later(() => memory.list(path)),
      makeDir: (path) => later(() => memory.makeDir(path)),
      rename: (from, to) => later(() => memory.rename(from, to)),
      remove: (path) => later(() => memory.remove(path)),
      syncDir: (path) => later(() => memory.syncDir(path)),
    };
  }

  #file(life: number, file: DiskFile): DiskFile {
    const later = <T>(call: () => Promise<T>): Promise<T> => this.#later(life, call);
    const failed = (): Promise<void> => Promise.reject(new DiskError("sync", file.path, "EIO"));
    const now: Pick<DiskFile, "writeDurablyNow"> = {
      writeDurablyNow: (position, bytes) => {
        // A process that is dead in the simulation may still be on the stack of the real one.
        if (life !== this.#life) throw new DiskError("write", file.path, "EIO");
        if (this.#rng.next() < this.syncFailures) throw new DiskError("sync", file.path, "EIO");
        this.onHeld(this.#rng.next() * (this.callMaxMs + this.slownessMs));
        if (this.syncLies) void file.write(position, [bytes]);
        else file.writeDurablyNow?.(position, bytes);
      },
    };
    return {
      ...(file.writeDurablyNow === undefined ? {} : now),
      path: file.path,
      read: (position, length) => later(() => file.read(position, length)),
      write: (position, chunks) => later(() => file.write(position, chunks)),
      sync: () =>
        later(async () => (this.#rng.next() < this.syncFailures ? failed() : this.syncLies ? undefined : file.sync())),
      size: () => later(() => file.size()),
      truncate: (length) => later(() => file.truncate(length)),
      close: () => later(() => file.close()),
    };
  }

  /** Runs `call` after a delay behind every earlier one, unless its process is dead by then. */
  #later<T>(life: number, call: () => Promise<T>): Promise<T> {
    this.#readyAtMs = Math.max(
      this.#readyAtMs,
      this.#sim.nowMs + this.#rng.next() * (this.callMaxMs + this.slownessMs),
    );
    return new Promise((resolve, reject) => {
      this.#sim.after(this.#readyAtMs - this.#sim.nowMs, () => {
        if (life !== this.#life || this.#hangs) return;
        call().then(
          (value) => this.whenAwake(() => life === this.#life && resolve(value)),
          (error: unknown) => this.whenAwake(() => life === this.#life && reject(error)),
        );
      });
    });
  }
}
