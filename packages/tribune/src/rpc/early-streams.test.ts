import assert from "node:assert/strict";
import { test } from "node:test";
import { EARLY_BYTES_MAX, EARLY_STREAMS_MAX, EarlyStreams } from "./early-streams.ts";
import { pair } from "./memory-streams.test.support.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("what came early is handed over with what it said, in order, and goes on from there", async () => {
  const early = new EarlyStreams();
  const [near, far] = pair();
  early.accept(far);
  near.write(Buffer.from("one "));
  near.write(Buffer.from("two "));
  await turn();
  let heard = "";
  early.handOver((stream) => {
    stream.onData = (chunk) => (heard += Buffer.from(chunk).toString());
    stream.onEnd = () => (heard += "end");
  });
  assert.equal(heard, "one two ");
  near.write(Buffer.from("three "));
  near.end();
  await turn();
  assert.equal(heard, "one two three end");
  early.handOver(() => assert.fail("it is given away once"));
});

test("who hung up, said too much, or came when there were too many is not handed over", async () => {
  const early = new EarlyStreams();
  const peers = Array.from({ length: EARLY_STREAMS_MAX + 1 }, () => pair());
  const closed = new Set<number>();
  peers.forEach(([near, far], at) => {
    near.onClose = () => closed.add(at);
    early.accept(far);
  });
  peers[0]![0].end();
  peers[1]![0].destroy();
  peers[2]![0].write(new Uint8Array(EARLY_BYTES_MAX + 1));
  for (let turns = 0; turns < 10; turns++) await turn();
  assert.deepEqual(
    [...closed].sort((a, b) => a - b),
    [0, 1, 2, EARLY_STREAMS_MAX],
  );
  let handed = 0;
  early.handOver(() => handed++);
  assert.equal(handed, EARLY_STREAMS_MAX - 3);
});
