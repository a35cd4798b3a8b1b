import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeRaftRequest } from "../../codec/raft-message-encode.ts";
import type { LogEntry, RaftRequest } from "../../raft/types.ts";
import { RequestEncoder } from "./request-encoder.ts";
import { headerOf, toWireRequest } from "./wire.ts";

type Append = Extract<RaftRequest, { type: "appendEntries" }>;

const HEADER = headerOf("id-a", "10.0.0.1:8300");
const entry = (index: number): LogEntry => ({ index, term: 2, type: "command", data: Uint8Array.of(index) });
const ENTRIES = [entry(5), entry(6)];
const APPEND: Append = {
  type: "appendEntries",
  term: 2,
  prevLogIndex: 4,
  prevLogTerm: 1,
  entries: ENTRIES,
  leaderCommit: 3,
};
const HEARTBEAT: Append = { ...APPEND, prevLogIndex: 0, prevLogTerm: 0, entries: [], leaderCommit: 0 };

test("an append for another follower is the same bytes, and anything else is not", () => {
  const encoder = new RequestEncoder(HEADER);
  const first = encoder.encode(APPEND);
  assert.equal(encoder.encode({ ...APPEND, entries: [...ENTRIES] }), first);
  const others: readonly Append[] = [
    { ...APPEND, term: 3 },
    { ...APPEND, prevLogIndex: 5, entries: [entry(6)] },
    { ...APPEND, leaderCommit: 4 },
    { ...APPEND, entries: ENTRIES.slice(0, 1) },
    { ...APPEND, entries: [entry(5), entry(6)] },
    { ...APPEND, entries: [] },
  ];
  for (const other of others) {
    encoder.encode(APPEND);
    assert.deepEqual(encoder.encode(other), encodeRaftRequest(toWireRequest(other, HEADER)));
  }
});

test("heartbeats of a term are the same bytes, which an append between them does not change", () => {
  const encoder = new RequestEncoder(HEADER);
  const first = encoder.encode(HEARTBEAT);
  encoder.encode(APPEND);
  assert.equal(encoder.encode({ ...HEARTBEAT, entries: [] }), first);
  const later = { ...HEARTBEAT, term: 3 };
  assert.deepEqual(encoder.encode(later), encodeRaftRequest(toWireRequest(later, HEADER)));
});
