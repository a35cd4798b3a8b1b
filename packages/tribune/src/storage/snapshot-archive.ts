import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import { pipeline, Readable } from "node:stream";
import { constants, createGunzip, createGzip, deflateRawSync, type ZlibOptions } from "node:zlib";
import { crc32, crc32Joined } from "../codec/crc32.ts";
import {
  decodeSnapshotMeta,
  encodeSnapshotMeta,
  type SnapshotMeta,
  SnapshotMetaError,
} from "../codec/snapshot-meta.ts";
import {
  decodeTarHeader,
  encodeTarHeader,
  TAR_BLOCK_BYTES,
  TAR_END,
  TAR_FILE_BYTES_MAX,
  TarError,
  type TarMember,
  tarPadding,
} from "../codec/snapshot-tar.ts";
import { invariant } from "../lib/invariant.ts";

/** An archive that is damaged or is none. The text is Consul's where Consul has one: clients see it. */
export class SnapshotArchiveError extends Error {
  override readonly name = "SnapshotArchiveError";
}

/** Bounds on what an archive may unpack to; a few bytes of gzip can announce anything. */
export interface SnapshotArchiveLimits {
  readonly stateBytesMax: number;
  readonly metaBytesMax: number;
}

const LIMITS: SnapshotArchiveLimits = { stateBytesMax: TAR_FILE_BYTES_MAX, metaBytesMax: 1_024 * 1_024 };
const SUMS_BYTES_MAX = 4_096;
const GZIP_HEADER_BYTES = 10;
const GZIP_TRAILER_BYTES = 8;
/** Deflate, no name, no time, fastest, system unknown (RFC 1952 §2.3). */
const GZIP_HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255);
/** Hashing and compressing are done in pieces of this size, so that no turn of the event loop is long. */
const SLICE_BYTES = 256 * 1_024;
/** The fastest: a third of the default's time for an archive that is little longer. */
const GZIP_LEVEL = 1;
/**
 * A window of 4 KiB holds enough records to find their like, and with a table twice the usual one it takes half of the
 * time: all of it stays in the processor's cache. Archives come out no longer.
 */
const GZIP_WINDOW_BITS = 12;
const GZIP_MEMORY_LEVEL = 9;

/** What is compressed by itself, and how many of them are under way: other threads work while this one makes the next. */
const BLOCK_BYTES = 1_024 * 1_024;
const BLOCKS_MAX = 3;
const GZIP_OPTIONS: ZlibOptions = {
  level: GZIP_LEVEL,
  windowBits: GZIP_WINDOW_BITS,
  memLevel: GZIP_MEMORY_LEVEL,
  chunkSize: 64 * 1_024,
};

/**
 * A snapshot as Consul's `snapshot save` answers it: gzip of a tar of meta.json, state.bin and SHA256SUMS
 * (sheet snapshot §1). The tar says the state's length in front of it, which is known when the state has been made:
 * it is compressed meanwhile, and waits compressed. What stands before and behind it is put around: blocks of deflate
 * that begin afresh and end on a byte can be joined (RFC 1951 §2.3).
 *
 * @throws TarError, from the iteration, for a state that no tar can hold; and whatever `state` throws.
 */
export async function* writeSnapshotArchive(
  meta: Omit<SnapshotMeta, "sizeBytes">,
  state: AsyncIterable<Uint8Array>,
  unixMs: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const mtimeSeconds = Math.floor(unixMs / 1_000);
  const { packed, sizeBytes, sum, crc } = await packState(state);
  const { crc: _, ...archived } = { ...meta, sizeBytes }; // the archive has SHA-256 sums instead
  const metaBytes = Buffer.from(encodeSnapshotMeta(archived));
  const stateHeader = encodeTarHeader({ name: "state.bin", sizeBytes }, mtimeSeconds);
  const head = Buffer.concat([...tarFile("meta.json", metaBytes, mtimeSeconds), stateHeader]);
  yield GZIP_HEADER;
  yield deflateRawSync(head, { level: GZIP_LEVEL, finishFlush: constants.Z_SYNC_FLUSH });
  yield* packed;
  const metaSum = createHash("sha256").update(metaBytes).digest("hex");
  const sums = Buffer.from(`${metaSum}  meta.json\n${sum}  state.bin\n`);
  const end = [new Uint8Array(tarPadding(sizeBytes)), ...tarFile("SHA256SUMS", sums, mtimeSeconds), TAR_END];
  const tail = Buffer.concat(end);
  yield deflateRawSync(tail, { level: GZIP_LEVEL });
  const before = crc32Joined(crc32(head), crc, sizeBytes);
  const trailer = Buffer.alloc(GZIP_TRAILER_BYTES);
  trailer.writeUInt32LE(crc32Joined(before, crc32(tail), tail.length), 0);
  trailer.writeUInt32LE((head.length + sizeBytes + tail.length) % 2 ** 32, 4);
  yield trailer;
}

