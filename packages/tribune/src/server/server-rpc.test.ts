import assert from "node:assert/strict";
import { test } from "node:test";
import { serverOf } from "../pool/server-tags.ts";
import type { PoolMember } from "../pool/types.ts";
import { leaderOf } from "./server-rpc.ts";

const VERSIONS = { min: 2, max: 5, current: 4 };
const TAGS = { role: "consul", dc: "dc1", vsn: "2", raft_vsn: "3", build: "1.10.11:", port: "8300", id: "id-2" };

const member = (status: PoolMember["status"]) =>
  serverOf(
    {
      ...{ name: "n2", host: "10.0.0.2", port: 8301, tags: new Map(Object.entries(TAGS)), status },
      ...{ protocol: VERSIONS, delegate: VERSIONS },
    },
    "lan",
  );

const operator = (leaderId: string | undefined, known: ReturnType<typeof member>) => ({
  operator: {
    leaderId,
    leaderMember: () => known,
    leaderAddress: () => (leaderId === undefined ? "" : "10.0.0.9:8300"),
  },
});

const SELF = { id: "id-1", datacenter: "dc1" };

test("calls go where the members have the leader, or Raft where they do not know it", () => {
  assert.deepEqual(leaderOf(operator("id-2", member("alive")), SELF), {
    ...{ name: "n2", host: "10.0.0.2", port: 8300, datacenter: "dc1" },
  });
  assert.equal(leaderOf(operator("id-9", undefined), SELF)?.host, "10.0.0.9");
  assert.equal(leaderOf(operator("id-1", undefined), SELF), undefined);
  assert.equal(leaderOf(operator(undefined, undefined), SELF), undefined);
});

test("a leader that gossip has as failed is asked all the same: Raft says who leads", () => {
  assert.equal(leaderOf(operator("id-2", member("failed")), SELF)?.host, "10.0.0.2");
});
