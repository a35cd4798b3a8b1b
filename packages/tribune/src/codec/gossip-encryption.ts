/**
 * Sealed payloads (sheet memberlist §5): version byte, 12-byte nonce, AES-GCM ciphertext, 16-byte tag.
 * Version 1 is the normal one; version 0, of protocol 1 peers, pads the plaintext to 16 bytes first.
 */
import { invariant } from "../lib/invariant.ts";
import type { Rng } from "../lib/runtime.ts";
import { GossipCodecError } from "./gossip-error.ts";
import type { GossipKeyring } from "./gossip-keyring.ts";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const BLOCK_BYTES = 16;

export type SealVersion = 0 | 1;

/** AES-GCM, by key size AES-128, -192 or -256. A port: `net/gossip-crypto.ts` has the real one. */
export interface GossipCipher {
  /** @returns ciphertext, as long as the plaintext, and the 16-byte tag behind it. */
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, authenticated: Uint8Array): Uint8Array;
  /** @returns undefined when the tag does not fit. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, authenticated: Uint8Array): Uint8Array | undefined;
}

/** How one pool encrypts. Without it a pool speaks plaintext only. */
export interface GossipEncryption {
  readonly cipher: GossipCipher;
  readonly keyring: GossipKeyring;
  /** Nonces: must be strong in production, since one used twice gives plaintext away. */
  readonly rng: Pick<Rng, "bytes">;
  /** False takes plaintext from peers that do not encrypt yet (`encrypt_verify_incoming`). */
  readonly verifyIncoming: boolean;
  /** False sends plaintext (`encrypt_verify_outgoing`). */
  readonly verifyOutgoing: boolean;
  readonly version: SealVersion;
}

export function sealedLength(plainLength: number, version: SealVersion): number {
  const padding = version === 0 ? BLOCK_BYTES - (plainLength % BLOCK_BYTES) : 0;
  return 1 + NONCE_BYTES + plainLength + padding + TAG_BYTES;
}

/** What sealing may add at most: what memberlist subtracts when it fills a packet. */
export function sealOverheadBytes(version: SealVersion): number {
  return version === 0 ? 1 + NONCE_BYTES + BLOCK_BYTES + TAG_BYTES : 1 + NONCE_BYTES + TAG_BYTES;
}

/** Encrypts with the primary key. */
export function seal(encryption: GossipEncryption, plaintext: Uint8Array, authenticated: Uint8Array): Uint8Array {
  const { cipher, keyring, rng, version } = encryption;
  const nonce = rng.bytes(NONCE_BYTES);
  invariant(nonce.length === NONCE_BYTES, "a nonce of 12 bytes");
  const sealed = cipher.seal(keyring.primary, nonce, version === 0 ? padded(plaintext) : plaintext, authenticated);
  const payload = new Uint8Array(1 + NONCE_BYTES + sealed.length);
  payload[0] = version;
  payload.set(nonce, 1);
  payload.set(sealed, 1 + NONCE_BYTES);
  return payload;
}

/**
 * Decrypts with whichever key fits.
 * @throws GossipCodecError (`encryption`) when none does, or the payload cannot be one.
 */
export function open(encryption: GossipEncryption, payload: Uint8Array, authenticated: Uint8Array): Uint8Array {
  const version = payload[0];
  if (version === undefined) throw refused("Cannot decrypt empty payload");
  if (version > 1) throw refused(`Unsupported encryption version ${version}`);
  if (payload.length < sealOverheadBytes(version as SealVersion)) {
    throw refused(`Payload is too small to decrypt: ${payload.length}`);
  }
  const nonce = payload.subarray(1, 1 + NONCE_BYTES);
  const sealed = payload.subarray(1 + NONCE_BYTES);
  for (const key of encryption.keyring.keys) {
    const plaintext = encryption.cipher.open(key, nonce, sealed, authenticated);
    if (plaintext !== undefined) return version === 0 ? unpadded(plaintext) : plaintext;
  }
  throw refused("No installed keys could decrypt the message");
}

/** PKCS#7: 1 to 16 bytes, each saying how many they are. */
function padded(plaintext: Uint8Array): Uint8Array {
  const padding = BLOCK_BYTES - (plaintext.length % BLOCK_BYTES);
  const out = new Uint8Array(plaintext.length + padding).fill(padding, plaintext.length);
  out.set(plaintext);
  return out;
}

function unpadded(plaintext: Uint8Array): Uint8Array {
  const padding = plaintext.at(-1) ?? 0;
  if (padding < 1 || padding > BLOCK_BYTES || plaintext.length % BLOCK_BYTES !== 0) throw refused("Padding is damaged");
  return plaintext.subarray(0, plaintext.length - padding);
}

function refused(message: string): GossipCodecError {
  return new GossipCodecError("encryption", message);
}
