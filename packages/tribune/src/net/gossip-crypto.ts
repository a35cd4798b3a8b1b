import { createCipheriv, createDecipheriv } from "node:crypto";
import type { GossipCipher } from "../codec/gossip-encryption.ts";

const TAG_BYTES = 16;

/** AES-GCM of the runtime's OpenSSL. Synchronous: a gossip packet takes microseconds. */
export const gossipCipher: GossipCipher = {
  seal(key, nonce, plaintext, authenticated) {
    const cipher = createCipheriv(algorithm(key), key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(authenticated);
    return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  },

  open(key, nonce, sealed, authenticated) {
    const tagAt = sealed.length - TAG_BYTES;
    if (tagAt < 0) return undefined;
    const decipher = createDecipheriv(algorithm(key), key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(authenticated);
    decipher.setAuthTag(sealed.subarray(tagAt));
    const plaintext = decipher.update(sealed.subarray(0, tagAt));
    try {
      return Buffer.concat([plaintext, decipher.final()]);
    } catch {
      return undefined; // The only failure of `final` is a tag that does not fit, and that is the answer.
    }
  },
};

function algorithm(key: Uint8Array): "aes-128-gcm" | "aes-192-gcm" | "aes-256-gcm" {
  return key.length === 16 ? "aes-128-gcm" : key.length === 24 ? "aes-192-gcm" : "aes-256-gcm";
}