/** What zlib ends a member with whose data were flushed to a byte before: an empty last block, CRC-32 and length. */
const GZIP_END_BYTES = 2 + GZIP_TRAILER_BYTES;

interface Packed {
  readonly pieces: readonly Uint8Array[];
  readonly sizeBytes: number;
  readonly crc: number;
}

/** Compresses the state as it comes. @returns its blocks of deflate, its length, its SHA-256 and its CRC-32. */
async function packState(state: AsyncIterable<Uint8Array>): Promise<{
  readonly packed: readonly Uint8Array[];
  readonly sizeBytes: number;
  readonly sum: string;
  readonly crc: number;
}> {
  const hash = createHash("sha256");
  const packed: Uint8Array[] = [];
  let sizeBytes = 0;
  let crc = 0;
  const add = (part: Packed): void => {
    packed.push(...part.pieces);
    crc = crc32Joined(crc, part.crc, part.sizeBytes);
    sizeBytes += part.sizeBytes;
  };
  const underWay: Promise<Packed>[] = [];
  let block: Uint8Array[] = [];
  let blockBytes = 0;
  for await (const chunk of state) {
    for (const slice of slices(chunk)) {
      hash.update(slice);
      block.push(slice);
      blockBytes += slice.length;
    }
    if (blockBytes < BLOCK_BYTES) continue;
    underWay.push(pack(block));
    [block, blockBytes] = [[], 0];
    if (underWay.length > BLOCKS_MAX - 1) add(await (underWay.shift() as Promise<Packed>));
  }
  underWay.push(pack(block));
  for (const part of underWay) add(await part);
  return { packed, sizeBytes, sum: hash.digest("hex"), crc };
}

/** One block, off this thread. It makes the CRC-32 as well. */
async function pack(slices: readonly Uint8Array[]): Promise<Packed> {
  const gzip = createGzip(GZIP_OPTIONS);
  const pieces: Uint8Array[] = [];
  gzip.on("data", (piece: Uint8Array) => void pieces.push(piece));
  let sizeBytes = 0;
  for (const slice of slices) {
    sizeBytes += slice.length;
    gzip.write(slice);
  }
  await new Promise<void>((resolve) => gzip.flush(constants.Z_SYNC_FLUSH, resolve));
  gzip.end();
  await once(gzip, "end");
  const last = Buffer.concat(pieces.splice(-2)); // the end may lie across two
  const end = last.length - GZIP_END_BYTES;
  invariant(last[end] === 3 && last[end + 1] === 0, "zlib did not end with an empty block");
  pieces.push(last.subarray(0, end));
  pieces[0] = (pieces[0] as Uint8Array).subarray(GZIP_HEADER_BYTES);
  return { pieces, sizeBytes, crc: last.readUInt32LE(end + 2) };
}

function* tarFile(name: string, bytes: Uint8Array, mtimeSeconds: number): Generator<Uint8Array, void, undefined> {
  yield encodeTarHeader({ name, sizeBytes: bytes.length }, mtimeSeconds);
  yield bytes;
  yield new Uint8Array(tarPadding(bytes.length));
}

function* slices(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < chunk.length; at += SLICE_BYTES) yield chunk.subarray(at, at + SLICE_BYTES);
}

/**
 * Reads an archive and checks all of it. `onState` gets state.bin piece by piece, each once the one before is
 * taken; what it got counts only when this resolves, since the sums come last.
 *
 * @throws SnapshotArchiveError with Consul's text; and whatever `source` or `onState` throws.
 */
