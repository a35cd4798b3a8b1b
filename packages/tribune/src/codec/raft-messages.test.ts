import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { MsgpackError } from "./msgpack.ts";
import { decodeRaftConfiguration, encodeRaftConfiguration, encodeRaftPeers } from "./raft-configuration.ts";
import { encodeRaftError, encodeRaftReply, encodeRaftRequest } from "./raft-message-encode.ts";
import {
  type RaftRpc,
  type RaftWireEntry,
  type RaftWireReply,
  type RaftWireRequest,
  raftRpcOf,
} from "./raft-messages.ts";
import { RaftReplyReader, RaftRequestReader } from "./raft-stream.ts";

interface Vector {
  readonly description: string;
  readonly requestHex: string;
  readonly responseHex?: string;
  readonly response?: { readonly error: string; readonly body: Record<string, unknown> | null };
  readonly request: { readonly rpcType: number; readonly rpcName: string; readonly body: Record<string, unknown> };
  readonly snapshotStreamHex?: string;
}

const VECTORS = (
  JSON.parse(readFileSync(new URL("../../test-data/raft-rpc.json", import.meta.url), "utf8")) as { vectors: Vector[] }
).vectors;

function read(bytes: Uint8Array, sliceBytes = bytes.length): RaftWireRequest {
  const reader = new RaftRequestReader();
  let found: ReturnType<RaftRequestReader["next"]>;
  for (let at = 0; at < bytes.length; at += sliceBytes) {
    assert.equal(found, undefined, "nothing comes before the last byte");
    reader.push(bytes.subarray(at, at + sliceBytes));
    found = reader.next();
  }
  assert.ok(found !== undefined && found.type !== "unknown");
  return found;
}

/** Nanoseconds below the microsecond and the sender's zone are not kept. */
function withoutFractions(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return hex.replace(/(aa417070656e6465644174af01.{16}).{12}/g, "$1............");
}

for (const [at, vector] of VECTORS.entries()) {
  test(`recorded exchange ${at}: ${vector.description} is read and written byte for byte`, () => {
    const bytes = Buffer.from(vector.requestHex, "hex");
    const request = read(bytes);
    assert.deepEqual(read(bytes, 7), request);
    // Two were made by hand, without a field.
    const handMade = vector.request.rpcName === "RequestVote" && !("LeadershipTransfer" in vector.request.body);
    if (!handMade) assert.equal(withoutFractions(encodeRaftRequest(request)), withoutFractions(bytes));
    const { body } = vector.request;
    assert.equal(request.protocolVersion, body.ProtocolVersion);
    if ("term" in request) assert.equal(request.term, body.Term);
    if (vector.responseHex === undefined) return;
    const answer = Buffer.from(vector.responseHex, "hex");
    const reader = new RaftReplyReader();
    reader.push(answer.subarray(0, 3));
    assert.equal(reader.next(request.type), undefined);
    reader.push(answer.subarray(3));
    const found = reader.next(request.type);
    assert.ok(found !== undefined);
    assert.equal(found.error, vector.response?.error ?? "");
    const version = Number(vector.response?.body?.ProtocolVersion ?? 0);
    const written = found.error === "" ? encodeRaftReply(found.reply, version) : encodeRaftError(found.error);
    assert.equal(Buffer.from(written).toString("hex"), vector.responseHex);
    assert.equal(reader.partial, false);
  });
}

test("the recorded snapshot names its peers twice, and its state follows", () => {
  const vector = VECTORS.find(({ request }) => request.rpcName === "InstallSnapshot");
  assert.ok(vector?.snapshotStreamHex !== undefined);
  const state = Buffer.from(vector.snapshotStreamHex, "hex");
  const reader = new RaftRequestReader();
  reader.push(Buffer.concat([Buffer.from(vector.requestHex, "hex"), state, Buffer.from([3, 0x80])]));
  const request = reader.next();
  assert.ok(request?.type === "installSnapshot");
  assert.equal(request.sizeBytes, state.length);
  const configuration = decodeRaftConfiguration(request.configuration);
  assert.deepEqual(Buffer.from(encodeRaftConfiguration(configuration)), Buffer.from(request.configuration));
  assert.deepEqual(Buffer.from(encodeRaftPeers(configuration)), Buffer.from(request.peers));
  assert.deepEqual(Buffer.from(reader.takeState(100)), state.subarray(0, 100));
  assert.deepEqual(Buffer.from(reader.takeState(state.length - 100)), state.subarray(100));
  assert.equal(reader.next()?.type, "timeoutNow");
});

test("id and address of newer peers are read and written; what is newer still is passed over", () => {
  const request: RaftWireRequest = {
    ...{ protocolVersion: 3, id: "node-1", address: "10.0.0.1:8300" },
    ...{ type: "requestPreVote", term: 7, lastLogIndex: 300, lastLogTerm: 6 },
  };
  assert.deepEqual(read(encodeRaftRequest(request)), request);
  const reader = new RaftRequestReader();
  reader.push(Uint8Array.of(9, 0x81, 0xa1, 0x41, 0x92, 1, 0xc0, 3, 0x81, 0xa1, 0x5a, 0xa1, 0x41));
  assert.deepEqual(reader.next(), { type: "unknown", typeByte: 9 });
  assert.deepEqual(reader.next(), { protocolVersion: 0, id: "", address: "", type: "timeoutNow" });
});

