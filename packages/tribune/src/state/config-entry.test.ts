import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import {
  CONFIG_ENTRY_STRUCTS,
  type ConfigEntry,
  type ConfigEntryKind,
  ConfigEntryRequest,
  configEntryStruct,
  isLaterKind,
  make,
} from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { configEntryGet, configEntryList, laterEntries } from "./config-entry.ts";
import { recordOf } from "./config-entry-table.ts";
import { MESSAGE } from "./message-types.ts";
import { opaqueRecords } from "./opaque.ts";
import { Machine } from "./testing.ts";

const entryOf = (Kind: ConfigEntryKind, Name: string, given: object = {}): ConfigEntry =>
  make(configEntryStruct(Kind)!, { Kind, Name, ...given } as Partial<ConfigEntry>);

class Entries extends Machine {
  command(Op: string, entry: ConfigEntry): unknown {
    return this.apply(MESSAGE.CONFIG_ENTRY, ConfigEntryRequest, make(ConfigEntryRequest, { Op, Entry: entry }));
  }
  set(kind: ConfigEntryKind, name: string, given: object = {}): unknown {
    return this.command("upsert", entryOf(kind, name, given));
  }
  get(kind: string, name: string) {
    return this.db.peek((tx) => configEntryGet(tx, kind, name));
  }
  names(kind: string): string[] {
    return this.db.peek((tx) => configEntryList(tx, kind)).entries.map((entry) => `${entry.Kind}/${entry.Name}`);
  }
}

const http = { Protocol: "http" };
const refusal = (result: unknown): string => {
  assert.ok(result instanceof TribuneError, `expected a refusal, got ${JSON.stringify(result)}`);
  return result.message;
};

