import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ConfigEntry,
  ConfigEntryRequest,
  configEntryStruct,
  type LaterPart,
  make,
  NULL_SETTING,
} from "@tribune/api";
import { type ServerMember, serverOf } from "../../pool/server-tags.ts";
import type { PoolMemberStatus } from "../../pool/types.ts";
import type { ServerId } from "../../raft/types.ts";
import { MESSAGE } from "../../state/message-types.ts";
import { Machine } from "../../state/testing.ts";
import { requireKeepers, whyNotPeer } from "./later-kinds.ts";

function server(name: string, tags: Record<string, string> = {}, status: PoolMemberStatus = "alive"): ServerMember {
  const versions = { min: 1, max: 5, current: 2 };
  const all = { role: "consul", dc: "dc1", id: name, vsn: "2", build: "1.10.11:", port: "8300", ...tags };
  const known = { name, host: "10.0.0.9", port: 8301, tags: new Map(Object.entries(all)), status } as const;
  const found = serverOf({ ...known, protocol: versions, delegate: versions }, "lan");
  assert.ok(found !== undefined);
  return found;
}
const OURS = { ft_config_kinds: "1" };

const KIND: LaterPart = { kind: "exported-services", fields: [] };
const FIELDS: LaterPart = { kind: "service-defaults", fields: ["MaxInboundConnections"] };

test("an entry of a later kind is written only when all servers are known to know it", () => {
  const refusal = (
    servers: readonly ServerMember[],
    peers: readonly string[],
    part: LaterPart | "delete-cas" = KIND,
  ): string => {
    const configuration = peers.map((id) => ({
      id: id as ServerId,
      address: `${id}:8300`,
      suffrage: "voter" as const,
    }));
    try {
      requireKeepers(part, { servers, peers: { servers: configuration }, self: "me" });
      return "";
    } catch (error) {
      return (error as Error).message.replace(/.*not known: (.*)\. A server.*/, "$1");
    }
  };
  const table: readonly [string, readonly ServerMember[], readonly string[], string][] = [
    ["a server alone", [], ["me"], ""],
    ["it does not ask its own tags", [server("me")], ["me"], ""],
    ["others of ours", [server("a", OURS)], ["me", "a"], ""],
    ["later Consuls", [server("a", { build: "1.13.0:" }), server("b", { build: "1.21.4:" })], ["me", "a", "b"], ""],
    ["a Consul of 1.10", [server("a", OURS), server("b")], ["me", "a", "b"], "b (1.10.11)"],
    ["and of 1.12", [server("b", { build: "1.12.9:" })], ["me", "b"], "b (1.12.9)"],
    ["one that has failed may come back", [server("b", {}, "failed")], ["me", "b"], "b (1.10.11)"],
    [
      "one that has taken another name",
      [server("c", { ...OURS, id: "b" }), server("b", {}, "failed")],
      ["me", "b"],
      "",
    ],
    ["one that is no peer may become one", [server("b")], ["me"], "b (1.10.11)"],
    ["one that has left is none", [server("b", {}, "left")], ["me"], ""],
    ["a peer that nobody has seen may be anything", [], ["me", "b"], "b at b:8300"],
    ["one that left and is a peer still, too", [server("b", OURS, "left")], ["me", "b"], "b at b:8300"],
  ];
  for (const [what, servers, peers, expected] of table) assert.equal(refusal(servers, peers), expected, what);
  // Fields came later than kinds.
  assert.equal(refusal([server("a", { ft_config_kinds: "2" })], ["me", "a"], FIELDS), "");
  assert.equal(refusal([server("a", { build: "1.21.4:" })], ["me", "a"], FIELDS), "");
  assert.equal(refusal([server("a", OURS)], ["me", "a"], FIELDS), "a (1.10.11)");
  assert.equal(refusal([server("a", { build: "1.20.0:" })], ["me", "a"], FIELDS), "a (1.20.0)");
  // A null in a list ends any server of Consul.
  const NULL: LaterPart = { kind: "proxy-defaults", fields: [NULL_SETTING] };
  assert.equal(refusal([server("a", OURS)], ["me", "a"], NULL), "a (1.10.11)");
  assert.equal(refusal([server("a", { ft_config_kinds: "2" })], ["me", "a"], NULL), "");
  assert.equal(refusal([server("a", { build: "1.21.4:" })], ["me", "a"], NULL), "a (1.21.4)");
  // To delete with a condition came between these in Consul, and last in ours.
  assert.equal(refusal([server("a", { ft_config_kinds: "3" })], ["me", "a"], "delete-cas"), "");
  assert.equal(refusal([server("a", { build: "1.11.0:" })], ["me", "a"], "delete-cas"), "");
  assert.equal(refusal([server("a", { ft_config_kinds: "2" })], ["me", "a"], "delete-cas"), "a (1.10.11)");
  assert.equal(refusal([server("a")], ["me", "a"], "delete-cas"), "a (1.10.11)");
});

