import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeRaftError, encodeRaftReply, encodeRaftRequest } from "../../codec/raft-message-encode.ts";
import type { RaftWireRequest } from "../../codec/raft-messages.ts";
import { RaftReplyReader, RaftRequestReader } from "../../codec/raft-stream.ts";
import { silentLogger } from "../../lib/log.ts";
import { noMetrics } from "../../lib/metrics.ts";
import type { Stream } from "../../lib/runtime.ts";
import type { ExchangeId, RaftInput, RaftRequest, ServerId } from "../../raft/types.ts";
import { SimInternet } from "../../sim/sim-internet.ts";
import { CALM_NETWORK, SimNetwork } from "../../sim/sim-network.ts";
import { simHost } from "../../sim/sim-runtime.ts";
import { Simulator } from "../../sim/simulator.ts";
import { RAFT_IO_TIMEOUT_MS, RaftTransport } from "./raft-transport.ts";

const A = "id-a" as ServerId;
const B = "id-b" as ServerId;
const PORT = 8300;
const HEARTBEAT: RaftRequest = {
  ...{ type: "appendEntries", term: 3, prevLogIndex: 0, prevLogTerm: 0, entries: [], leaderCommit: 0 },
};
const APPEND: RaftRequest = { ...HEARTBEAT, prevLogIndex: 4, prevLogTerm: 2, leaderCommit: 4 };
const PRE_VOTE: RaftRequest = { type: "requestPreVote", term: 4, lastLogIndex: 4, lastLogTerm: 2 };

/** A transport on host A, and host B for whatever a test puts there. */
function world(seed: number) {
  const sim = new Simulator(seed);
  const network = new SimNetwork(sim, CALM_NETWORK);
  const internet = new SimInternet(sim, network);
  const hosts = { a: simHost(internet, "10.0.0.1"), b: simHost(internet, "10.0.0.2") };
  const runtime = hosts.a.runtime();
  const fed: RaftInput[] = [];
  const transport = new RaftTransport({
    ...{ runtime, logger: silentLogger, metrics: noMetrics },
    self: { id: A, address: `10.0.0.1:${PORT}` },
    dial: (_, address) => runtime.network.connectTcp(address.split(":")[0]!, PORT, 1_000),
    addressOf: (id) => (id === B ? `10.0.0.2:${PORT}` : undefined),
    idOf: (address) => (address === `10.0.0.2:${PORT}` ? B : undefined),
    snapshot: () => undefined,
    feed: (input) => void fed.push(input),
  });
  const rest = (ms: number): Promise<void> => sim.play(sim.nowMs + ms);
  return { sim, network, hosts, transport, fed, rest, runtime };
}
type World = ReturnType<typeof world>;

/** A peer that answers each request as it is told to; undefined: it hangs up. */
async function peer(
  { hosts }: World,
  answer: (request: RaftWireRequest, connection: number) => Uint8Array | undefined,
): Promise<() => number> {
  let connections = 0;
  await hosts.b.runtime().network.listenTcp("", PORT, (stream) => {
    const connection = ++connections;
    const reader = new RaftRequestReader();
    stream.onData = (chunk) => {
      reader.push(chunk);
      for (let next = reader.next(); next !== undefined; next = reader.next()) {
        assert.ok(next.type !== "unknown");
        const bytes = answer(next, connection);
        if (bytes === undefined) return stream.end();
        stream.write(bytes);
      }
    };
    stream.onEnd = () => stream.end();
  });
  return () => connections;
}

const grant = encodeRaftReply({ type: "requestPreVote", term: 3, granted: true }, 3);
const refuse = encodeRaftReply({ type: "requestVote", term: 3, granted: false }, 3);

