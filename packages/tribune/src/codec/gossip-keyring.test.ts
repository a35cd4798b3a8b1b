import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeKeyringFile, encodeKeyringFile, GossipKeyring, KEYRING_KEYS_MAX } from "./gossip-keyring.ts";

const key = (fill: number, length = 16): Uint8Array => new Uint8Array(length).fill(fill);
const order = (ring: GossipKeyring): number[] => ring.keys.map((one) => one[0]!);

test("keys keep their order; only `use` changes which is primary", () => {
  const ring = GossipKeyring.of(key(1), [key(2), key(1)]).install(key(3, 32));
  assert.deepEqual(order(ring), [1, 2, 3]);
  assert.deepEqual(order(ring.install(key(2))), [1, 2, 3]);
  assert.deepEqual(order(ring.use(key(3, 32))), [3, 1, 2]);
  assert.deepEqual(order(ring.remove(key(2))), [1, 3]);
  assert.deepEqual(order(ring.remove(key(9))), [1, 2, 3]);
  assert.deepEqual(order(ring), [1, 2, 3], "the ring itself is unchanged");
});

test("refusals, in the peers' words where operators see them", () => {
  const ring = GossipKeyring.of(key(1));
  assert.throws(() => ring.remove(key(1)), /^TribuneError: Removing the primary key is not allowed$/);
  assert.throws(() => ring.use(key(2)), /^TribuneError: Requested key is not in the keyring$/);
  assert.throws(() => ring.install(key(2, 17)), /^TribuneError: key size must be 16, 24 or 32 bytes$/);
  let full = ring;
  for (let fill = 2; fill <= KEYRING_KEYS_MAX; fill++) full = full.install(key(fill));
  assert.throws(() => full.install(key(0)), /remove one first/);
});

test("the keyring file", () => {
  const text = '[\n  "AQEBAQEBAQEBAQEBAQEBAQ==",\n  "AgICAgICAgICAgICAgICAg=="\n]';
  assert.equal(encodeKeyringFile(GossipKeyring.of(key(1), [key(2)])), text);
  assert.deepEqual(order(decodeKeyringFile(text)), [1, 2]);
  for (const bad of ["", "{}", "[]", "[1]", '["AQ=="]', '["AQEBAQEBAQEBAQEBAQEBA*=="]']) {
    assert.throws(() => decodeKeyringFile(bad), { name: "TribuneError" }, bad);
  }
});
