import { type FileHandle, open, readdir, unlink } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import type { Writable } from "node:stream";
import type { LogOutput } from "../lib/logger/log-hub.ts";

/** Bytes that may wait for a slow terminal or disk; lines beyond are dropped and counted. */
export const PENDING_BYTES_MAX = 8 * 1024 * 1024;

export interface OpenLogOutput {
  readonly write: LogOutput;
  /** Resolves when everything written so far is out or has failed. */
  flush(): Promise<void>;
  close(): Promise<void>;
  /** Lines lost to a slow or failed destination. */
  dropped(): number;
}

/** Lines to a stream of the process. A reader that went away is no reason to stop: its lines are dropped. */
export function streamOutput(stream: Writable): OpenLogOutput {
  let broken = false;
  stream.on("error", () => {
    broken = true;
  });
  const write = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      if (broken) reject(new Error("the reader has gone"));
      else stream.write(text, (error) => (error ? reject(error) : resolve()));
    });
  return gathered(write, async () => {});
}

export interface LogFileOptions {
  /** `log_file`: a path, or a directory ending in a slash, where `consul.log` is meant. */
  readonly path: string;
  /** `log_rotate_bytes`: start a new file from this size on; 0 for no limit. */
  readonly rotateBytes: number;
  /** `log_rotate_duration`; Consul's default is a day. */
  readonly rotateDurationMs: number;
  /** `log_rotate_max_files`: old files to keep; 0 keeps all, a negative number none. */
  readonly maxFiles: number;
}

/**
 * Lines to `NAME-<unix nanoseconds>.EXT`, a new file whenever the old one is too big or too old, as Consul names
 * and rotates its files. Files are readable by owner and group only.
 *
 * @throws Error "Failed to setup logging: …" when the first file cannot be opened.
 */
export async function fileOutput(options: LogFileOptions, wallMs: () => number = Date.now): Promise<OpenLogOutput> {
  const files = new RotatedFile(options, wallMs);
  try {
    await files.rotate();
  } catch (cause) {
    throw new Error(`Failed to setup logging: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  return gathered(
    (text) => files.append(text),
    () => files.close(),
  );
}

class RotatedFile {
  private readonly options: LogFileOptions;
  private readonly wallMs: () => number;
  private readonly directory: string;
  private readonly stem: string;
  private readonly extension: string;
  private file: FileHandle | undefined;
  private openedMs = 0;
  private bytes = 0;
  private lastName = 0n;

  constructor(options: LogFileOptions, wallMs: () => number) {
    this.options = options;
    this.wallMs = wallMs;
    const path = options.path.endsWith("/") ? `${options.path}consul.log` : options.path;
    this.directory = dirname(path);
    this.extension = extname(path) || ".log";
    this.stem = `${basename(path, extname(path))}-`;
  }

  async append(text: string): Promise<void> {
    const { rotateBytes, rotateDurationMs } = this.options;
    const isFull = rotateBytes > 0 && this.bytes >= rotateBytes;
    if (this.file === undefined || isFull || this.wallMs() - this.openedMs >= rotateDurationMs) await this.rotate();
    const bytes = Buffer.from(text);
    this.bytes += bytes.length;
    await this.file?.write(bytes);
  }

  async rotate(): Promise<void> {
    await this.close();
    await this.prune();
    this.openedMs = this.wallMs();
    this.bytes = 0;
    // Two files of one millisecond still get names in order.
    const now = BigInt(Math.floor(this.openedMs)) * 1_000_000n;
    this.lastName = now > this.lastName ? now : this.lastName + 1n;
    const name = `${this.stem}${this.lastName}${this.extension}`;
    this.file = await open(join(this.directory, name), "w", 0o640);
  }

  async close(): Promise<void> {
    const file = this.file;
    this.file = undefined;
    await file?.close();
  }

  private async prune(): Promise<void> {
    const { maxFiles } = this.options;
    if (maxFiles === 0) return;
    const names = (await readdir(this.directory)).filter(
      (name) => name.startsWith(this.stem) && name.endsWith(this.extension),
    );
    const surplus = names.sort().slice(0, Math.max(0, names.length - Math.max(0, maxFiles)));
    await Promise.all(surplus.map((name) => unlink(join(this.directory, name))));
  }
}

/** Gathers the lines of one turn of the event loop into one write, one write at a time, in order. */
function gathered(write: (text: string) => Promise<unknown>, close: () => Promise<void>): OpenLogOutput {
  let waiting: string[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const lines = waiting;
      waiting = [];
      waitingBytes = 0;
      try {
        await write(lines.join(""));
      } catch {
        dropped += lines.length; // there is no log left to say so in; `dropped` tells
      }
    }
    running = undefined;
  }

  const flush = async (): Promise<void> => {
    while (running !== undefined) await running;
  };
  return {
    write(line) {
      if (waitingBytes > PENDING_BYTES_MAX) {
        dropped++;
        return;
      }
      waiting.push(line);
      waitingBytes += line.length;
      running ??= run();
    },
    flush,
    close: async () => {
      await flush();
      await close();
    },
    dropped: () => dropped,
  };
}
