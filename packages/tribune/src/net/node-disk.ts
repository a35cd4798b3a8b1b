import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Disk, DiskFile } from "../lib/runtime.ts";
import { DiskError } from "../lib/runtime.ts";
import { DirectWriter } from "./direct-writer.ts";

/** Data files hold secrets (tokens, private keys): readable by their owner alone. */
const FILE_MODE = 0o600;
const DIR_MODE = 0o755;
/** IOV_MAX on Linux and macOS: more chunks than this in one writev is EINVAL. */
const CHUNKS_PER_WRITE_MAX = 1_024;

const OPEN_FLAGS = {
  read: fs.constants.O_RDONLY,
  readwrite: fs.constants.O_RDWR,
  // A leftover of the same name is from a run that died before anyone relied on it.
  create: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_TRUNC,
} as const;

/**
 * So little is copied into the page cache in some ten microseconds, less than handing it to the thread pool and being
 * woken up by it costs. Only the fdatasync behind it has to wait for the disk.
 */
const WRITTEN_HERE_BYTES_MAX = 16 * 1_024;

type Callback<Value> = (error: NodeJS.ErrnoException | null, value: Value) => void;

/** Runs one callback-style system call; a failure becomes a `DiskError` naming `operation` and `path`. */
function call<Value>(operation: string, path: string, start: (done: Callback<Value>) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    const done: Callback<Value> = (error, value) =>
      error ? reject(diskError(operation, path, error)) : resolve(value);
    try {
      start(done);
    } catch (error) {
      reject(diskError(operation, path, error)); // Node throws at once for bad arguments, a closed fd among them.
    }
  });
}

function diskError(operation: string, path: string, error: unknown): DiskError {
  if (error instanceof DiskError) return error;
  return new DiskError(operation, path, (error as NodeJS.ErrnoException).code ?? "EUNKNOWN", error);
}