export async function readSnapshotArchive(
  source: AsyncIterable<Uint8Array>,
  onState: (chunk: Uint8Array) => void | Promise<void>,
  limits: SnapshotArchiveLimits = LIMITS,
): Promise<SnapshotMeta> {
  const bytes = new ByteSource(gunzipped(source));
  try {
    const meta = await readMembers(bytes, onState, limits);
    const extra = await bytes.drain();
    if (extra !== 0) throw new SnapshotArchiveError(`${extra} unread uncompressed bytes remain`);
    return meta;
  } finally {
    await bytes.close();
  }
}

async function readMembers(
  bytes: ByteSource,
  onState: (chunk: Uint8Array) => void | Promise<void>,
  limits: SnapshotArchiveLimits,
): Promise<SnapshotMeta> {
  let meta: SnapshotMeta | undefined;
  let stateBytes = 0;
  let sums = "";
  const hashes = new Map([
    ["meta.json", createHash("sha256")],
    ["state.bin", createHash("sha256")],
  ]);
  for (let member = await nextMember(bytes); member !== undefined; member = await nextMember(bytes)) {
    const { name, sizeBytes } = member;
    if (name === "meta.json") {
      const text = await readSmall(bytes, member, limits.metaBytesMax);
      hashes.get(name)!.update(text);
      meta = parseMeta(text.toString());
    } else if (name === "state.bin") {
      checkSize(member, limits.stateBytesMax);
      await readState(bytes, sizeBytes, hashes.get(name)!, onState);
      stateBytes += sizeBytes;
    } else if (name === "SHA256SUMS") {
      sums += (await readSmall(bytes, member, SUMS_BYTES_MAX)).toString("latin1");
    } else {
      throw unreadable(`unexpected file ${JSON.stringify(name)} in snapshot`);
    }
    await bytes.read(tarPadding(sizeBytes));
  }
  checkSums(sums, hashes);
  if (meta === undefined) throw unreadable('file missing for "meta.json"');
  if (meta.sizeBytes !== stateBytes)
    throw unreadable(`snapshot size didn't match (${stateBytes} != ${meta.sizeBytes})`);
  return meta;
}

async function nextMember(bytes: ByteSource): Promise<TarMember | undefined> {
  const block = await bytes.readOrEnd(TAR_BLOCK_BYTES);
  if (block === undefined) return undefined;
  try {
    const member = decodeTarHeader(block);
    if (member === undefined) {
      const second = await bytes.readOrEnd(TAR_BLOCK_BYTES);
      if (second !== undefined && decodeTarHeader(second) !== undefined)
        throw new TarError("archive/tar: invalid tar header");
    }
    return member;
  } catch (error) {
    if (error instanceof TarError) throw unreadable(`failed reading snapshot: ${error.message}`);
    throw error;
  }
}

async function readState(
  bytes: ByteSource,
  sizeBytes: number,
  hash: Hash,
  onState: (chunk: Uint8Array) => void | Promise<void>,
): Promise<void> {
  for (let left = sizeBytes; left > 0; ) {
    const chunk = await bytes.readSome(Math.min(left, SLICE_BYTES));
    hash.update(chunk);
    await onState(chunk);
    left -= chunk.length;
  }
}

function checkSize(member: TarMember, bytesMax: number): void {
  if (member.sizeBytes > bytesMax)
    throw unreadable(`${member.name} has ${member.sizeBytes} bytes, and at most ${bytesMax} are accepted`);
}

async function readSmall(bytes: ByteSource, member: TarMember, bytesMax: number): Promise<Buffer> {
  checkSize(member, bytesMax);
  return bytes.read(member.sizeBytes);
}

function parseMeta(text: string): SnapshotMeta {
  try {
    return decodeSnapshotMeta(text);
  } catch (error) {
    if (error instanceof SnapshotMetaError) throw unreadable(`failed to decode snapshot metadata: ${error.message}`);
    throw error;
  }
}

