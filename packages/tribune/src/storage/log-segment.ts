import type { Disk, DiskFile } from "../lib/runtime.ts";

/** One file of the log. Its name carries what is needed to check its first byte: number and salt. */
export interface SegmentName {
  /** Ascending without gaps from one segment to the next. */
  readonly number: number;
  /** Where the CRC of its frames starts: random, so that no stranger's bytes fit. */
  readonly salt: number;
}

const NAME = /^(\d{10})-([0-9a-f]{8})\.wal$/;

export function segmentFileName({ number, salt }: SegmentName): string {
  return `${String(number).padStart(10, "0")}-${salt.toString(16).padStart(8, "0")}.wal`;
}

/** undefined for a file that is none of the log's. */
export function parseSegmentName(fileName: string): SegmentName | undefined {
  const match = NAME.exec(fileName);
  return match ? { number: Number(match[1]), salt: Number.parseInt(match[2]!, 16) } : undefined;
}

/**
 * A segment on disk: where it starts in the log, and its file, opened when first read and kept open until the
 * segment is retired. Reads may be under way then: the last one closes.
 */
export class Segment implements SegmentName {
  readonly number: number;
  readonly salt: number;
  readonly path: string;
  /** Index the next entry had when the segment was started; known once its first frame is read or written. */
  nextIndex = 0;
  readonly #disk: Disk;
  #file: Promise<DiskFile> | undefined;
  #users = 0;
  #retired = false;

  constructor(disk: Disk, path: string, name: SegmentName) {
    this.number = name.number;
    this.salt = name.salt;
    this.path = path;
    this.#disk = disk;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    this.#users++;
    try {
      const bytes = await (await this.#open()).read(offset, length);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    } finally {
      this.#users--;
      if (this.#retired) await this.#closeIfIdle();
    }
  }

  /** Closes the file as soon as nobody reads it. */
  async retire(): Promise<void> {
    this.#retired = true;
    await this.#closeIfIdle();
  }

  async #open(): Promise<DiskFile> {
    this.#file ??= this.#disk.open(this.path, "read");
    try {
      return await this.#file;
    } catch (error) {
      this.#file = undefined; // the next read tries again
      throw error;
    }
  }

  async #closeIfIdle(): Promise<void> {
    if (this.#users > 0 || this.#file === undefined) return;
    const file = this.#file;
    this.#file = undefined;
    await (await file).close();
  }
}
