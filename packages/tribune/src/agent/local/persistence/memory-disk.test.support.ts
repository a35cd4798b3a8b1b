import { type Disk, DiskError, type DiskFile, type Rng } from "../../../lib/runtime.ts";

interface MemoryFile {
  /** As a reader in this run sees it. */
  bytes: Uint8Array;
  /** As the platter holds it. */
  synced: Uint8Array;
  /** The name itself survives a crash. */
  nameSynced: boolean;
}

/** A disk in memory that forgets, on `crash`, what was not synced; and that can be made to fail. */
export class MemoryDisk implements Disk {
  readonly files = new Map<string, MemoryFile>();
  writes = 0;
  syncs = 0;
  /** Called before each operation; throws to make it fail. */
  before: (operation: "write" | "sync" | "open" | "writeFileAtomic", path: string) => void = () => {};

  /** Loses unsynced names, and of each file everything unsynced but a random first part. */
  crash(rng: Rng): void {
    for (const [path, file] of this.files) {
      if (!file.nameSynced) {
        this.files.delete(path);
        continue;
      }
      const extra = Math.max(0, file.bytes.length - file.synced.length);
      const kept = Math.floor(rng.next() * (extra + 1));
      file.bytes = Uint8Array.from([
        ...file.synced,
        ...file.bytes.subarray(file.synced.length, file.synced.length + kept),
      ]);
      // The torn part may hold garbage instead of what was written.
      if (kept > 0 && rng.next() < 0.5) file.bytes[file.bytes.length - 1]! ^= 0x55;
      file.synced = file.bytes;
    }
  }

  /** Ends the process, not the machine: what was written stays. */
  kill(): void {
    for (const file of this.files.values()) {
      file.synced = file.bytes;
      file.nameSynced = true;
    }
  }

  async open(path: string, mode: "read" | "readwrite" | "create"): Promise<DiskFile> {
    this.before("open", path);
    let file = this.files.get(path);
    if (mode === "create") {
      file = { bytes: new Uint8Array(0), synced: new Uint8Array(0), nameSynced: false };
      this.files.set(path, file);
    }
    if (file === undefined) throw new DiskError("open", path, "ENOENT");
    return this.handle(path, file);
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    return this.files.get(path)?.bytes;
  }

  async writeFileAtomic(path: string, bytes: Uint8Array): Promise<void> {
    this.before("writeFileAtomic", path);
    this.files.set(path, { bytes, synced: bytes, nameSynced: true });
  }

  async list(path: string): Promise<readonly string[]> {
    const prefix = `${path}/`;
    const names = [...this.files.keys()]
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length));
    return names.filter((name) => !name.includes("/")).sort();
  }

  async makeDir(): Promise<void> {}

  async rename(from: string, to: string): Promise<void> {
    const file = this.files.get(from);
    if (file === undefined) throw new DiskError("rename", from, "ENOENT");
    this.files.delete(from);
    this.files.set(to, file);
  }

  async remove(path: string): Promise<void> {
    this.files.delete(path);
  }

  async syncDir(path: string): Promise<void> {
    for (const [name, file] of this.files) if (name.startsWith(`${path}/`)) file.nameSynced = true;
  }

  private handle(path: string, file: MemoryFile): DiskFile {
    return {
      path,
      read: async (position, length) => file.bytes.slice(position, position + length),
      write: async (position, chunks) => {
        this.before("write", path);
        this.writes++;
        let at = position;
        for (const chunk of chunks) {
          const grown = new Uint8Array(Math.max(at + chunk.length, file.bytes.length));
          grown.set(file.bytes);
          grown.set(chunk, at);
          file.bytes = grown;
          at += chunk.length;
        }
      },
      sync: async () => {
        this.before("sync", path);
        this.syncs++;
        file.synced = file.bytes;
      },
      size: async () => file.bytes.length,
      truncate: async (length) => {
        file.bytes = file.bytes.slice(0, length);
      },
      close: async () => {},
    };
  }
}
