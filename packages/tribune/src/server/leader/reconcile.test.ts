import assert from "node:assert/strict";
import { test } from "node:test";
import { make, Node } from "@tribune/api";
import type { PoolMember } from "../../pool/types.ts";
import { type CatalogView, type Reconciliation, reconcileMember, type SeenStatus } from "./reconcile.ts";

const SELF = { name: "s1", datacenter: "dc1" };
const ID = "11111111-2222-3333-4444-555555555555";
const CLIENT = { role: "node", dc: "dc1", id: ID };
const SERVER = {
  role: "consul",
  dc: "dc1",
  segment: "",
  id: ID,
  vsn: "2",
  build: "1.10.11:",
  raft_vsn: "3",
  port: "8300",
};
const META = {
  non_voter: "false",
  raft_version: "3",
  read_replica: "false",
  serf_protocol_current: "2",
  serf_protocol_max: "5",
  serf_protocol_min: "1",
  version: "1.10.11",
};

function member(tags: Record<string, string>, name = "n1"): PoolMember {
  const versions = { min: 1, max: 5, current: 2 };
  const known = { name, host: "10.0.0.9", port: 8301, tags: new Map(Object.entries(tags)), status: "alive" } as const;
  return { ...known, protocol: versions, delegate: versions };
}

function view(serfHealth?: string, more: Partial<CatalogView> = {}): CatalogView {
  const node = make(Node, {
    Node: "n1",
    Address: "10.0.0.9",
    Meta: { rack: "a" },
    TaggedAddresses: { lan: "10.0.0.9" },
  });
  return { node, serfHealth, serverMeta: undefined, ...more };
}
const UNKNOWN: CatalogView = { node: undefined, serfHealth: undefined, serverMeta: undefined };

/** The kinds of steps, and of a registration the check's status. */
function brief(steps: readonly Reconciliation[]): string {
  return steps
    .map((step) => (step.type === "register" ? `register ${step.request.Check?.Status}` : step.type))
    .join(", ");
}

const CASES: readonly [string, Record<string, string>, SeenStatus, CatalogView, string][] = [
  ["a new client is entered", CLIENT, "alive", UNKNOWN, "register passing"],
  ["one that is entered stays", CLIENT, "alive", view("passing"), ""],
  ["one that came back is healthy again", CLIENT, "alive", view("critical"), "register passing"],
  ["one without its check gets it", CLIENT, "alive", view(undefined), "register passing"],
  [
    "one at another address is entered anew",
    CLIENT,
    "alive",
    view("passing", { node: make(Node, { Node: "n1", Address: "10.0.0.1" }) }),
    "register passing",
  ],
  ["a failed one is critical", CLIENT, "failed", view("passing"), "register critical"],
  ["once is enough", CLIENT, "failed", view("critical"), ""],
  ["a failure enters nobody", CLIENT, "failed", UNKNOWN, ""],
  ["one that left is forgotten", CLIENT, "left", view("passing"), "deregister"],
  ["a reaped one as well", CLIENT, "reap", view("critical"), "deregister"],
  ["once is enough here too", CLIENT, "left", UNKNOWN, ""],
  ["one that is leaving is still there", CLIENT, "leaving", view("passing"), ""],
  ["a server is added to the peer set", SERVER, "alive", UNKNOWN, "addServer, register passing"],
  [
    "and asked for each time, as its address may be new",
    SERVER,
    "alive",
    view("passing", { serverMeta: META }),
    "addServer",
  ],
  [
    "a server of another version is entered anew",
    SERVER,
    "alive",
    view("passing", { serverMeta: { ...META, version: "1.9.0" } }),
    "addServer, register passing",
  ],
  ["a server that left leaves both", SERVER, "left", view("passing"), "removeServer, deregister"],
  ["also when the catalog forgot it", SERVER, "left", UNKNOWN, "removeServer"],
  ["a failed server stays a peer", SERVER, "failed", view("passing"), "register critical"],
  ["another datacenter's member is none of ours", { ...CLIENT, dc: "dc2" }, "alive", UNKNOWN, ""],
  ["nor one of another segment", { ...SERVER, segment: "blue" }, "alive", UNKNOWN, ""],
  ["nor something without a role", { dc: "dc1" }, "alive", UNKNOWN, ""],
];

for (const [name, tags, status, catalog, expected] of CASES)
  test(`reconcile: ${name}`, () => {
    assert.equal(brief(reconcileMember(member(tags), status, catalog, SELF)), expected);
  });

test("reconcile: a leader that leaves is deregistered by the next one", () => {
  assert.deepEqual(reconcileMember(member(SERVER, "s1"), "left", view("passing"), SELF), []);
});

test("reconcile: what an agent said about its node is kept, and nobody's node is overwritten by a failure", () => {
  const [alive] = reconcileMember(member(CLIENT), "alive", view("critical"), SELF);
  assert.ok(alive?.type === "register");
  assert.deepEqual(
    [alive.request.NodeMeta, alive.request.ID, alive.request.SkipNodeUpdate],
    [{ rack: "a" }, ID, false],
  );
  const [failed] = reconcileMember(member(CLIENT), "failed", view("passing"), SELF);
  assert.ok(failed?.type === "register");
  assert.equal(failed.request.SkipNodeUpdate, true);
});
