/**
 * The gossip keys of one pool, in order: the first is primary and encrypts, all are tried to decrypt
 * (sheet memberlist §5, serf §4). A value: every change gives a new ring, so that whoever holds one sees it whole.
 */
import { TribuneError } from "../lib/errors.ts";

/** Bounds the work that one undecryptable packet can cause: each key is tried. */
export const KEYRING_KEYS_MAX = 64;

export class GossipKeyring {
  /** Primary first. Never empty; 16, 24 or 32 bytes each. */
  readonly keys: readonly Uint8Array[];

  private constructor(keys: readonly Uint8Array[]) {
    this.keys = keys;
  }

  /** @throws TribuneError for a key of another size. */
  static of(primary: Uint8Array, others: readonly Uint8Array[] = []): GossipKeyring {
    let ring = new GossipKeyring([checked(primary)]);
    for (const key of others) ring = ring.install(key);
    return ring;
  }

  get primary(): Uint8Array {
    return this.keys[0]!;
  }

  has(key: Uint8Array): boolean {
    return this.keys.some((known) => isSame(known, key));
  }

  /** Adds a key for decryption; one that is there already changes nothing. */
  install(key: Uint8Array): GossipKeyring {
    if (this.has(checked(key))) return this;
    if (this.keys.length >= KEYRING_KEYS_MAX) {
      throw TribuneError.internal(`the keyring holds ${KEYRING_KEYS_MAX} keys already: remove one first`);
    }
    return new GossipKeyring([...this.keys, key]);
  }

  /** Makes an installed key the primary one. */
  use(key: Uint8Array): GossipKeyring {
    const installed = this.keys.find((known) => isSame(known, key));
    if (installed === undefined) throw TribuneError.internal("Requested key is not in the keyring");
    return new GossipKeyring([installed, ...this.keys.filter((known) => known !== installed)]);
  }

  /** Drops a key that is not primary; an unknown one changes nothing. */
  remove(key: Uint8Array): GossipKeyring {
    if (isSame(this.primary, key)) throw TribuneError.internal("Removing the primary key is not allowed");
    return this.has(key) ? new GossipKeyring(this.keys.filter((known) => !isSame(known, key))) : this;
  }
}

/** The keyring file: a JSON array of base64 keys, primary first. */
export function encodeKeyringFile(ring: GossipKeyring): string {
  return JSON.stringify(
    ring.keys.map((key) => Buffer.from(key).toString("base64")),
    null,
    2,
  );
}

/** @throws TribuneError for anything but an array of keys. */
export function decodeKeyringFile(text: string): GossipKeyring {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw TribuneError.internal("the keyring file is not JSON", cause);
  }
  if (!Array.isArray(parsed)) throw TribuneError.internal("the keyring file holds no array of keys");
  const [primary, ...others] = parsed.map(keyOfBase64);
  if (primary === undefined) throw TribuneError.internal("the keyring file holds no keys");
  return GossipKeyring.of(primary, others);
}

/** @throws TribuneError for text that is not the base64 of a key. */
export function keyOfBase64(encoded: unknown): Uint8Array {
  if (typeof encoded !== "string" || !BASE64.test(encoded)) throw TribuneError.internal("a key is not base64");
  return checked(new Uint8Array(Buffer.from(encoded, "base64")));
}
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function checked(key: Uint8Array): Uint8Array {
  if (key.length !== 16 && key.length !== 24 && key.length !== 32) {
    throw TribuneError.internal("key size must be 16, 24 or 32 bytes");
  }
  return key;
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