test("a server that would end with what log or state hold does not become a peer", () => {
  const machine = new Machine();
  const command = (Op: string) => {
    const entry = make(configEntryStruct("exported-services")!, {
      ...{ Kind: "exported-services", Name: "default" },
    } as Partial<ConfigEntry>);
    machine.apply(MESSAGE.CONFIG_ENTRY, ConfigEntryRequest, make(ConfigEntryRequest, { Op, Entry: entry }));
  };
  const why = (who: ServerMember, firstIndex = 1) => whyNotPeer(who, machine.db, firstIndex);
  assert.equal(why(server("old")), undefined);
  command("upsert");
  assert.match(why(server("old"), 2) ?? "", /delete them first: exported-services\/default$/);
  assert.equal(why(server("ours", OURS)), undefined);
  command("delete");
  assert.match(why(server("old"), 2) ?? "", /up to index 2/);
  assert.equal(why(server("old"), 3), undefined);
});

test("nor does one that would lose what an entry says", () => {
  const machine = new Machine();
  const entry = make(configEntryStruct("service-defaults")!, {
    ...{ Kind: "service-defaults", Name: "web", MaxInboundConnections: 5 },
  } as Partial<ConfigEntry>);
  const command = (Op: string) =>
    machine.apply(MESSAGE.CONFIG_ENTRY, ConfigEntryRequest, make(ConfigEntryRequest, { Op, Entry: entry }));
  const why = (who: ServerMember) => whyNotPeer(who, machine.db, 1);
  command("upsert");
  assert.match(why(server("old")) ?? "", /delete them first: service-defaults\/web$/);
  assert.match(why(server("of before", OURS)) ?? "", /delete them first: service-defaults\/web$/);
  assert.equal(why(server("ours", { ft_config_kinds: "2" })), undefined);
  command("delete");
  // In the log it does no harm.
  assert.equal(why(server("old")), undefined);
});

test("nor one that ends with a null in the settings of all proxies, also when only the log has it", () => {
  const machine = new Machine();
  const command = (Op: string, Config: Record<string, unknown>) => {
    const entry = make(configEntryStruct("proxy-defaults")!, {
      ...{ Kind: "proxy-defaults", Name: "global", Config },
    } as Partial<ConfigEntry>);
    machine.apply(MESSAGE.CONFIG_ENTRY, ConfigEntryRequest, make(ConfigEntryRequest, { Op, Entry: entry }));
  };
  const why = (who: ServerMember, firstIndex = 1) => whyNotPeer(who, machine.db, firstIndex);
  command("upsert", { a: [1, { b: "x" }] });
  assert.equal(why(server("old")), undefined);
  command("upsert", { a: [1, { b: null }] });
  for (const consul of [server("old"), server("later", { build: "1.21.4:" })])
    assert.match(why(consul) ?? "", /delete them first: proxy-defaults\/global$/);
  assert.equal(why(server("ours", { ft_config_kinds: "2" })), undefined);
  command("delete", {});
  // Also those who know all kinds, and all fields.
  for (const build of ["1.10.11:", "1.13.0:", "1.21.4:"])
    assert.match(why(server("consul", { build }), 2) ?? "", /a null in Config, .* up to index 2/);
  assert.equal(why(server("old"), 3), undefined);
});

test("nor one that would not carry out a conditional deletion that the log holds", () => {
  const machine = new Machine();
  const entry = make(configEntryStruct("service-defaults")!, {
    ...{ Kind: "service-defaults", Name: "web" },
  } as Partial<ConfigEntry>);
  const command = (Op: string) =>
    machine.apply(MESSAGE.CONFIG_ENTRY, ConfigEntryRequest, make(ConfigEntryRequest, { Op, Entry: entry }));
  const why = (who: ServerMember, firstIndex = 1) => whyNotPeer(who, machine.db, firstIndex);
  command("upsert");
  assert.equal(why(server("old")), undefined);
  // Its condition does not hold; it is in the log all the same.
  command("delete-cas");
  for (const old of [server("old"), server("of before", { ft_config_kinds: "2" })]) {
    assert.match(why(old, 2) ?? "", /\?cas, .* up to index 2/);
    assert.equal(why(old, 3), undefined);
  }
  assert.equal(why(server("ours", { ft_config_kinds: "3" }), 2), undefined);
  assert.equal(why(server("later", { build: "1.11.2:" }), 2), undefined);
});
