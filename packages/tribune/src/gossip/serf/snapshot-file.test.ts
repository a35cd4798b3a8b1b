import assert from "node:assert/strict";
import { test } from "node:test";
import { mutateText } from "../../lib/fuzz.ts";
import { seededRng } from "../../lib/random.ts";
import { compactAboveBytes, formatSnapshot, formatSnapshotLine, readSnapshot } from "./snapshot-file.ts";

const FILE = [
  "#clock: 9",
  "alive: a 10.0.0.1:8301",
  "alive: b c 10.0.0.2:8301",
  "alive: v6 [::1]:8301",
  "clock: 7",
  "event-clock: 3",
  "query-clock: 4",
  "not-alive: a",
  "#incarnation: 17",
  "coordinate: {}",
  "clock: 8",
  "#incarnation: 33",
  "",
].join("\n");

test("lines are replayed in order", () => {
  const { contents, unknown } = readSnapshot(FILE, false);
  assert.deepEqual([...contents.alive], [["b c", "10.0.0.2:8301"], ["v6", "[::1]:8301"]]); // biome-ignore format: one line
  assert.deepEqual([contents.clock, contents.eventClock, contents.queryClock, contents.incarnation], [8, 3, 4, 33]);
  assert.deepEqual(unknown, []);
  assert.deepEqual(readSnapshot(formatSnapshot(contents), false).contents, contents);
});

test("a leave forgets the others and what they said, but not how far we were, unless the pool rejoins after one", () => {
  const left = `${FILE}leave\n`;
  const ours = { clock: 8, incarnation: 33 };
  assert.deepEqual(readSnapshot(left, false).contents, { alive: new Map(), eventClock: 0, queryClock: 0, ...ours });
  assert.equal(readSnapshot(left, true).contents.alive.size, 2);
  assert.equal(readSnapshot(`${left}alive: d 10.0.0.4:1\n`, false).contents.alive.size, 1);
});

test("what is not understood, or was cut, is passed over", () => {
  const { contents, unknown } = readSnapshot(
    "alive: a\nclock: x\nclock: 99999999999999999999\nwhat\nclock: 12\nclock: 13",
    false,
  );
  assert.equal(contents.clock, 12);
  assert.deepEqual(unknown, ["alive: a", "clock: x", "clock: 99999999999999999999", "what"]);
});

test("to Serf our incarnation is a comment; one near the end of its range is not kept", () => {
  assert.match(formatSnapshotLine({ type: "incarnation", incarnation: 5 }), /^#/);
  const { contents, unknown } = readSnapshot("#incarnation: 4\n#incarnation: 4294967295\n#incarnation: x\n", false);
  assert.equal(contents.incarnation, 4);
  assert.deepEqual(unknown, []);
});

test("a name cannot forge a line", () => {
  assert.equal(formatSnapshotLine({ type: "not-alive", name: "a\nleave" }), "not-alive: a leave\n");
});

test("a file is rewritten above 128 KiB, or twice what its members take", () => {
  assert.equal(compactAboveBytes(0), 131_072);
  assert.equal(compactAboveBytes(1_000), 256_000);
});

test("damaged files are read as far as they make sense", () => {
  const rng = seededRng(5);
  for (let round = 0; round < 2_000; round++) {
    const { contents } = readSnapshot(mutateText(rng, FILE), round % 2 === 0);
    assert.deepEqual(readSnapshot(formatSnapshot(contents), false).contents, contents);
  }
});