function checkSums(sums: string, hashes: ReadonlyMap<string, Hash>): void {
  const integrity = (finding: string): SnapshotArchiveError =>
    unreadable(`failed checking integrity of snapshot: ${finding}`);
  const digests = new Map([...hashes].map(([name, hash]) => [name, hash.digest("hex")]));
  const seen = new Set<string>();
  for (const line of sums.split("\n")) {
    if (line === "") continue;
    const [, sum, name] = /^([0-9a-fA-F]+)\s+(\S+)/.exec(line) ?? [];
    if (sum === undefined || name === undefined) throw integrity("input does not match format");
    const digest = digests.get(name);
    if (digest === undefined) throw integrity(`list missing hash for ${JSON.stringify(name)}`);
    if (digest !== sum.toLowerCase()) throw integrity(`hash check failed for ${JSON.stringify(name)}`);
    seen.add(name);
  }
  for (const name of digests.keys()) {
    if (!seen.has(name)) throw integrity(`file missing for ${JSON.stringify(name)}`);
  }
}

function unreadable(finding: string): SnapshotArchiveError {
  return new SnapshotArchiveError(`failed to read snapshot file: ${finding}`);
}

/** Unpacks, and turns zlib's complaints into the texts of Go's. */
async function* gunzipped(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const gunzip = createGunzip({ chunkSize: 64 * 1_024 });
  let fedBytes = 0;
  let sourceFailure: { error: unknown } | undefined;
  async function* counted(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of source) {
        fedBytes += chunk.length;
        yield chunk;
      }
    } catch (error) {
      sourceFailure = { error };
      throw error;
    }
  }
  pipeline(Readable.from(counted(), { objectMode: true }), gunzip, () => {}); // reported by the iteration
  let started = false;
  try {
    for await (const chunk of gunzip) {
      started = true;
      yield chunk;
    }
  } catch (error) {
    if (sourceFailure !== undefined) throw sourceFailure.error;
    throw gzipError(error, started, fedBytes);
  }
  // zlib passes over zero bytes behind the end; Go does not.
  if (gunzip.bytesWritten !== fedBytes) throw unreadable("failed reading snapshot: gzip: invalid header");
}

function gzipError(error: unknown, started: boolean, fedBytes: number): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== "Z_DATA_ERROR" && code !== "Z_BUF_ERROR") return error;
  if (fedBytes === 0) return new SnapshotArchiveError("failed to decompress snapshot: EOF");
  const message = (error as Error).message;
  if (!started && message === "incorrect header check") {
    // Go reads the whole header before it looks at it.
    const reason = fedBytes < GZIP_HEADER_BYTES ? "unexpected EOF" : "gzip: invalid header";
    return new SnapshotArchiveError(`failed to decompress snapshot: ${reason}`);
  }
  const reason = code === "Z_BUF_ERROR" ? "unexpected EOF" : `gzip: ${message}`;
  return unreadable(`failed reading snapshot: ${reason}`);
}

/** Bytes of a stream in the sizes asked for. */
class ByteSource {
  readonly #source: AsyncGenerator<Uint8Array, void, undefined>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncGenerator<Uint8Array, void, undefined>) {
    this.#source = source;
  }

  /** Between 1 and `bytesMax` bytes. */
  async readSome(bytesMax: number): Promise<Uint8Array> {
    if (!(await this.#fill())) throw unreadable("failed reading snapshot: unexpected EOF");
    const some = this.#rest.subarray(0, bytesMax);
    this.#rest = this.#rest.subarray(some.length);
    return some;
  }

  async read(byteCount: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(byteCount);
    for (let filled = 0; filled < byteCount; ) {
      const some = await this.readSome(byteCount - filled);
      bytes.set(some, filled);
      filled += some.length;
    }
    return bytes;
  }

  /** undefined where the stream ends before the first byte. */
  async readOrEnd(byteCount: number): Promise<Buffer | undefined> {
    return (await this.#fill()) ? this.read(byteCount) : undefined;
  }

  /** Reads to the end, which is where gzip checks its own sum, and counts. */
  async drain(): Promise<number> {
    let count = 0;
    while (await this.#fill()) {
      count += this.#rest.length;
      this.#rest = new Uint8Array(0);
    }
    return count;
  }

  async close(): Promise<void> {
    await this.#source.return();
  }

  async #fill(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await this.#source.next();
      if (next.done) return false;
      this.#rest = next.value;
    }
    return true;
  }
}
