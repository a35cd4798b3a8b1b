import { createHash } from "node:crypto";
import { JsonShapeError } from "@tribune/api";
import { stringifyGo } from "../../../lib/go-json.ts";
import type { Logger } from "../../../lib/log.ts";
import type { Disk } from "../../../lib/runtime.ts";
import { type Change, type Registration, readConsulFile, writeConsulFile } from "./records.ts";

const DIRECTORIES = { service: "services", check: "checks", checkState: "checks/state" } as const;
type Kind = keyof typeof DIRECTORIES;
/** What files are named by: of the ID, MD5 by old versions. */
const HASHES = ["sha256", "md5"] as const;
/** Not a temporary file, nor the directory of the states. */
const FILE_NAME = /^[0-9a-f]{32,64}$/;
/** Files read or written before the event loop gets its turn. */
const AT_ONCE = 32;

interface File {
  readonly kind: Kind;
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface Found {
  readonly changes: readonly Change[];
  /** Whether there is a file about this that cannot be read. */
  isUnreadable(kind: Kind, id: string): boolean;
}

/** The registrations in a Consul agent's data directory: one JSON file each, named by a hash of the ID. */
export class ConsulLayout {
  readonly #dataDir: string;
  readonly #disk: Disk;
  readonly #logger: Logger;

  constructor(dataDir: string, { disk, logger }: { readonly disk: Disk; readonly logger: Logger }) {
    this.#dataDir = dataDir;
    this.#disk = disk;
    this.#logger = logger;
  }

  /** What is in the files. One that cannot be read is reported and skipped, as Consul does. */
  async read(): Promise<Found> {
    const changes: Change[] = [];
    const unreadable = new Set<string>();
    for (const { kind, path, bytes } of await this.#files()) {
      try {
        changes.push(readConsulFile(kind, JSON.parse(Buffer.from(bytes).toString())));
      } catch (error) {
        if (!(error instanceof SyntaxError || error instanceof JsonShapeError)) throw error;
        this.#logger.error("failed decoding a file of a Consul data directory", { file: path, error: error.message });
        unreadable.add(path);
      }
    }
    return {
      changes,
      isUnreadable: (kind, id) => HASHES.some((algorithm) => unreadable.has(this.#path(kind, id, algorithm))),
    };
  }

  /**
   * Makes the files say this and nothing else, for a Consul that is started next in this directory.
   * @returns `digest()` of what they hold now
   */
  async write(registrations: Iterable<Registration>): Promise<string> {
    const wanted = new Map<string, Uint8Array>();
    for (const change of registrations) {
      const { id, json } = writeConsulFile(change);
      wanted.set(this.#path(change.kind, id), Buffer.from(stringifyGo(json)));
    }
    const present = await this.#files();
    if (wanted.size === 0 && present.length === 0) return this.digest();
    for (const { path, bytes } of present) {
      const next = wanted.get(path);
      if (next !== undefined && Buffer.from(bytes).equals(next)) wanted.delete(path);
      // Also one that is written anew: what it said before must not come back when power fails.
      else await this.#disk.remove(path);
    }
    for (const directory of Object.values(DIRECTORIES)) await this.#disk.makeDir(`${this.#dataDir}/${directory}`);
    const writes = [...wanted];
    for (let at = 0; at < writes.length; at += AT_ONCE)
      await Promise.all(writes.slice(at, at + AT_ONCE).map(([path, bytes]) => this.#writeFile(path, bytes)));
    for (const directory of Object.values(DIRECTORIES)) await this.#disk.syncDir(`${this.#dataDir}/${directory}`);
    return this.digest();
  }

  /** Tells whether anybody, or a failure of power, has touched the files. */
  async digest(): Promise<string> {
    const hash = createHash("sha256");
    for (const { path, bytes } of await this.#files())
      hash.update(`${path.slice(this.#dataDir.length)} ${bytes.length} `).update(bytes);
    return hash.digest("hex");
  }

  async #files(): Promise<File[]> {
    const files: File[] = [];
    for (const kind of Object.keys(DIRECTORIES) as Kind[]) {
      const directory = `${this.#dataDir}/${DIRECTORIES[kind]}`;
      const names = (await this.#disk.list(directory)).filter((name) => FILE_NAME.test(name));
      for (let at = 0; at < names.length; at += AT_ONCE) {
        const read = names.slice(at, at + AT_ONCE).map(async (name) => {
          const path = `${directory}/${name}`;
          const bytes = await this.#disk.readFile(path);
          return bytes === undefined ? [] : [{ kind, path, bytes }];
        });
        files.push(...(await Promise.all(read)).flat());
      }
    }
    return files;
  }

  #path(kind: Kind, id: string, algorithm: (typeof HASHES)[number] = "sha256"): string {
    return `${this.#dataDir}/${DIRECTORIES[kind]}/${createHash(algorithm).update(id).digest("hex")}`;
  }

  /** Not flushed: what of it is not on the disk when power fails cannot be read, and the journal holds the same. */
  async #writeFile(path: string, bytes: Uint8Array): Promise<void> {
    const file = await this.#disk.open(path, "create");
    try {
      await file.write(0, [bytes]);
    } finally {
      await file.close();
    }
  }
}
