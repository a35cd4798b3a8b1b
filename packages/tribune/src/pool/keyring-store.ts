/** A pool's gossip keys, and the file that remembers them (sheet serf §4, Keyring). */
import { dirname } from "node:path";
import type { GossipEncryption } from "../codec/gossip-encryption.ts";
import { decodeKeyringFile, encodeKeyringFile, GossipKeyring, keyOfBase64 } from "../codec/gossip-keyring.ts";
import type { KeyAnswer, KeyOperation } from "../gossip/serf/types.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { Disk, Rng } from "../lib/runtime.ts";
import { gossipCipher } from "../net/gossip-crypto.ts";
import type { KeyringOptions } from "./options.ts";

/** Keys are for their owner alone. */
const FILE_MODE = 0o600;
const NOTHING = { keys: [], primaryKey: "" } as const;

export class KeyringStore {
  readonly #options: KeyringOptions | undefined;
  readonly #disk: Disk;
  readonly #rng: Rng;
  readonly #logger: Logger;
  #encryption: GossipEncryption | undefined;
  /** Operations one after the other: each ends with a file that says what it did. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: KeyringOptions | undefined, ports: { readonly disk: Disk; readonly rng: Rng }, logger: Logger) {
    this.#options = options;
    this.#disk = ports.disk;
    this.#rng = ports.rng;
    this.#logger = logger;
  }

  /** undefined: the pool speaks plaintext. */
  get encryption(): GossipEncryption | undefined {
    return this.#encryption;
  }

  /** @throws TribuneError for a bad key or file, DiskError */
  async load(): Promise<void> {
    if (this.#options === undefined) return;
    const { key, path } = this.#options;
    const file = path === undefined ? undefined : await this.#disk.readFile(path);
    if (file !== undefined) {
      const ring = decodeKeyringFile(Buffer.from(file).toString());
      this.#setRing(ring);
      if (key !== "" && !ring.keys.some((each) => Buffer.from(each).equals(Buffer.from(keyOfBase64(key)))))
        this.#logger.warn("keyring doesn't include key provided with -encrypt, using keyring", { file: path });
    } else if (key !== "") {
      this.#setRing(GossipKeyring.of(keyOfBase64(key)));
      await this.#save();
    }
  }

  #setRing(keyring: GossipKeyring): void {
    const { verifyIncoming, verifyOutgoing } = this.#options!;
    this.#encryption = { cipher: gossipCipher, keyring, rng: this.#rng, version: 1, verifyIncoming, verifyOutgoing };
  }

  async #save(): Promise<void> {
    const path = this.#options?.path;
    if (path === undefined || this.#encryption === undefined) return;
    await this.#disk.makeDir(dirname(path));
    await this.#disk.writeFileAtomic(path, Buffer.from(encodeKeyringFile(this.#encryption.keyring)), FILE_MODE);
  }

  /** Never rejects: what went wrong is in the answer, which goes to whoever asked. */
  apply(operation: KeyOperation, key: Uint8Array): Promise<KeyAnswer> {
    const answer = this.#last.then(() => this.#apply(operation, key));
    this.#last = answer;
    return answer;
  }

  async #apply(operation: KeyOperation, key: Uint8Array): Promise<KeyAnswer> {
    const ring = this.#encryption?.keyring;
    if (ring === undefined) {
      const what = operation === "list" ? "Keyring is empty" : "No keyring to modify";
      return this.#refused(`${what} (encryption not enabled)`);
    }
    if (operation === "list") {
      const keys = ring.keys.map((one) => Buffer.from(one).toString("base64"));
      return { result: true, message: "", keys, primaryKey: keys[0]! };
    }
    try {
      this.#setRing(ring[operation](key));
    } catch (error) {
      if (!(error instanceof TribuneError)) throw error;
      return this.#refused(error.message);
    }
    try {
      await this.#save();
      return { result: true, message: "", ...NOTHING };
    } catch (error) {
      // The key counts all the same: members that agree on keys matter more than a file.
      return this.#refused(`Failed to write keyring file: ${(error as Error).message}`);
    }
  }

  #refused(message: string): KeyAnswer {
    this.#logger.error(`serf: ${message}`);
    return { result: false, message, ...NOTHING };
  }
}
