import assert from "node:assert/strict";
import { test } from "node:test";
import { serverOf } from "./server-tags.ts";
import type { PoolMember } from "./types.ts";

const TAGS = {
  role: "consul",
  dc: "dc1",
  segment: "",
  id: "0b5fd9e3-0000-4000-8000-000000000001",
  vsn: "2",
  vsn_min: "2",
  vsn_max: "3",
  raft_vsn: "3",
  build: "1.10.11:",
  port: "8300",
  acls: "0",
  ft_fs: "1",
  ft_si: "1",
  wan_join_port: "8302",
};

function member(tags: Readonly<Record<string, string>>, name = "s1"): PoolMember {
  const versions = { min: 2, max: 5, current: 4 };
  return {
    name,
    host: "127.0.0.1",
    port: 8301,
    tags: new Map(Object.entries(tags)),
    status: "alive",
    protocol: versions,
    delegate: versions,
  };
}

test("a server is read from the tags that Consul 1.10 sends", () => {
  assert.deepEqual(serverOf(member(TAGS), "lan"), {
    name: "s1",
    shortName: "s1",
    id: TAGS.id,
    host: "127.0.0.1",
    port: 8300,
    datacenter: "dc1",
    segment: "",
    status: "alive",
    bootstrap: false,
    expect: 0,
    version: "1.10.11",
    raftVersion: 3,
    protocol: { current: 2, min: 2, max: 3 },
    wanJoinPort: 8302,
    useTls: false,
    nonVoter: false,
    aclMode: "disabled",
    features: new Map([
      ["fs", 1],
      ["si", 1],
    ]),
  });
});

test("optional tags say more", () => {
  const found = serverOf(member({ ...TAGS, bootstrap: "1", expect: "3", use_tls: "1", read_replica: "1" }), "lan");
  assert.equal(found?.bootstrap, true);
  assert.equal(found?.expect, 3);
  assert.equal(found?.useTls, true);
  assert.equal(found?.nonVoter, true);
  assert.equal(serverOf(member({ ...TAGS, nonvoter: "1" }), "lan")?.nonVoter, true);
  assert.equal(serverOf(member({ ...TAGS, acls: "2" }), "lan")?.aclMode, "legacy");
  assert.equal(serverOf(member({ ...TAGS, acls: "9" }), "lan")?.aclMode, "unknown");
  assert.equal(serverOf(member({ ...TAGS, build: "1.21.4+ent:abc" }), "lan")?.version, "1.21.4");
});

test("a name of the WAN pool is shortened by its datacenter", () => {
  const found = serverOf(member(TAGS, "s1.dc1"), "wan");
  assert.equal(found?.name, "s1.dc1");
  assert.equal(found?.shortName, "s1");
  assert.equal(serverOf(member(TAGS, "s1.dc1"), "lan")?.shortName, "s1.dc1");
});

test("whoever is no server, or says something unreadable, is none", () => {
  assert.equal(serverOf(member({ ...TAGS, role: "node" }), "lan"), undefined);
  for (const tag of ["port", "vsn", "build", "expect", "raft_vsn", "wan_join_port", "ft_fs", "sl_alpha"]) {
    assert.equal(serverOf(member({ ...TAGS, [tag]: "x" }), "lan"), undefined, tag);
    assert.equal(serverOf(member({ ...TAGS, [tag]: "" }), "lan"), undefined, `empty ${tag}`);
  }
  for (const tag of ["port", "vsn", "build"]) {
    const { [tag]: _, ...rest } = TAGS as Record<string, string>;
    assert.equal(serverOf(member(rest), "lan"), undefined, `without ${tag}`);
  }
  for (const tag of ["raft_vsn", "wan_join_port", "ft_fs", "segment", "id", "acls"]) {
    const { [tag]: _, ...rest } = TAGS as Record<string, string>;
    assert.notEqual(serverOf(member(rest), "lan"), undefined, `without ${tag}`);
  }
  assert.notEqual(serverOf(member({ ...TAGS, sl_alpha: "[::1]:8303" }), "lan"), undefined);
});
