import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeYamuxHeader, YAMUX_FLAG, YAMUX_TYPE } from "../codec/yamux-frame.ts";
import { randomInt, seededRng } from "../lib/random.ts";
import type { Stream } from "../lib/runtime.ts";
import { CALM_NETWORK, SimNetwork } from "../sim/sim-network.ts";
import { SimStream } from "../sim/sim-streams.ts";
import { Simulator } from "../sim/simulator.ts";
import { OPENING_MAX, YamuxSession } from "./yamux-session.ts";
import { WINDOW_BYTES, type YamuxStream } from "./yamux-stream.ts";

function world(seed: number) {
  const sim = new Simulator(seed);
  const network = new SimNetwork(sim, CALM_NETWORK);
  const [near, far] = SimStream.pair(sim, network, "10.0.0.1:4000", "10.0.0.2:8300");
  const clock = { nowMs: () => sim.nowMs, wallMs: () => sim.nowMs };
  const timers = {
    after: (delayMs: number, run: () => void) => sim.after(delayMs, run),
    soon: (run: () => void) => void sim.after(0, run),
  };
  const session = (
    stream: Stream,
    client: boolean,
    onStream: (stream: YamuxStream) => void = () => {},
    firstStreamId?: number,
  ) => {
    const ended: { error?: Error | undefined; closed: boolean } = { closed: false };
    const opened = new YamuxSession(stream, {
      client,
      clock,
      timers,
      onStream,
      ...(firstStreamId === undefined ? {} : { firstStreamId }),
      onClose: (error) => {
        ended.closed = true;
        ended.error = error;
      },
    });
    return { session: opened, ended };
  };
  /** Lets so many milliseconds go by. */
  const pass = async (ms: number): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve)); // what this turn wrote goes out at its end
    await sim.play(sim.nowMs + ms);
  };
  return { pass, network, near, far, session };
}

/** Sends everything back. */
function echo(stream: YamuxStream): void {
  stream.onData = (chunk) => void stream.write(Uint8Array.from(chunk));
  stream.onEnd = () => stream.end();
}

test("many streams carry megabytes both ways at once, in order, and close on both sides", async () => {
  const { pass, near, far, session } = world(1);
  const server = session(far, false, echo);
  const client = session(near, true);
  const rng = seededRng(7);
  let finished = 0;
  const runs = Array.from({ length: 20 }, (_, number) => {
    const sent = Buffer.alloc(randomInt(rng, 900_000), number + 1);
    const got: Uint8Array[] = [];
    const stream = client.session.open();
    stream.onData = (chunk) => got.push(Uint8Array.from(chunk));
    stream.onClose = () => finished++;
    for (let at = 0; at < sent.length; ) {
      const size = 1 + randomInt(rng, 200_000);
      stream.write(sent.subarray(at, at + size));
      at += size;
    }
    stream.end();
    return { sent, got };
  });
  await pass(60_000);
  for (const { sent, got } of runs) assert.ok(Buffer.concat(got).equals(sent));
  assert.equal(finished, 20);
  assert.equal(client.session.streams, 0);
  assert.equal(server.session.streams, 0);
});

test("a stream that is not read fills its window and holds up no other", async () => {
  const { pass, near, far, session } = world(2);
  const accepted: YamuxStream[] = [];
  let received = 0;
  session(far, false, (stream) => {
    accepted.push(stream);
    if (accepted.length === 1) {
      stream.pause();
      stream.onData = (chunk) => (received += chunk.length);
    } else echo(stream);
  });
  const { session: client } = session(near, true);
  const slow = client.open();
  let drained = false;
  slow.onDrain = () => (drained = true);
  assert.equal(slow.write(Buffer.alloc(2 * WINDOW_BYTES)), false);
  await pass(5_000);
  assert.equal(drained, false);
  const quick = client.open();
  let answer = "";
  quick.onData = (chunk) => (answer += Buffer.from(chunk).toString());
  quick.write(Buffer.from("hello"));
  await pass(5_000);
  assert.equal(answer, "hello");
  assert.equal(received, 0);
  accepted[0]!.resume();
  await pass(5_000);
  assert.equal(received, 2 * WINDOW_BYTES);
  assert.equal(drained, true);
});

