import assert from "node:assert/strict";
import { test } from "node:test";
import { testConfig } from "../config/config.test.support.ts";
import { serverOf } from "../pool/server-tags.ts";
import type { PoolMember } from "../pool/types.ts";
import { clientTags, serverTags } from "./member-tags.ts";

const NODE_ID = "0b5fd9e3-0000-4000-8000-000000000001";

const agentConfig = (hcl: string) =>
  testConfig(`data_dir = "/data" bind_addr = "127.0.0.1" ${hcl}`, { devMode: false });

test("a client sends the tags that Consul 1.10 sends", () => {
  assert.deepEqual(Object.fromEntries(clientTags(testConfig(), NODE_ID)), {
    role: "node",
    dc: "dc1",
    segment: "",
    id: NODE_ID,
    vsn: "2",
    vsn_min: "2",
    vsn_max: "3",
    build: "1.10.11:",
    acls: "0",
  });
  const patient = agentConfig('advertise_reconnect_timeout = "90m"');
  assert.equal(clientTags(patient, NODE_ID).get("rc_tm"), "1h30m0s");
});

test("a server's tags are read back as that server", () => {
  const config = agentConfig('server = true bootstrap_expect = 3 node_name = "s1"');
  const versions = { min: 2, max: 5, current: 4 };
  const member = (tags: ReadonlyMap<string, string>): PoolMember => ({
    name: "s1",
    host: "127.0.0.1",
    port: 8301,
    tags,
    status: "alive",
    protocol: versions,
    delegate: versions,
  });
  const lan = serverOf(member(serverTags(config, NODE_ID, "lan", { server: 8300, serfWan: 8302 })), "lan");
  assert.equal(lan?.expect, 3);
  assert.equal(lan?.bootstrap, false);
  assert.equal(lan?.port, 8300);
  assert.equal(lan?.wanJoinPort, 8302);
  assert.equal(lan?.aclMode, "disabled");
  const wan = serverOf(member(serverTags(config, NODE_ID, "wan", { server: 8300, serfWan: 8302 })), "wan");
  assert.equal(wan?.wanJoinPort, 0);
  const alone = serverTags(config, NODE_ID, "lan", { server: 8300, serfWan: -1 });
  assert.equal(alone.has("wan_join_port"), false);
});
