/**
 * The little of tar that a snapshot archive is made of: plain files, in the form Go's writer gives them
 * (POSIX ustar). Nothing else is written, and nothing else is accepted.
 */
export const TAR_BLOCK_BYTES = 512;
/** Two empty blocks end an archive. Consul refuses a byte more, so there is no padding to a larger record. */
export const TAR_END: Uint8Array = new Uint8Array(2 * TAR_BLOCK_BYTES);
/** Largest size in eleven octal digits. */
export const TAR_FILE_BYTES_MAX = 8 ** 11 - 1;

export interface TarMember {
  readonly name: string;
  readonly sizeBytes: number;
}

/** A header that is none, or says something that a snapshot archive never says. */
export class TarError extends Error {
  override readonly name = "TarError";
}

const NAME_BYTES = 100;
const FIELD = { mode: 100, uid: 108, gid: 116, size: 124, mtime: 136, checksum: 148, type: 156, magic: 257 } as const;
const DEVICE_FIELDS = [329, 337] as const;
const PREFIX = 345;
const PREFIX_BYTES = 155;
const TYPE_FILE = "0".charCodeAt(0);

/** One block. `name` is ASCII and at most 100 characters. */
export function encodeTarHeader({ name, sizeBytes }: TarMember, mtimeSeconds: number): Uint8Array {
  const block = Buffer.alloc(TAR_BLOCK_BYTES);
  block.write(name, 0, NAME_BYTES, "latin1");
  putOctal(block, FIELD.mode, 7, 0o600);
  putOctal(block, FIELD.uid, 7, 0);
  putOctal(block, FIELD.gid, 7, 0);
  putOctal(block, FIELD.size, 11, sizeBytes);
  putOctal(block, FIELD.mtime, 11, mtimeSeconds);
  block[FIELD.type] = TYPE_FILE;
  block.write("ustar\x0000", FIELD.magic, "latin1");
  for (const at of DEVICE_FIELDS) putOctal(block, at, 7, 0);
  block.write(`${checksum(block).toString(8).padStart(6, "0")}\x00 `, FIELD.checksum, "latin1");
  return block;
}

/** Zeroes between a file of this size and the next header. */
export function tarPadding(sizeBytes: number): number {
  return (TAR_BLOCK_BYTES - (sizeBytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES;
}

/**
 * @returns undefined for the empty block that ends an archive.
 * @throws TarError
 */
export function decodeTarHeader(bytes: Uint8Array): TarMember | undefined {
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (block.every((byte) => byte === 0)) return undefined;
  if (octal(block, FIELD.checksum, 8) !== checksum(block)) throw new TarError("archive/tar: invalid tar header");
  const type = block[FIELD.type];
  if (type !== TYPE_FILE && type !== 0)
    throw new TarError(`a member of type ${JSON.stringify(String.fromCharCode(type!))}`);
  const hasPrefix = block.toString("latin1", FIELD.magic, FIELD.magic + 6) === "ustar\x00";
  const prefix = hasPrefix ? cString(block, PREFIX, PREFIX_BYTES) : "";
  const name = cString(block, 0, NAME_BYTES);
  return { name: prefix === "" ? name : `${prefix}/${name}`, sizeBytes: octal(block, FIELD.size, 12) };
}

function putOctal(block: Buffer, at: number, digits: number, value: number): void {
  block.write(value.toString(8).padStart(digits, "0"), at, digits, "latin1");
}

/** The base-256 form of sizes that octal digits cannot hold is refused like any other text: such a state is over every limit. */
function octal(block: Buffer, at: number, length: number): number {
  const digits = cString(block, at, length).trim();
  if (!/^[0-7]{1,11}$/.test(digits)) throw new TarError("archive/tar: invalid tar header");
  return Number.parseInt(digits, 8);
}

function cString(block: Buffer, at: number, length: number): string {
  const end = block.indexOf(0, at);
  return block.toString("latin1", at, end < 0 || end > at + length ? at + length : end);
}

/** Sum of all bytes, those of the checksum itself counted as spaces. */
function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let at = 0; at < block.length; at++) {
    if (at < FIELD.checksum || at >= FIELD.checksum + 8) sum += block[at]!;
  }
  return sum;
}