test("no more streams are announced than the peer's backlog takes", async () => {
  const { pass, near, far, session } = world(3);
  let asked = 0;
  far.onData = (chunk) => (asked += chunk.length / 12);
  const { session: client } = session(near, true);
  const streams = Array.from({ length: OPENING_MAX + 5 }, () => client.open());
  await pass(1_000);
  assert.equal(asked, OPENING_MAX);
  for (const stream of streams.slice(0, 3))
    far.write(encodeYamuxHeader(YAMUX_TYPE.windowUpdate, YAMUX_FLAG.ack, stream.id, 0));
  await pass(1_000);
  assert.equal(asked, OPENING_MAX + 3);
});

test("a silent peer is given up after a ping without an answer, one that answers is not", async () => {
  const quiet = world(4);
  const lone = quiet.session(quiet.near, true);
  await quiet.pass(45_000);
  assert.match(String(lone.ended.error), /keepalive/);
  const lively = world(5);
  const server = lively.session(lively.far, false);
  const client = lively.session(lively.near, true);
  await lively.pass(600_000);
  assert.equal(client.ended.closed || server.ended.closed, false);
});

for (const [what, frames] of [
  ["more data than the window", [encodeYamuxHeader(1, 1, 1, 0), encodeYamuxHeader(0, 0, 1, WINDOW_BYTES + 1)]],
  ["a stream opened twice", [encodeYamuxHeader(1, 1, 1, 0), encodeYamuxHeader(1, 1, 1, 0)]],
  ["a stream with one of our numbers", [encodeYamuxHeader(1, 1, 2, 0)]],
  ["another protocol", [Buffer.from("GET / HTTP/1.1\r\n")]],
] as const)
  test(`${what} ends the session`, async () => {
    const { pass, near, far, session } = world(6);
    const server = session(far, false);
    for (const frame of frames) near.write(frame);
    await pass(1_000);
    assert.match(String(server.ended.error), /YamuxError/);
  });

test("a peer that makes us answer and never reads is cut off", async () => {
  const { pass, network, near, far, session } = world(7);
  const server = session(far, false);
  network.blocked.add("10.0.0.2>10.0.0.1"); // our answers do not get through
  const pings = Buffer.concat(Array.from({ length: 1_000 }, () => encodeYamuxHeader(2, 1, 0, 9)));
  for (let burst = 0; burst < 40 && !server.ended.closed; burst++) {
    near.write(pings);
    await pass(100);
  }
  assert.match(String(server.ended.error), /does not read/);
});

test("a reset tells the other end, and what was under way is dropped quietly", async () => {
  const { pass, near, far, session } = world(8);
  const accepted: YamuxStream[] = [];
  const server = session(far, false, (stream) => accepted.push(stream));
  const { session: client } = session(near, true);
  const stream = client.open();
  stream.write(Buffer.from("x"));
  await pass(100);
  let closed: Error | undefined | "not" = "not";
  accepted[0]!.onClose = (error) => (closed = error);
  stream.write(Buffer.alloc(100_000));
  stream.destroy();
  accepted[0]!.write(Buffer.from("late"));
  await pass(1_000);
  assert.match(String(closed), /reset/);
  assert.equal(server.ended.closed, false);
  assert.equal(server.session.streams + client.streams, 0);
});

test("after go-away nothing new is opened and what is open goes on", async () => {
  const { pass, near, far, session } = world(9);
  const server = session(far, false, echo);
  const { session: client } = session(near, true);
  const stream = client.open();
  stream.write(Buffer.from("a"));
  await pass(100);
  server.session.goAway();
  await pass(100);
  assert.equal(client.usable, false);
  assert.throws(() => client.open());
  let answer = "";
  stream.onData = (chunk) => (answer += Buffer.from(chunk).toString());
  stream.write(Buffer.from("b"));
  await pass(100);
  assert.equal(answer, "b");
});

test("a session that has given out all numbers takes no more streams, and the last one works", async () => {
  const { pass, near, far, session } = world(21);
  session(far, false, echo);
  const { session: client } = session(near, true, () => {}, 2 ** 32 - 1);
  assert.equal(client.usable, true);
  const stream = client.open();
  assert.equal(client.usable, false);
  assert.throws(() => client.open());
  let answer = "";
  stream.onData = (chunk) => (answer += Buffer.from(chunk).toString());
  stream.write(Buffer.from("last"));
  await pass(100);
  assert.equal(answer, "last");
});