const PRE_VOTES: readonly [string, (request: RaftWireRequest) => Uint8Array | undefined, string][] = [
  ["a peer that knows it answers", () => grant, "message"],
  [
    "one of Consul 1.10 hangs up and answers votes",
    ({ type }) => (type === "requestVote" ? refuse : undefined),
    "unsupported",
  ],
  ["one that says so does not know it", () => encodeRaftError("unexpected command"), "unsupported"],
  ["one that hangs up on everything is no voter at all", () => undefined, "failed"],
  ["one that speaks another version fails", () => encodeRaftError("operation not supported"), "failed"],
];
for (const [name, answer, expected] of PRE_VOTES)
  test(`pre-vote: ${name}`, async () => {
    const w = world(1);
    await peer(w, answer);
    w.transport.send(B, 1 as ExchangeId, PRE_VOTE);
    await w.rest(500);
    assert.deepEqual(
      w.fed.map((input) => (input.type === "exchangeFailed" ? input.reason : input.type)),
      [expected],
    );
  });

test("a peer that cannot be reached, and one that never answers, fail the exchange", async () => {
  const w = world(2);
  w.transport.send(B, 1 as ExchangeId, HEARTBEAT);
  w.transport.send("nobody" as ServerId, 2 as ExchangeId, HEARTBEAT);
  await w.rest(500);
  assert.deepEqual(w.fed.map((input) => input.type === "exchangeFailed" && input.exchange).sort(), [1, 2]);
  await peer(w, () => new Uint8Array(0));
  w.transport.send(B, 3 as ExchangeId, HEARTBEAT);
  await w.rest(RAFT_IO_TIMEOUT_MS - 100);
  assert.equal(w.fed.length, 2);
  await w.rest(500);
  assert.deepEqual(w.fed.at(-1), { type: "exchangeFailed", exchange: 3, reason: "failed" });
});

test("a slow append holds up no heartbeat: they have connections of their own", async () => {
  const w = world(3);
  const ok = encodeRaftReply({ type: "appendEntries", term: 3, lastLog: 4, success: true, noRetryBackoff: false }, 3);
  const connections = await peer(w, (request) =>
    request.type === "appendEntries" && request.prevLogIndex === 0 ? ok : new Uint8Array(0),
  );
  w.transport.send(B, 1 as ExchangeId, APPEND);
  for (let exchange = 2; exchange < 6; exchange++) w.transport.send(B, exchange as ExchangeId, HEARTBEAT);
  await w.rest(500);
  assert.deepEqual(
    w.fed.map((input) => input.type === "message" && input.exchange),
    [2, 3, 4, 5],
  );
  assert.equal(connections(), 2);
});

test("heartbeats have a nil slice, empty appends an empty one, and both say who we are", async () => {
  const w = world(4);
  const seen: RaftWireRequest[] = [];
  await peer(w, (request) => {
    seen.push(request);
    return new Uint8Array(0);
  });
  w.transport.send(B, 1 as ExchangeId, HEARTBEAT);
  await w.rest(100);
  w.transport.send(B, 2 as ExchangeId, APPEND);
  await w.rest(100);
  const [heartbeat, append] = seen;
  assert.ok(heartbeat?.type === "appendEntries" && append?.type === "appendEntries");
  assert.deepEqual([heartbeat.entries, append.entries], [undefined, []]);
  assert.deepEqual([append.id, append.address, append.leader], [A, `10.0.0.1:${PORT}`, `10.0.0.1:${PORT}`]);
});

// ---- the listening side ----

/** A peer's connection to the transport, and the answers that come over it. */
async function dialled(w: World): Promise<{ stream: Stream; received: Uint8Array[]; closed: () => boolean }> {
  await w.runtime.network.listenTcp("", PORT, (stream) => w.transport.accept(stream));
  return connect(w);
}

async function connect(w: World): Promise<{ stream: Stream; received: Uint8Array[]; closed: () => boolean }> {
  const connecting = w.hosts.b.runtime().network.connectTcp("10.0.0.1", PORT, 1_000);
  await w.rest(50);
  const stream = await connecting;
  const received: Uint8Array[] = [];
  let gone = false;
  stream.onData = (chunk) => void received.push(chunk);
  stream.onClose = () => {
    gone = true;
  };
  return { stream, received, closed: () => gone };
}

