import assert from "node:assert/strict";
import { test } from "node:test";
import { type CARequest, type IntentionRequest, make, type Schema, SystemMetadataRequest } from "@tribune/api";
import { seededRng } from "../../lib/random.ts";
import { caConfiguration } from "../../state/connect-ca.ts";
import { hasLegacyIntentions, intentionsAreEntries } from "../../state/intention.ts";
import { Machine } from "../../state/testing.ts";
import { prepareMesh } from "./mesh-duties.ts";

function prepare(machine: Machine, seed = 1): { type: number; request: unknown }[] {
  const proposed: { type: number; request: unknown }[] = [];
  const propose = async <T>(type: number, schema: Schema<T>, request: T): Promise<unknown> => {
    proposed.push({ type, request });
    return machine.apply(type, schema, request);
  };
  void Promise.all(prepareMesh({ db: machine.db, rng: seededRng(seed), datacenter: "dc1", propose }));
  return proposed;
}

test("a new datacenter gets a cluster id and intentions that are entries, once", () => {
  const machine = new Machine();
  const proposed = prepare(machine);
  assert.deepEqual(
    proposed.map(({ type }) => type),
    [13, 12],
  );
  const [authority, intentions] = proposed.map(({ request }) => request) as [CARequest, IntentionRequest];
  assert.equal(authority.Op, "set-config");
  assert.match(authority.Config?.ClusterID ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-/);
  assert.equal(authority.Config?.Provider, "consul");
  assert.equal(intentions.Op, "delete-all");
  const kept = machine.db.peek(caConfiguration);
  assert.equal(kept?.ClusterID, authority.Config?.ClusterID);
  assert.ok(machine.db.peek(intentionsAreEntries));
  assert.deepEqual(prepare(machine, 2), [], "the next leader finds all of it");
});

test("an authority that is there stays; what else is missing comes", () => {
  const machine = new Machine();
  prepare(machine);
  const id = machine.db.peek(caConfiguration)?.ClusterID;
  machine.apply(
    31,
    SystemMetadataRequest,
    make(SystemMetadataRequest, { Op: "delete", Entry: { Key: "intention-format", Value: "" } } as never),
  );
  assert.equal(machine.db.peek(intentionsAreEntries), false);
  assert.deepEqual(
    prepare(machine, 3).map(({ type }) => type),
    [12],
  );
  assert.equal(machine.db.peek(caConfiguration)?.ClusterID, id);
});

test("intentions of before 1.9 are left to who can bring them over", () => {
  const db = {
    peek: (read: unknown) => (read === caConfiguration ? {} : read === hasLegacyIntentions),
  };
  const proposed: number[] = [];
  const propose = async (type: number): Promise<void> => void proposed.push(type);
  void Promise.all(prepareMesh({ db: db as never, rng: seededRng(1), datacenter: "dc1", propose }));
  assert.deepEqual(proposed, []);
});
