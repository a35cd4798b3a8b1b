/**
 * Reads Consul's snapshot archives: a gzipped tar of `meta.json`, `state.bin` and `SHA256SUMS`. The state is never
 * held in memory as a whole; it passes through as chunks.
 */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createGunzip } from "node:zlib";

export interface SnapshotMeta {
  readonly ID: string;
  readonly Size: number;
  readonly Index: number;
  readonly Term: number;
  readonly Version: number;
}

/** The archive is damaged or none at all; the message is Consul's. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
}

const TAR_BLOCK_BYTES = 512;
/** `meta.json` and `SHA256SUMS` are a few hundred bytes; more is no snapshot. */
const SMALL_FILE_BYTES_MAX = 1 << 20;
const GZIP_HEADER_BYTES = 10;

/**
 * Reads a whole archive and checks its sums.
 *
 * @param onState gets `state.bin` in order; what it throws ends the reading.
 * @throws ArchiveError
 */
export async function readArchive(path: string, onState: (chunk: Buffer) => void = () => {}): Promise<SnapshotMeta> {
  await checkGzipHeader(path);
  const input = createReadStream(path).pipe(createGunzip());
  const reader = new ByteReader(input);
  try {
    return await readTar(reader, onState);
  } catch (error) {
    if (error instanceof ArchiveError) throw error;
    throw new ArchiveError(`failed to read snapshot file: ${(error as Error).message}`, { cause: error });
  } finally {
    input.destroy();
  }
}

async function checkGzipHeader(path: string): Promise<void> {
  const file = await open(path);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(GZIP_HEADER_BYTES), 0, GZIP_HEADER_BYTES, 0);
    const why = bytesRead === 0 ? "EOF" : bytesRead < GZIP_HEADER_BYTES ? "unexpected EOF" : undefined;
    if (why !== undefined) throw new ArchiveError(`failed to decompress snapshot: ${why}`);
    if (buffer[0] !== 0x1f || buffer[1] !== 0x8b)
      throw new ArchiveError("failed to decompress snapshot: gzip: invalid header");
  } finally {
    await file.close();
  }
}

async function readTar(reader: ByteReader, onState: (chunk: Buffer) => void): Promise<SnapshotMeta> {
  const hashes: Readonly<Record<string, Hash>> = {
    "meta.json": createHash("sha256"),
    "state.bin": createHash("sha256"),
  };
  let meta: SnapshotMeta | undefined;
  let sums = "";
  for (;;) {
    const header = await reader.take(TAR_BLOCK_BYTES);
    if (header === undefined || header.every((byte) => byte === 0)) break;
    const name = header.toString("utf8", 0, 100).split("\0")[0] ?? "";
    const size = Number.parseInt(header.toString("latin1", 124, 136), 8);
    if (!Number.isSafeInteger(size)) throw new ArchiveError("failed reading snapshot: archive/tar: invalid tar header");
    if (name === "state.bin") {
      await reader.each(size, (chunk) => {
        hashes[name]?.update(chunk);
        onState(chunk);
      });
    } else {
      if (size > SMALL_FILE_BYTES_MAX) throw new ArchiveError(`unexpected file ${JSON.stringify(name)} in snapshot`);
      const bytes = await reader.exactly(size);
      hashes[name]?.update(bytes);
      if (name === "meta.json") meta = JSON.parse(bytes.toString()) as SnapshotMeta;
      else if (name === "SHA256SUMS") sums = bytes.toString();
      else throw new ArchiveError(`unexpected file ${JSON.stringify(name)} in snapshot`);
    }
    await reader.exactly((TAR_BLOCK_BYTES - (size % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES);
  }
  await reader.drain(); // zlib checks its own sum only at the end
  checkSums(sums, hashes);
  if (meta === undefined) throw new ArchiveError('failed checking integrity of snapshot: file missing for "meta.json"');
  return meta;
}

function checkSums(sums: string, hashes: Readonly<Record<string, Hash>>): void {
  const wanted = new Map(
    sums.split("\n").flatMap((line) => {
      const [, hex, name] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
      return hex === undefined || name === undefined ? [] : [[name, hex] as const];
    }),
  );
  for (const [name, hash] of Object.entries(hashes)) {
    const hex = wanted.get(name);
    const fault = hex === undefined ? "file missing" : hex === hash.digest("hex") ? undefined : "hash check failed";
    if (fault !== undefined) {
      throw new ArchiveError(`failed checking integrity of snapshot: ${fault} for ${JSON.stringify(name)}`);
    }
  }
}

/** Cuts a stream of chunks into the pieces asked for. */
class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: AsyncIterable<Buffer>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** @returns undefined when the stream ended before the first byte. */
  async take(count: number): Promise<Buffer | undefined> {
    const pieces: Buffer[] = [];
    let missing = count;
    while (missing > 0) {
      if (this.#rest.length === 0 && !(await this.#more())) break;
      const piece = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(piece.length);
      pieces.push(piece);
      missing -= piece.length;
    }
    if (missing === 0) return Buffer.concat(pieces);
    if (missing === count) return undefined;
    throw new ArchiveError("failed reading snapshot: unexpected EOF");
  }

  async exactly(count: number): Promise<Buffer> {
    const bytes = count === 0 ? Buffer.alloc(0) : await this.take(count);
    if (bytes === undefined) throw new ArchiveError("failed reading snapshot: unexpected EOF");
    return bytes;
  }

  async each(count: number, use: (chunk: Buffer) => void): Promise<void> {
    for (let missing = count; missing > 0; ) {
      if (this.#rest.length === 0 && !(await this.#more())) {
        throw new ArchiveError("failed reading snapshot: unexpected EOF");
      }
      const piece = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(piece.length);
      missing -= piece.length;
      use(piece);
    }
  }

  async drain(): Promise<void> {
    this.#rest = Buffer.alloc(0);
    while (await this.#more()) this.#rest = Buffer.alloc(0);
  }

  async #more(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done === true) return false;
    this.#rest = next.value;
    return true;
  }
}