function request(body: object, protocolVersion = 3): Uint8Array {
  const header = { protocolVersion, id: "", address: "" };
  return encodeRaftRequest({ ...header, ...body } as RaftWireRequest);
}
const HEARTBEAT_OF_B = {
  ...{ type: "appendEntries", term: 3, leader: `10.0.0.2:${PORT}`, prevLogIndex: 0, prevLogTerm: 0 },
  ...{ entries: undefined, leaderCommit: 0 },
};

for (const [version, accepted] of [
  [1, false],
  [2, true],
  [3, true],
  [4, false],
] as const)
  test(`a peer of protocol version ${version} is ${accepted ? "heard" : "refused"}`, async () => {
    const w = world(5);
    const { stream, received } = await dialled(w);
    stream.write(request({ type: "requestVote", ...VOTE }, version));
    await w.rest(50);
    assert.equal(w.fed.length, accepted ? 1 : 0);
    const reader = new RaftReplyReader();
    for (const chunk of received) reader.push(chunk);
    const text = accepted ? undefined : reader.next("requestVote")?.error;
    assert.equal(text, accepted ? undefined : "operation not supported with current protocol version");
  });
const VOTE = { term: 4, candidate: `10.0.0.2:${PORT}`, lastLogIndex: 4, lastLogTerm: 2, leadershipTransfer: false };

test("answers leave in the order of the requests, whatever order the core answers in", async () => {
  const w = world(6);
  const { stream, received } = await dialled(w);
  for (let at = 0; at < 3; at++) stream.write(request(HEARTBEAT_OF_B));
  await w.rest(50);
  const exchanges = w.fed.map((input) => (input.type === "message" ? input.exchange : assert.fail(input.type)));
  assert.deepEqual(
    w.fed.map((input) => input.type === "message" && input.from),
    [B, B, B],
  );
  const reply = (at: number): void =>
    w.transport.send(B, exchanges[at]!, {
      ...{ type: "appendEntriesReply", term: 3, success: true, lastLog: at, noRetryBackoff: false },
    });
  reply(2);
  reply(1);
  await w.rest(50);
  assert.equal(received.length, 0);
  reply(0);
  await w.rest(50);
  const reader = new RaftReplyReader();
  for (const chunk of received) reader.push(chunk);
  const lastLogs = [0, 1, 2].map(() => {
    const answer = reader.next("appendEntries");
    return answer?.reply.type === "appendEntries" && answer.reply.lastLog;
  });
  assert.deepEqual(lastLogs, [0, 1, 2]);
});

test("an unknown request is answered, nonsense is not", async () => {
  const w = world(7);
  const { stream, received, closed } = await dialled(w);
  stream.write(Uint8Array.of(77, 0x80));
  await w.rest(50);
  const reader = new RaftReplyReader();
  for (const chunk of received) reader.push(chunk);
  assert.equal(reader.next("timeoutNow")?.error, "unexpected command");
  assert.equal(closed(), false);
  stream.write(Uint8Array.of(1, 0xc1));
  await w.rest(50);
  assert.equal(closed(), true);
});

test("the bytes behind a refused snapshot are drained, and the connection goes on", async () => {
  const w = world(8);
  const { stream, received } = await dialled(w);
  stream.write(request({ type: "installSnapshot", ...SNAPSHOT, sizeBytes: 300_000 }));
  await w.rest(50);
  const [input] = w.fed;
  assert.ok(input?.type === "message" && input.message.type === "installSnapshot");
  w.transport.send(B, input.exchange, { type: "installSnapshotReply", term: 9, success: false });
  for (let at = 0; at < 3; at++) stream.write(new Uint8Array(100_000).fill(0xc1));
  stream.write(request({ type: "timeoutNow" }));
  await w.rest(200);
  const reader = new RaftReplyReader();
  for (const chunk of received) reader.push(chunk);
  assert.equal(reader.next("installSnapshot")?.reply.type, "installSnapshot");
  const last = w.fed.at(-1);
  assert.equal(last?.type === "message" && last.message.type, "timeoutNow");
});
const SNAPSHOT = {
  ...{ term: 3, leader: `10.0.0.2:${PORT}`, snapshotVersion: 1, lastLogIndex: 9, lastLogTerm: 3 },
  ...{ peers: Uint8Array.of(0x90), configuration: Uint8Array.of(0x80), configurationIndex: 1 },
};