test("entries survive the way there and back, whatever is in them", () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  const index = fc.nat({ max: Number.MAX_SAFE_INTEGER });
  const entry = fc.record(
    {
      ...{ index, term: index, data: bytes, extensions: bytes },
      type: fc.constantFrom("command" as const, "noop" as const, "barrier" as const, "configuration" as const),
      appendedAtMs: fc.integer({ min: 0, max: 4e12 }),
    },
    { requiredKeys: ["index", "term", "data", "type"] },
  );
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 20 }), fc.integer({ min: 1, max: 300 }), (entries, sliceBytes) => {
      const request: RaftWireRequest = {
        ...{ protocolVersion: 3, id: "", address: "", type: "appendEntries", term: 3, leader: "10.0.0.1:8300" },
        ...{ prevLogIndex: 1, prevLogTerm: 1, entries, leaderCommit: 2 },
      };
      const found = read(encodeRaftRequest(request), sliceBytes);
      assert.deepEqual(JSON.parse(JSON.stringify(found)), JSON.parse(JSON.stringify(request)));
    }),
  );
});

test("what is said again and again reads as it did the first time, whatever comes between and however it is cut", () => {
  const appended = (term: number, entries: RaftWireEntry[] | undefined): RaftWireRequest => ({
    ...{ protocolVersion: 3, id: "", address: "", type: "appendEntries", term, leader: "10.0.0.1:8300" },
    ...{ prevLogIndex: 0, prevLogTerm: 0, entries, leaderCommit: 0 },
  });
  const entry: RaftWireEntry = { index: 7, term: 3, type: "noop", data: new Uint8Array(0) };
  const requests = [appended(3, undefined), appended(3, [entry]), appended(4, undefined), appended(3, [])];
  const success = (lastLog: number, term: number): RaftWireReply => ({
    type: "appendEntries",
    term,
    lastLog,
    success: true,
    noRetryBackoff: false,
  });
  const replies = [success(7, 3), success(8, 3), success(7, 4)];
  const cut = (bytes: Uint8Array, sliceBytes: number, push: (chunk: Uint8Array) => void): void => {
    for (let at = 0; at < bytes.length; at += sliceBytes) push(bytes.slice(at, at + sliceBytes));
  };
  const order = fc.array(fc.nat({ max: 11 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(order, fc.integer({ min: 1, max: 400 }), (numbers, sliceBytes) => {
      const sent = numbers.map((number) => requests[number % requests.length]!);
      const asked = new RaftRequestReader();
      const heard: unknown[] = [];
      cut(Buffer.concat(sent.map((request) => encodeRaftRequest(request))), sliceBytes, (chunk) => {
        asked.push(chunk);
        for (let next = asked.next(); next !== undefined; next = asked.next()) heard.push(next);
      });
      assert.deepEqual(
        heard,
        sent.map((request) => read(encodeRaftRequest(request))),
      );
      const said = numbers.map((number) => replies[number % replies.length]!);
      const answers = new RaftReplyReader();
      const found: unknown[] = [];
      cut(Buffer.concat(said.map((reply) => encodeRaftReply(reply, 3))), sliceBytes, (chunk) => {
        answers.push(chunk);
        for (let next = answers.next("appendEntries"); next !== undefined; next = answers.next("appendEntries"))
          found.push(next);
      });
      assert.deepEqual(
        found,
        said.map((reply) => ({ error: "", reply })),
      );
      assert.equal(answers.partial, false);
    }),
  );
});

test("what no peer sends is refused with the codec's own error", () => {
  const refused = (...parts: (number | string)[]): void => {
    const bytes = parts.flatMap((part) => (typeof part === "number" ? [part] : [...Buffer.from(part)]));
    const reader = new RaftRequestReader();
    reader.push(Uint8Array.from(bytes));
    assert.throws(() => reader.next(), MsgpackError);
  };
  refused(1, 0x81, 0xa4, "Term", 0xff); // negative
  refused(1, 0x81, 0xa4, "Term", 0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff); // beyond 2^53
  refused(0, 0xc1); // no value at all
  refused(0, 0xdd, 0xff, 0xff, 0xff, 0xff); // more elements than any append has
  refused(0, 0x81, 0xa7, "Entries", 0x91, 0x81, 0xa4, "Type", 2); // Raft's first protocol
  refused(2, 0x81, 0xa4, "Size", 0xcf, 0x00, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff); // a state of 2^53 bytes
  assert.equal(raftRpcOf(5), undefined);
  const replies = new RaftReplyReader();
  replies.push(Uint8Array.of(0x80));
  assert.throws(() => {
    replies.push(Uint8Array.of(0x80));
    replies.next("timeoutNow" satisfies RaftRpc);
  }, MsgpackError);
});
