import { dirname } from "node:path";
import type { Disk, DiskFile } from "../../lib/runtime.ts";
import { DiskError } from "../../lib/runtime.ts";

/** A write or cut that no sync has covered yet. */
type Unsynced = { readonly position: number; readonly bytes: Uint8Array } | { readonly length: number };

interface Node {
  live: Buffer;
  durable: Buffer;
  unsynced: Unsynced[];
}

/** How much of one unsynced write survives a crash: the written bytes that do, as [from, to) pairs. */
export type Tear = (write: {
  readonly path: string;
  readonly bytes: Uint8Array;
}) => readonly (readonly [number, number])[];

export const keepNothing: Tear = () => [];
export const keepAll: Tear = ({ bytes }) => [[0, bytes.length]];

const BLOCK_BYTES = 4_096;

/**
 * A disk in memory that keeps what a real one promises and no more: a crash forgets or tears what was not
 * synced, and names that no `syncDir` covered. Calls take turns, so the order of effects is the order of calls.
 */
export class MemoryDisk implements Disk {
  readonly #live = new Map<string, Node>();
  readonly #durable = new Map<string, Node>();
  readonly #renamed = new Set<string>();
  readonly #directories = new Set<string>();
  /** Set to fail or delay: called before each `write` and `sync` takes effect; what it throws is thrown. */
  before: (operation: "write" | "sync" | "remove", path: string) => void | Promise<void> = () => {};
  /** Whether files opened from now on offer `writeDurablyNow`, for which `before` must answer at once. */
  offersNow = false;
  syncCount = 0;
  writeCount = 0;
  openFiles = 0;