test("a snapshot's bytes reach the sink whole, and a broken stream says so", async () => {
  const w = world(9);
  const { stream } = await dialled(w);
  const state = Uint8Array.from({ length: 700_000 }, (_, at) => at % 251);
  stream.write(request({ type: "installSnapshot", ...SNAPSHOT, sizeBytes: state.length }));
  stream.write(state.subarray(0, 200_000));
  await w.rest(100);
  const [input] = w.fed;
  assert.ok(input?.type === "message");
  const chunks: Uint8Array[] = [];
  let ended = 0;
  const sink = {
    write: (chunk: Uint8Array) => chunks.push(chunk) < 2,
    onDrain: () => {},
    end: () => void ended++,
    fail: assert.fail,
  };
  w.transport.receiveSnapshot(input.exchange, sink);
  stream.write(state.subarray(200_000));
  await w.rest(100);
  for (let at = 0; at < 10; at++) sink.onDrain();
  await w.rest(100);
  assert.equal(ended, 1);
  assert.deepEqual(Buffer.concat(chunks), Buffer.from(state));

  const second = await connect(w);
  second.stream.write(request({ type: "installSnapshot", ...SNAPSHOT, sizeBytes: 100 }));
  await w.rest(100);
  const again = w.fed.at(-1);
  assert.ok(again?.type === "message");
  let failed = 0;
  w.transport.receiveSnapshot(again.exchange, {
    write: () => true,
    onDrain: () => {},
    end: assert.fail,
    fail: () => void failed++,
  });
  second.stream.destroy();
  await w.rest(100);
  assert.equal(failed, 1);
});

for (const [name, listens, lost] of [
  ["its port is closed too: its process is gone", false, true],
  ["its port is open: only the connection broke", true, false],
] as const)
  test(`the leader's last connection closes and ${name}`, async () => {
    const w = world(10);
    if (listens) await peer(w, () => undefined);
    const first = await dialled(w);
    const second = await connect(w);
    for (const { stream } of [first, second]) stream.write(request(HEARTBEAT_OF_B));
    await w.rest(50);
    const isLost = (): boolean => w.fed.some((input) => input.type === "peerConnectionLost" && input.peer === B);
    first.stream.destroy();
    await w.rest(1_000);
    assert.equal(isLost(), false, "another connection of it is open");
    second.stream.destroy();
    await w.rest(1_000);
    assert.equal(isLost(), lost);
  });

test("a peer that left the peer set is called for a while yet, to hear of it, and then let go", async () => {
  const w = world(11);
  const ok = encodeRaftReply({ type: "appendEntries", term: 3, lastLog: 4, success: true, noRetryBackoff: false }, 3);
  let open = 0;
  const listening = w.hosts.b.runtime().network.listenTcp("", PORT, (stream) => {
    open++;
    stream.onData = () => void stream.write(ok); // else the missing answer would close it
    stream.onClose = () => void open--;
  });
  await listening;
  w.transport.send(B, 1 as ExchangeId, HEARTBEAT);
  await w.rest(100);
  assert.equal(w.fed[0]?.type, "message");
  w.transport.retain(new Set([A, B]));
  await w.rest(2 * RAFT_IO_TIMEOUT_MS);
  w.transport.retain(new Set([A]));
  await w.rest(1_000);
  assert.equal(open, 1);
  await w.rest(RAFT_IO_TIMEOUT_MS);
  assert.equal(open, 0);
});