/** `state.bin` of an archive that Consul 1.10.11 wrote. */
function recordedState(): Uint8Array {
  const tar = gunzipSync(readFileSync(new URL("../../test-data/consul-1.10.snap", import.meta.url)));
  for (let at = 0; at < tar.length; ) {
    const name = tar.toString("latin1", at, at + 100).replace(/\0.*$/s, "");
    const size = Number.parseInt(tar.toString("latin1", at + 124, at + 136), 8);
    if (name === "state.bin") return tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error("no state.bin in the archive");
}

test("entries of every kind in Consul's own snapshot are read, and written byte for byte as they were", () => {
  const machine = new Entries();
  const restore = machine.fsm.restore();
  restore.push(recordedState());
  restore.finish();
  const entries = machine.db.peek((tx) => configEntryList(tx, "")).entries;
  const kinds = Object.keys(CONFIG_ENTRY_STRUCTS).filter((kind) => !isLaterKind(kind));
  assert.deepEqual(entries.map((entry) => entry.Kind).sort(), kinds.sort());
  const bodies = machine.db.peek((tx) => [...opaqueRecords(tx, MESSAGE.CONFIG_ENTRY)].map((record) => record.body));
  for (const [at, entry] of entries.entries()) {
    const body = Buffer.from(recordOf(entry).body);
    // A map of free keys is in no order in Go.
    if (entry.Kind !== "proxy-defaults") assert.deepEqual(body, Buffer.from(bodies[at]!), entry.Kind);
    else assert.equal(body.length, bodies[at]!.length);
  }
  assert.equal(machine.get("mesh", "mesh").entry?.Name, "mesh");
  assert.equal(machine.get("Service-Splitter", "WEB").entry?.Name, "web");
});

test("an entry keeps the index it was created at; names do not look at case", () => {
  const machine = new Entries();
  assert.equal(machine.set("service-defaults", "Web"), true);
  assert.equal(machine.set("service-defaults", "web", http), true);
  const { index, entry } = machine.get("service-defaults", "WEB");
  assert.deepEqual([entry?.Name, entry?.CreateIndex, entry?.ModifyIndex, index], ["web", 1, 2, 2]);
  assert.deepEqual(machine.command("delete", entryOf("service-defaults", "web")), { Deleted: true });
  assert.deepEqual(machine.get("service-defaults", "web"), { index: 3, entry: undefined });
  machine.command("delete", entryOf("service-defaults", "web"));
  assert.equal(machine.get("service-defaults", "web").index, 3);
});

test("a conditional write wants the entry's own index, or none to be there", () => {
  const machine = new Entries();
  const cas = (ModifyIndex: number) => machine.command("upsert-cas", entryOf("service-defaults", "a", { ModifyIndex }));
  assert.equal(cas(7), false);
  assert.equal(cas(0), true);
  assert.equal(cas(0), false);
  assert.equal(cas(2), true);
  assert.equal(machine.get("service-defaults", "a").entry?.ModifyIndex, 4);
});

test("a conditional deletion wants the entry's own index", () => {
  const machine = new Entries();
  const remove = (ModifyIndex: number) =>
    machine.command("delete-cas", entryOf("service-defaults", "a", { ModifyIndex }));
  assert.deepEqual(remove(0), { Deleted: false });
  machine.set("service-defaults", "a");
  assert.deepEqual([remove(0), remove(1), remove(3)], [{ Deleted: false }, { Deleted: false }, { Deleted: false }]);
  assert.equal(machine.get("service-defaults", "a").entry?.ModifyIndex, 2);
  assert.deepEqual(remove(2), { Deleted: true });
  assert.deepEqual(machine.get("service-defaults", "a"), { index: 6, entry: undefined });
  // An entry that others need stays, whatever the condition says.
  machine.set("service-defaults", "a", http);
  machine.set("service-router", "a", { Routes: [] });
  assert.match(refusal(remove(7)), /does not permit advanced routing/);
});

test("a read wakes for its own entry, a list for its kind", () => {
  const machine = new Entries();
  machine.set("service-defaults", "a");
  const one = machine.db.read((tx) => configEntryGet(tx, "service-defaults", "a")).watch;
  const absent = machine.db.read((tx) => configEntryGet(tx, "service-router", "b")).watch;
  const kind = machine.db.read((tx) => configEntryList(tx, "service-resolver")).watch;
  machine.set("service-defaults", "b", http);
  assert.deepEqual([one.fired, absent.fired, kind.fired], [false, false, false]);
  machine.set("service-router", "b", { Routes: [] });
  assert.deepEqual([one.fired, absent.fired, kind.fired], [false, true, false]);
  machine.set("service-resolver", "z");
  assert.equal(kind.fired, true);
  assert.deepEqual(machine.names("service-defaults"), ["service-defaults/a", "service-defaults/b"]);
});

test("a chain of services speaks one protocol, and routing needs http", () => {
  const machine = new Entries();
  const splitTo = (...names: readonly string[]) => ({
    Splits: names.map((Service) => ({ Weight: 100 / names.length, Service, ServiceSubset: "", Namespace: "" })),
  });
  assert.match(
    refusal(machine.set("service-splitter", "web", splitTo("web"))),
    /^discovery chain "web" uses a protocol "tcp" that does not permit advanced routing or splitting behavior$/,
  );
  machine.set("service-defaults", "web", http);
  assert.equal(machine.set("service-splitter", "web", splitTo("web")), true);
  assert.equal(
    refusal(machine.set("service-splitter", "web", splitTo("web", "other"))),
    'discovery chain "web" uses inconsistent protocols; service "other" has "tcp" which is not "http"',
  );
  machine.set("service-defaults", "other", http);
  assert.equal(machine.set("service-splitter", "web", splitTo("web", "other")), true);
  assert.match(refusal(machine.command("delete", entryOf("service-defaults", "other"))), /inconsistent protocols/);
  // The proxies' default decides for services without one of their own.
  machine.set("proxy-defaults", "global", { Config: { Protocol: "HTTP" } });
  assert.deepEqual(machine.command("delete", entryOf("service-defaults", "other")), { Deleted: true });
});

test("chains neither run in circles nor lead to subsets that are not there", () => {
  const machine = new Entries();
  machine.set("proxy-defaults", "global", { Config: { protocol: "http" } });
  const redirect = (Service: string, ServiceSubset = "") => ({
    Redirect: { Service, ServiceSubset, Namespace: "", Datacenter: "" },
  });
  machine.set("service-resolver", "a", redirect("b"));
  assert.equal(
    refusal(machine.set("service-resolver", "b", redirect("a"))),
    "detected circular resolver redirect: [b.default.dc1 -> a.default.dc1 -> b.default.dc1]",
  );
  assert.equal(
    refusal(machine.set("service-resolver", "c", redirect("b", "v1"))),
    'service "b" does not have a subset named "v1"',
  );
  const splitTo = (Service: string) => ({ Splits: [{ Weight: 100, Service, ServiceSubset: "", Namespace: "" }] });
  machine.set("service-splitter", "x", splitTo("y"));
  assert.equal(
    refusal(machine.set("service-splitter", "y", splitTo("x"))),
    "detected circular reference: [splitter:y.default -> splitter:x.default -> splitter:y.default]",
  );
});

test("a chain of any length is answered, not walked until the stack ends", () => {
  const machine = new Entries();
  machine.set("proxy-defaults", "global", { Config: { protocol: "http" } });
  let refused: unknown;
  for (let at = 0; at < 300 && !(refused instanceof TribuneError); at++) {
    const Splits = [{ Weight: 100, Service: at === 0 ? "end" : `s${at - 1}`, ServiceSubset: "", Namespace: "" }];
    refused = machine.set("service-splitter", `s${at}`, { Splits });
  }
  assert.match(refusal(refused), /has more than 250 hops/);
});

test("gateways share no name, and their listeners speak what their services do", () => {
  const machine = new Entries();
  const listener = (Protocol: string) => ({
    Listeners: [{ Port: 80, Protocol, Services: [{ Name: "web", Hosts: null, Meta: null }] }],
  });
  assert.equal(
    refusal(machine.set("ingress-gateway", "gw", listener("http"))),
    'service "web" has protocol "tcp", which does not match defined listener protocol "http"',
  );
  assert.equal(machine.set("ingress-gateway", "gw", listener("tcp")), true);
  // What is there already may pass bytes on whatever the service comes to speak.
  assert.equal(machine.set("service-defaults", "web", http), true);
  assert.match(refusal(machine.set("terminating-gateway", "GW")), /a "ingress-gateway" config entry with that name/);
});

test("intentions about requests need a service that speaks http", () => {
  const machine = new Entries();
  const Sources = [{ Name: "a", Permissions: [{ Action: "allow", HTTP: null }] }];
  const given = { Sources: Sources.map((source) => ({ ...source, Action: "", Precedence: 9, Type: "consul" })) };
  const text = 'service "web" has protocol "tcp", which is incompatible with L7 intentions permissions';
  assert.equal(refusal(machine.set("service-intentions", "web", given)), text);
  machine.set("service-defaults", "web", http);
  assert.equal(machine.set("service-intentions", "web", given), true);
  assert.equal(refusal(machine.command("delete", entryOf("service-defaults", "web"))), text);
});

test("unknown operations are refused", () => {
  const text = refusal(new Entries().command("erase", entryOf("service-defaults", "a")));
  assert.equal(text, "invalid config entry operation type: erase");
});

test("what a server of Consul 1.10 could not read is known by the state, after its deletion and over a snapshot too", () => {
  const machine = new Entries();
  const seen = () => {
    const { entries, lastOfLaterKind } = machine.db.peek(laterEntries);
    return [entries.map(({ Kind, Name }) => `${Kind}/${Name}`), lastOfLaterKind];
  };
  machine.set("service-defaults", "default");
  assert.deepEqual(seen(), [[], 0]);
  const Services = [{ Name: "web", Namespace: "", Consumers: [{ Partition: "", Peer: "east", SamenessGroup: "" }] }];
  machine.set("exported-services", "default", { Services });
  assert.deepEqual(seen(), [["exported-services/default"], 2]);
  // It changes nothing, and is in the log all the same.
  machine.command("upsert-cas", entryOf("exported-services", "default", { ModifyIndex: 9 }));
  assert.deepEqual(seen(), [["exported-services/default"], 3]);
  const chunks = [...machine.fsm.snapshot().chunks];
  machine.command("delete", entryOf("exported-services", "default"));
  assert.deepEqual(seen(), [[], 4]);
  const restore = machine.fsm.restore();
  for (const chunk of chunks) restore.push(chunk);
  restore.finish();
  assert.deepEqual(seen(), [["exported-services/default"], 3]);
  assert.deepEqual((machine.get("exported-services", "default").entry as { Services?: unknown }).Services, Services);
});

test("letting in who shows no certificate needs the mesh's permission, to begin with it", () => {
  const machine = new Entries();
  const permissive = { MutualTLSMode: "permissive" };
  const no =
    "cannot set MutualTLSMode=permissive because AllowEnablingPermissiveMutualTLS=false in the mesh config entry";
  assert.equal(refusal(machine.set("service-defaults", "web", permissive)), no);
  assert.equal(machine.set("service-defaults", "web", { MutualTLSMode: "strict" }), true);
  machine.set("mesh", "mesh", { AllowEnablingPermissiveMutualTLS: true });
  assert.equal(machine.set("service-defaults", "web", permissive), true);
  machine.set("mesh", "mesh");
  assert.equal(machine.set("service-defaults", "web", { ...permissive, Protocol: "http" }), true);
  assert.equal(refusal(machine.set("proxy-defaults", "global", permissive)), no);
});
