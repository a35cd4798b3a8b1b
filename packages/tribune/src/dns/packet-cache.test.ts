import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketCache } from "./packet-cache.ts";
import { question } from "./testing.test.support.ts";

test("everything but the ID is the key", () => {
  const cache = new PacketCache<string>(16, 1);
  cache.put(question("db.consul.", "A", 0, 1), "lower");
  assert.equal(cache.get(question("db.consul.", "A", 0, 2)), "lower");
  assert.equal(cache.get(question("dB.consul.", "A", 0, 1)), undefined);
  assert.equal(cache.get(question("db.consul.", "AAAA", 0, 1)), undefined);
  assert.equal(cache.get(question("db.consul.", "A", 512, 1)), undefined);
});

test("the packet's buffer may be used again", () => {
  const cache = new PacketCache<string>(16, 1);
  const packet = Buffer.from(question("db.consul.", "A"));
  cache.put(packet, "kept");
  packet.fill(0);
  assert.equal(cache.get(question("db.consul.", "A")), "kept");
});

test("each slot holds two; the older gives way", () => {
  const cache = new PacketCache<number>(1, 1);
  for (const value of [1, 2, 3]) cache.put(question(`n${value}.consul.`, "A"), value);
  const got = [1, 2, 3].map((value) => cache.get(question(`n${value}.consul.`, "A")));
  assert.deepEqual(got, [undefined, 2, 3]);
});
