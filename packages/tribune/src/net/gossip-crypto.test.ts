import assert from "node:assert/strict";
import { test } from "node:test";
import { gossipCipher } from "./gossip-crypto.ts";

const unhex = (text: string): Uint8Array => Buffer.from(text, "hex");
const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");

// McGrew & Viega, "The Galois/Counter Mode of Operation", appendix B, test cases 4, 10 and 16.
const PLAIN = unhex(
  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
);
const NONCE = unhex("cafebabefacedbaddecaf888");
const AUTHENTICATED = unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
const KEY = unhex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");

for (const [keyBytes, tag] of [
  [16, "5bc94fbc3221a5db94fae95ae7121a47"],
  [24, "2519498e80f1478f37ba55bd6d27618c"],
  [32, "76fc6ece0f4e1768cddf8853bb2d551b"],
] as const) {
  test(`the published values for AES-${8 * keyBytes}, and nothing opens that was changed`, () => {
    const key = KEY.subarray(0, keyBytes);
    const sealed = gossipCipher.seal(key, NONCE, PLAIN, AUTHENTICATED);
    assert.equal(hex(sealed.subarray(PLAIN.length)), tag);
    assert.equal(hex(gossipCipher.open(key, NONCE, sealed, AUTHENTICATED)), hex(PLAIN));
    assert.equal(gossipCipher.open(key, NONCE, sealed, AUTHENTICATED.subarray(1)), undefined);
    assert.equal(gossipCipher.open(key, NONCE, sealed.subarray(1), AUTHENTICATED), undefined);
    assert.equal(gossipCipher.open(key, NONCE, sealed.subarray(0, 15), AUTHENTICATED), undefined);
  });
}
