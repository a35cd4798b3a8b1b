/** Files in a directory, written piece by piece. A file appears under its name when all of it is there, or not at all. */
import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

export const CHUNK_BYTES_MAX = 1024 * 1024;
export const FILE_BYTES_MAX = 1024 * 1024 * 1024;
export const UPLOADS_MAX = 64;
/** No slash and no leading dot: a name cannot lead out of the directory, nor to an unfinished upload. */
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/;

/** What the caller did wrong, with the status that says so. */
export class Refusal extends Error {
  readonly status: number;
  /** Bytes that are there, for who wants to go on from them. */
  readonly received: number | undefined;

  constructor(status: number, message: string, received?: number) {
    super(message);
    this.status = status;
    this.received = received;
  }
}

interface Upload {
  readonly name: string;
  readonly path: string;
  readonly file: FileHandle;
  readonly hash: ReturnType<typeof createHash>;
  received: number;
  /** Chunks of one upload are written one after another. */
  isBusy: boolean;
}

export class Storage {
  readonly #directory: string;
  readonly #uploads = new Map<string, Upload>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Unfinished uploads of an earlier run are thrown away: nobody knows their hash any more. */
  static async open(directory: string): Promise<Storage> {
    await mkdir(directory, { recursive: true });
    for (const name of await readdir(directory)) if (name.startsWith(".")) await rm(join(directory, name));
    return new Storage(directory);
  }

  /** Whether a file could be stored now. */
  async check(): Promise<void> {
    const path = join(this.#directory, `.check-${randomUUID()}`);
    await (await open(path, "wx")).close();
    await rm(path);
  }

  async begin(name: string): Promise<string> {
    if (!NAME.test(name)) throw new Refusal(400, "A name has letters, digits, '.', '_' and '-', and no leading '.'");
    if (this.#uploads.size >= UPLOADS_MAX) throw new Refusal(503, "Too many uploads at a time");
    const id = randomUUID();
    const path = join(this.#directory, `.upload-${id}`);
    const file = await open(path, "wx");
    this.#uploads.set(id, { name, path, file, hash: createHash("sha256"), received: 0, isBusy: false });
    return id;
  }

  received(id: string): number {
    return this.#upload(id).received;
  }

  /** @returns bytes that are there now */
  async append(id: string, offset: number, chunk: Uint8Array): Promise<number> {
    const upload = this.#upload(id);
    if (upload.isBusy) throw new Refusal(409, "Another chunk is being written", upload.received);
    if (offset !== upload.received) throw new Refusal(409, "This is not the next chunk", upload.received);
    if (offset + chunk.length > FILE_BYTES_MAX) throw new Refusal(413, `A file has at most ${FILE_BYTES_MAX} bytes`);
    upload.isBusy = true;
    try {
      await upload.file.write(chunk, 0, chunk.length, offset);
      upload.hash.update(chunk);
      upload.received += chunk.length;
    } finally {
      upload.isBusy = false;
    }
    return upload.received;
  }

  /** Makes it a file, on the disk before this resolves, if it is what the caller has sent. */
  async finish(id: string, sha256: string): Promise<{ name: string; bytes: number }> {
    const upload = this.#upload(id);
    if (upload.isBusy) throw new Refusal(409, "A chunk is being written", upload.received);
    this.#uploads.delete(id);
    const isWhole = upload.hash.digest("hex") === sha256;
    if (isWhole) await upload.file.sync();
    await upload.file.close();
    if (!isWhole) {
      await rm(upload.path);
      throw new Refusal(422, "The hash is another one: not all arrived as it was sent");
    }
    await rename(upload.path, join(this.#directory, upload.name));
    return { name: upload.name, bytes: upload.received };
  }

  async names(): Promise<string[]> {
    return (await readdir(this.#directory)).filter((name) => NAME.test(name)).sort();
  }

  /** @returns path and size */
  async find(name: string): Promise<{ path: string; bytes: number }> {
    const path = join(this.#directory, name);
    const found = NAME.test(name) ? await stat(path).catch(() => undefined) : undefined;
    if (found?.isFile() !== true) throw new Refusal(404, "There is no such file");
    return { path, bytes: found.size };
  }

  async close(): Promise<void> {
    for (const { file, path } of this.#uploads.values()) {
      await file.close();
      await rm(path);
    }
    this.#uploads.clear();
  }

  #upload(id: string): Upload {
    const upload = this.#uploads.get(id);
    if (upload === undefined) throw new Refusal(404, "There is no such upload");
    return upload;
  }
}