function isAbsent(error: unknown): boolean {
  return error instanceof DiskError && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

/**
 * Positions are always explicit, so calls on one file may overlap. The callback API rather than
 * `fs/promises`: a FileHandle costs a further promise and a reference count on every call of the log's hot path.
 */
class NodeFile implements DiskFile {
  readonly path: string;
  readonly #fd: number;
  readonly #direct: DirectWriter | undefined;
  #closed = false;

  constructor(path: string, fd: number, direct?: DirectWriter) {
    this.path = path;
    this.#fd = fd;
    this.#direct = direct;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      const count = await call<number>("read", this.path, (done) =>
        fs.read(this.#open(), bytes, filled, length - filled, position + filled, done),
      );
      if (count === 0) break;
      filled += count;
    }
    return filled === length ? bytes : bytes.subarray(0, filled);
  }

  async write(position: number, chunks: readonly Uint8Array[], beside = false): Promise<void> {
    this.#direct?.forget();
    let at = position;
    let rest = chunks;
    while (rest.length > 0) {
      const written = await this.#writeSome(at, rest, beside);
      at += written;
      rest = withoutFirst(rest, written);
    }
  }

  #writeSome(position: number, chunks: readonly Uint8Array[], beside: boolean): Promise<number> {
    const only = chunks.length === 1 ? chunks[0] : undefined;
    if (only !== undefined && only.length <= WRITTEN_HERE_BYTES_MAX && !beside)
      return call("write", this.path, (done) => done(null, fs.writeSync(this.#open(), only, 0, only.length, position)));
    if (only !== undefined)
      return call("write", this.path, (done) => fs.write(this.#open(), only, 0, only.length, position, done));
    const some = chunks.slice(0, CHUNKS_PER_WRITE_MAX);
    return call("write", this.path, (done) => fs.writev(this.#open(), some, position, done));
  }

  sync(): Promise<void> {
    return call("fdatasync", this.path, (done) => fs.fdatasync(this.#open(), done as fs.NoParamCallback));
  }

  writeDurablyNow(position: number, bytes: Uint8Array): void {
    const fd = this.#open();
    let operation = "write";
    try {
      if (this.#direct?.write(position, bytes, fd) !== true)
        for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at, bytes.length - at, position + at);
      operation = "fdatasync";
      fs.fdatasyncSync(fd);
    } catch (error) {
      throw diskError(operation, this.path, error);
    }
  }

  async size(): Promise<number> {
    const stats = await call<fs.Stats>("fstat", this.path, (done) => fs.fstat(this.#open(), done));
    return stats.size;
  }

  truncate(length: number): Promise<void> {
    this.#direct?.forget();
    return call("ftruncate", this.path, (done) => fs.ftruncate(this.#open(), length, done as fs.NoParamCallback));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#direct?.close();
    await call<void>("close", this.path, (done) => fs.close(this.#fd, done as fs.NoParamCallback));
  }

  /** The system hands a closed number to the next file opened: using it after `close` would hit a stranger. */
  #open(): number {
    if (this.#closed) throw new DiskError("use after close", this.path, "EBADF");
    return this.#fd;
  }
}

function withoutFirst(chunks: readonly Uint8Array[], byteCount: number): readonly Uint8Array[] {
  let skipped = 0;
  let left = byteCount;
  while (skipped < chunks.length && left >= chunks[skipped]!.length) left -= chunks[skipped++]!.length;
  const rest = chunks.slice(skipped);
  if (left > 0) rest[0] = rest[0]!.subarray(left);
  return rest;
}

async function openFile(path: string, flags: number, mode = FILE_MODE, grows = false): Promise<NodeFile> {
  const fd = await call<number>("open", path, (done) => fs.open(path, flags, mode, done));
  return new NodeFile(path, fd, grows ? DirectWriter.open(path) : undefined);
}

async function syncDir(path: string): Promise<void> {
  const fd = await call<number>("open", path, (done) => fs.open(path, fs.constants.O_RDONLY, done));
  try {
    await call<void>("fsync", path, (done) => fs.fsync(fd, done as fs.NoParamCallback));
  } finally {
    await call<void>("close", path, (done) => fs.close(fd, done as fs.NoParamCallback));
  }
}

/** Tells the temporary files of one process apart, should two writers of one path meet. */
let temporaryCount = 0;

async function writeFileAtomic(path: string, bytes: Uint8Array, mode = FILE_MODE): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.${process.pid}-${++temporaryCount}.tmp`);
  try {
    const file = await openFile(temporary, OPEN_FLAGS.create, mode);
    try {
      await file.write(0, [bytes]);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    // The first failure is the one to report; the leftover is harmless.
    await remove(temporary).catch(() => undefined);
    throw error;
  }
  await syncDir(directory);
}

function rename(from: string, to: string): Promise<void> {
  return call("rename", from, (done) => fs.rename(from, to, done as fs.NoParamCallback));
}

function remove(path: string): Promise<void> {
  return call("remove", path, (done) => fs.rm(path, { recursive: true, force: true }, done as fs.NoParamCallback));
}

/** The `Disk` port on the real file system. Every failure is a `DiskError`. */
export const nodeDisk: Disk = {
  open: (path, mode, grows) => openFile(path, OPEN_FLAGS[mode], FILE_MODE, grows),

  async readFile(path) {
    try {
      return await call<Uint8Array>("read", path, (done) => fs.readFile(path, done));
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  },

  writeFileAtomic,

  async list(path) {
    try {
      const names = await call<string[]>("list", path, (done) => fs.readdir(path, done));
      return names.sort();
    } catch (error) {
      if (error instanceof DiskError && error.code === "ENOENT") return [];
      throw error;
    }
  },

  async makeDir(path) {
    await call<string | undefined>("mkdir", path, (done) => fs.mkdir(path, { recursive: true, mode: DIR_MODE }, done));
  },

  rename,
  remove,
  syncDir,
};
