/**
 * The one runtime: everything a piece of Tribune may ask of the outside world. Production passes
 * `nodeRuntime()` (`net/node-runtime.ts`), the simulator its virtual one; nothing reaches for a global
 * clock, timer, random source, socket or file. A whole datacenter can therefore run from one seed.
 */

/** Time. `nowMs` is monotonic and its origin means nothing; `wallMs` is Unix time and may jump. */
export interface Clock {
  nowMs(): number;
  wallMs(): number;
}

/** Cancels a pending timer; calling it late or twice is harmless. */
export type Cancel = () => void;

export interface Timers {
  /** Runs `run` once, `delayMs` from now (never before the current turn ends). */
  after(delayMs: number, run: () => void): Cancel;
  /** Runs `run` on the next turn of the event loop, behind I/O that is already due. */
  soon(run: () => void): void;
}

/** Source of randomness, seeded in the simulator and in tests. */
export interface Rng {
  /** Uniform in [0, 1). */
  next(): number;
  /** `count` random bytes; cryptographically strong in production. */
  bytes(count: number): Uint8Array;
}

/** An open file. Positions and lengths are bytes. Every call may reject with a `DiskError`. */
export interface DiskFile {
  readonly path: string;
  /** Reads at most `length` bytes at `position`; fewer only at the end of the file. */
  read(position: number, length: number): Promise<Uint8Array>;
  /**
   * Writes all of `chunks`, one behind the other, starting at `position`. Not durable until `sync`.
   * @param beside not on the caller's thread, however little it is: a disk that stands still must not stop it.
   */
  write(position: number, chunks: readonly Uint8Array[], beside?: boolean): Promise<void>;
  /** fdatasync: when it resolves, every write that finished before the call is durable. */
  sync(): Promise<void>;
  /**
   * `write` of one chunk and `sync` before it returns, where the disk can: the caller's whole thread waits for the
   * disk meanwhile, so it is for small writes to a disk known to be quick.
   * @throws DiskError
   */
  writeDurablyNow?(position: number, bytes: Uint8Array): void;
  size(): Promise<number>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/** Files below the data directory. Paths are absolute or relative to the process, never to a room. */
export interface Disk {
  /**
   * @param grows it is only written where it ends, or where nothing but zeroes follows: `writeDurablyNow` may put zeroes
   *   behind what it writes, up to the end of a block.
   */
  open(path: string, mode: "read" | "readwrite" | "create", grows?: boolean): Promise<DiskFile>;
  /** Whole file, or undefined where there is none. */
  readFile(path: string): Promise<Uint8Array | undefined>;
  /** Replaces the file in one step: temporary file, fsync, rename, fsync of the directory. */
  writeFileAtomic(path: string, bytes: Uint8Array, mode?: number): Promise<void>;
  /** Names in a directory, sorted; empty where there is none. */
  list(path: string): Promise<readonly string[]>;
  makeDir(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a whole directory; absent is fine. */
  remove(path: string): Promise<void>;
  /** Makes names created, renamed or removed in this directory durable. */
  syncDir(path: string): Promise<void>;
}

/** A failed disk operation: says which file and what was tried. `code` is the system's (`ENOSPC`, `EIO`). */
export class DiskError extends Error {
  override readonly name = "DiskError";
  readonly path: string;
  readonly code: string;

  constructor(operation: string, path: string, code: string, cause?: unknown) {
    super(`${operation} ${path}: ${code}`, cause === undefined ? undefined : { cause });
    this.path = path;
    this.code = code;
  }
}

/** A TCP-like byte stream. `onData` etc. are set once, right after the stream is handed over. */
export interface Stream {
  readonly remoteAddress: string;
  readonly localAddress: string;
  onData: (chunk: Uint8Array) => void;
  /** The peer has sent all it will. */
  onEnd: () => void;
  /** Nothing more will happen on this stream; `error` is undefined for an orderly end. */
  onClose: (error?: Error) => void;
  /** @returns false when the peer is slow: stop until `onDrain`. */
  write(chunk: Uint8Array): boolean;
  onDrain: () => void;
  /**
   * No more `onData` until `resume`, so that a peer that sends faster than the disk writes must wait. Some bytes may
   * still come. Absent where the bytes held are bounded in another way.
   */
  pause?(): void;
  resume?(): void;
  end(): void;
  destroy(): void;
}

export interface Listener {
  /** Address as bound, with the port the system chose when 0 was asked for. */
  readonly address: { readonly host: string; readonly port: number };
  close(): Promise<void>;
}

export interface UdpSocket extends Listener {
  /** Never throws, whatever a peer says of where it is: what cannot be sent is lost, like any other packet. */
  send(packet: Uint8Array, port: number, host: string): void;
}

export interface Network {
  listenTcp(host: string, port: number, onStream: (stream: Stream) => void): Promise<Listener>;
  connectTcp(host: string, port: number, timeoutMs: number): Promise<Stream>;
  bindUdp(
    host: string,
    port: number,
    onPacket: (packet: Uint8Array, fromPort: number, fromHost: string) => void,
  ): Promise<UdpSocket>;
}

export interface Runtime {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly rng: Rng;
  readonly disk: Disk;
  readonly network: Network;
}