  /** The disk as a restart finds it. `keepNames`: whether unsynced creations and removals of names survive. */
  crash(tear: Tear, keepNames = false): MemoryDisk {
    const after = new MemoryDisk();
    after.offersNow = this.offersNow;
    for (const directory of this.#directories) after.#directories.add(directory);
    for (const [path, node] of keepNames ? this.#live : this.#durable) {
      let bytes: Buffer = Buffer.from(node.durable);
      for (const change of node.unsynced) bytes = applied(bytes, change, path, tear);
      const kept: Node = { live: bytes, durable: Buffer.from(bytes), unsynced: [] };
      after.#live.set(path, kept);
      after.#durable.set(path, kept);
    }
    return after;
  }

  /** The live bytes of a file, to look at or to damage; durable at once. */
  patch(path: string, change: (bytes: Buffer) => Buffer): void {
    const node = this.#node("patch", path);
    node.live = change(node.live);
    node.durable = Buffer.from(node.live);
    node.unsynced = [];
  }

  async open(path: string, mode: "read" | "readwrite" | "create", grows = false): Promise<DiskFile> {
    if (mode === "create") {
      const node = this.#live.get(path) ?? { live: Buffer.alloc(0), durable: Buffer.alloc(0), unsynced: [] };
      node.unsynced.push({ length: 0 });
      node.live = Buffer.alloc(0);
      this.#live.set(path, node);
    }
    this.openFiles++;
    const node = this.#node("open", path);
    if (!this.offersNow) return new MemoryFile(this, path, node);
    return grows ? new GrowingMemoryFile(this, path, node) : new PromptMemoryFile(this, path, node);
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    const node = this.#live.get(path);
    return node === undefined ? undefined : Uint8Array.from(node.live);
  }

  async writeFileAtomic(path: string, bytes: Uint8Array): Promise<void> {
    const node: Node = { live: Buffer.from(bytes), durable: Buffer.from(bytes), unsynced: [] };
    this.#live.set(path, node);
    this.#durable.set(path, node);
  }

  async list(path: string): Promise<readonly string[]> {
    const names = new Set<string>();
    for (const known of [...this.#live.keys(), ...this.#directories])
      if (known.startsWith(`${path}/`)) names.add(known.slice(path.length + 1).split("/")[0]!);
    return [...names].sort();
  }

  async makeDir(path: string): Promise<void> {
    this.#directories.add(path);
  }

  async rename(from: string, to: string): Promise<void> {
    for (const [path, node] of [...this.#live]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      this.#live.delete(path);
      this.#live.set(to + path.slice(from.length), node);
    }
    if (!this.#directories.delete(from)) return;
    this.#directories.add(to);
    for (const known of [...this.#directories]) {
      if (!known.startsWith(`${from}/`)) continue;
      this.#directories.delete(known);
      this.#directories.add(to + known.slice(from.length));
    }
    this.#renamed.add(to);
  }

  async remove(path: string): Promise<void> {
    await this.before("remove", path);
    this.#directories.delete(path);
    for (const known of [...this.#live.keys()])
      if (known === path || known.startsWith(`${path}/`)) this.#live.delete(known);
  }

  async syncDir(path: string): Promise<void> {
    for (const known of [...this.#durable.keys()])
      if ((dirname(known) === path || known.startsWith(`${path}/`)) && !this.#live.has(known))
        this.#durable.delete(known);
    for (const [known, node] of this.#live)
      if (dirname(known) === path || this.#isRenamed(known, path)) this.#durable.set(known, node);
  }

  /** A directory renamed inside `path` brings along what is in it, however deep. */
  #isRenamed(known: string, path: string): boolean {
    for (const to of this.#renamed) if (dirname(to) === path && known.startsWith(`${to}/`)) return true;
    return false;
  }

  #node(operation: string, path: string): Node {
    const node = this.#live.get(path);
    if (node === undefined) throw new DiskError(operation, path, "ENOENT");
    return node;
  }
}

class MemoryFile implements DiskFile {
  readonly path: string;
  readonly #disk: MemoryDisk;
  readonly #node: Node;
  #closed = false;

  constructor(disk: MemoryDisk, path: string, node: Node) {
    this.#disk = disk;
    this.path = path;
    this.#node = node;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    this.#check();
    return Uint8Array.from(this.#node.live.subarray(position, position + length));
  }

  async write(position: number, chunks: readonly Uint8Array[]): Promise<void> {
    this.#check();
    await this.#disk.before("write", this.path);
    this.#write(position, Buffer.concat(chunks));
  }

  #write(position: number, bytes: Buffer): void {
    this.#disk.writeCount++;
    this.#node.unsynced.push({ position, bytes });
    this.#node.live = overlaid(this.#node.live, position, bytes, 0, bytes.length);
  }

  /** As the real disk does it: a failure may come between the write and the sync. */
  protected writeAndSync(position: number, bytes: Uint8Array): void {
    this.#check();
    void this.#disk.before("write", this.path);
    this.#write(position, Buffer.from(bytes));
    void this.#disk.before("sync", this.path);
    this.#disk.syncCount++;
    this.#node.durable = Buffer.from(this.#node.live);
    this.#node.unsynced = [];
  }

  async sync(): Promise<void> {
    this.#check();
    const covered = this.#node.unsynced.length;
    const durable = Buffer.from(this.#node.live);
    await this.#disk.before("sync", this.path);
    this.#disk.syncCount++;
    this.#node.durable = durable;
    this.#node.unsynced = this.#node.unsynced.slice(covered);
  }

  async size(): Promise<number> {
    return this.#node.live.length;
  }

  async truncate(length: number): Promise<void> {
    this.#check();
    this.#node.unsynced.push({ length });
    this.#node.live = resized(this.#node.live, length);
  }

  async close(): Promise<void> {
    if (!this.#closed) this.#disk.openFiles--;
    this.#closed = true;
  }

  #check(): void {
    if (this.#closed) throw new DiskError("use after close", this.path, "EBADF");
  }
}

class PromptMemoryFile extends MemoryFile {
  writeDurablyNow(position: number, bytes: Uint8Array): void {
    this.writeAndSync(position, bytes);
  }
}

/** Writes whole blocks, as a disk does where nothing is in between. */
class GrowingMemoryFile extends MemoryFile {
  writeDurablyNow(position: number, bytes: Uint8Array): void {
    const whole = Buffer.alloc(Math.ceil((position + bytes.length) / BLOCK_BYTES) * BLOCK_BYTES - position);
    whole.set(bytes);
    this.writeAndSync(position, whole);
  }
}

function applied(bytes: Buffer, change: Unsynced, path: string, tear: Tear): Buffer {
  if ("length" in change) return resized(bytes, change.length);
  let result = bytes;
  for (const [from, to] of tear({ path, bytes: change.bytes })) {
    result = overlaid(result, change.position, change.bytes, from, to);
  }
  return result;
}

function overlaid(bytes: Buffer, position: number, written: Uint8Array, from: number, to: number): Buffer {
  const result = resized(bytes, Math.max(bytes.length, position + to));
  result.set(written.subarray(from, to), position + from);
  return result;
}

function resized(bytes: Buffer, length: number): Buffer {
  const result = Buffer.alloc(length);
  bytes.copy(result, 0, 0, Math.min(length, bytes.length));
  return result;
}
