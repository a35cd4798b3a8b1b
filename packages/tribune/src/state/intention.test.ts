import assert from "node:assert/strict";
import { test } from "node:test";
import { IntentionMutation, IntentionRequest, make, type SourceIntention, SystemMetadataRequest } from "@tribune/api";
import { configEntryGet } from "./config-entry.ts";
import { intentionById, intentionExact, intentionList, intentionMatch, intentionsAreEntries } from "./intention.ts";
import { MESSAGE } from "./message-types.ts";
import { systemMetadata } from "./system-metadata.ts";
import { Machine } from "./testing.ts";

const ID = "11111111-2222-3333-4444-555555555555";
const source = (Name: string, given: Partial<SourceIntention> = {}): SourceIntention => ({
  Name,
  Action: "allow",
  Permissions: null,
  Precedence: 0,
  LegacyID: "",
  Type: "consul",
  Description: "",
  LegacyMeta: null,
  LegacyCreateTime: null,
  LegacyUpdateTime: null,
  ...given,
});
const legacy = (name: string, at: string) => source(name, { LegacyID: ID, LegacyCreateTime: at, LegacyUpdateTime: at });

function change(machine: Machine, Op: string, to: string, value: SourceIntention | null, from = "", id = ""): unknown {
  const Mutation = make(IntentionMutation, { ID: id, Destination: { Name: to }, Source: { Name: from }, Value: value });
  return machine.apply(MESSAGE.INTENTION, IntentionRequest, make(IntentionRequest, { Op, Mutation }));
}

test("an entry comes with its first source and goes with its last", () => {
  const machine = new Machine();
  change(machine, "upsert", "db", source("web"), "web");
  change(machine, "upsert", "db", source("*", { Action: "deny" }), "*");
  machine.db.peek((tx) => {
    assert.deepEqual(
      intentionList(tx).intentions.map((one) => [one.SourceName, one.DestinationName, one.Precedence]),
      [
        ["web", "db", 9],
        ["*", "db", 8],
      ],
    );
    assert.equal(intentionExact(tx, "web", "db").intention?.Action, "allow");
  });
  change(machine, "delete", "db", null, "web");
  change(machine, "delete", "db", null, "*");
  machine.db.peek((tx) => assert.equal(configEntryGet(tx, "service-intentions", "db").entry, undefined));
});

test("matches hold the wildcards of both sides, the most exact first", () => {
  const machine = new Machine();
  change(machine, "upsert", "*", source("*"), "*");
  change(machine, "upsert", "db", source("*"), "*");
  change(machine, "upsert", "db", source("web"), "web");
  change(machine, "upsert", "other", source("api"), "api");
  machine.db.peek((tx) => {
    const pairs = (side: "source" | "destination", name: string) =>
      intentionMatch(tx, side, name).intentions.map((one) => `${one.SourceName}>${one.DestinationName}`);
    assert.deepEqual(pairs("destination", "db"), ["web>db", "*>db", "*>*"]);
    assert.deepEqual(pairs("source", "web"), ["web>db", "*>db", "*>*"]);
    assert.deepEqual(pairs("source", "*"), ["*>db", "*>*"]);
  });
});

test("the older interface keeps an intention's id and time, and leaves alone what was written as an entry", () => {
  const machine = new Machine();
  assert.equal(change(machine, "create", "db", legacy("web", "2021-01-01T00:00:00Z")), ID);
  assert.equal(change(machine, "update", "", legacy("web", "2022-01-01T00:00:00Z"), "", ID), ID);
  const found = machine.db.peek((tx) => intentionById(tx, ID).intention);
  assert.equal(found?.CreatedAt, "2021-01-01T00:00:00Z");
  assert.equal(found?.UpdatedAt, "2022-01-01T00:00:00Z");
  assert.equal(found?.Hash?.length, 32);
  change(machine, "upsert", "db", source("api"), "api");
  const refused = change(machine, "create", "db", legacy("cli", "2021-01-01T00:00:00Z")) as Error;
  assert.match(refused.message, /^cannot use legacy intention API to edit intentions with a destination of "db"/);
});

test("the datacenter learns that intentions are entries, and snapshots keep it", () => {
  const machine = new Machine();
  machine.apply(MESSAGE.INTENTION, IntentionRequest, make(IntentionRequest, { Op: "delete-all" }));
  const restored = new Machine();
  const restore = restored.fsm.restore();
  for (const chunk of machine.fsm.snapshot().chunks) restore.push(chunk);
  restore.finish();
  assert.equal(restored.db.peek(intentionsAreEntries), true);
  const Entry = { Key: "x", Value: "y", CreateIndex: 0, ModifyIndex: 0 };
  const set = (Op: string) =>
    machine.apply(MESSAGE.SYSTEM_METADATA, SystemMetadataRequest, make(SystemMetadataRequest, { Op, Entry }));
  set("upsert");
  assert.equal(
    machine.db.peek((tx) => systemMetadata(tx, "x")),
    "y",
  );
  set("delete");
  assert.equal(
    machine.db.peek((tx) => systemMetadata(tx, "x")),
    undefined,
  );
});
