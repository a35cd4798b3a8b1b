import assert from "node:assert/strict";
import { test } from "node:test";
import { lanMergeRules, wanMergeRules } from "./merge-rules.ts";
import type { PoolMember, PoolMemberStatus } from "./types.ts";

function member(name: string, tags: Record<string, string>, status: PoolMemberStatus = "alive"): PoolMember {
  const versions = { min: 1, max: 5, current: 2 };
  return {
    name,
    host: "10.0.0.1",
    port: 8301,
    tags: new Map(Object.entries({ dc: "dc1", segment: "", build: "1.10.11:", ...tags })),
    status,
    protocol: versions,
    delegate: versions,
  };
}
const client = (name: string, tags: Record<string, string> = {}, status?: PoolMemberStatus) =>
  member(name, { role: "node", ...tags }, status);
const server = (name: string, tags: Record<string, string> = {}) =>
  member(name, { role: "consul", port: "8300", vsn: "2", ...tags });

const LAN = lanMergeRules({ datacenter: "dc1", nodeId: "self", nodeName: "n1", segment: "" });

const CASES: [string, PoolMember[], string | undefined][] = [
  ["nobody", [], undefined],
  ["ourselves", [client("n1", { id: "self" })], undefined],
  ["two of ours", [client("a", { id: "1" }), server("b", { id: "2" })], undefined],
  ["a client of dc2", [client("a", { dc: "dc2" })], "Member 'a' part of wrong datacenter 'dc2'"],
  ["a server of dc2", [server("a", { dc: "dc2" })], "Member 'a' part of wrong datacenter 'dc2'"],
  ["a server that is none", [server("a", { dc: "dc2", port: "x" })], undefined],
  ["another program's member", [member("a", { role: "web", dc: "dc2" })], undefined],
  ["a segment", [client("a", { segment: "s" })], "Member 'a' part of wrong segment 's' (expected '')"],
  ["our id", [client("a", { id: "self" })], "Member 'a' has conflicting node ID 'self' with this agent's ID"],
  [
    "one id twice",
    [client("a", { id: "1" }), client("b", { id: "1" })],
    "Member 'b' has conflicting node ID '1' with member 'a'",
  ],
  ["the first has left", [client("a", { id: "1" }, "left"), client("b", { id: "1" })], undefined],
  ["the first is old", [client("a", { id: "1", build: "0.8.4:x" }), client("b", { id: "1" })], undefined],
  [
    "the first is 0.8.5",
    [client("a", { id: "1", build: "0.8.5:x" }), client("b", { id: "1" })],
    "Member 'b' has conflicting node ID '1' with member 'a'",
  ],
  ["no ids", [client("a"), client("b")], undefined],
];

for (const [what, members, refusal] of CASES) {
  test(`LAN: ${what}`, () => assert.equal(LAN.refuse(members), refusal));
}

test("LAN: in a segment only its members are welcome", () => {
  const rules = lanMergeRules({ datacenter: "dc1", nodeId: "self", nodeName: "n1", segment: "s" });
  assert.equal(rules.refuse([client("a", { segment: "s" })]), undefined);
  assert.equal(rules.refuse([client("a")]), "Member 'a' part of wrong segment '' (expected 's')");
});

test("WAN: servers of any datacenter, and nobody else", () => {
  const rules = wanMergeRules();
  assert.equal(rules.refuse([server("a.dc1"), server("b.dc2", { dc: "dc2" })]), undefined);
  assert.equal(rules.refuse([server("a.dc1"), client("c")]), "Member 'c' is not a server");
  assert.equal(rules.refuse([server("a.dc1", { raft_vsn: "x" })]), "Member 'a.dc1' is not a server");
});
