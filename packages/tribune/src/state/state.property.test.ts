import assert from "node:assert/strict";
import { test } from "node:test";
import { DeregisterRequest, type DirEntry, HealthCheck, make, NodeService, TombstoneRequest } from "@tribune/api";
import fc from "fast-check";
import { nodeWithServices } from "./catalog/node-queries.ts";
import { listServices, listServicesByNodeMeta } from "./catalog/service-queries.ts";
import { COORDINATES } from "./catalog/tables.ts";
import { CHECKS, NODES, SERVICES } from "./catalog.ts";
import { Dating, INDEXES, peekIndex } from "./index-table.ts";
import { KVS, kvGet, kvKeys, kvList, plainEntry, TOMBSTONES } from "./kv.ts";
import type { ReadTx } from "./memdb/types.ts";
import { MESSAGE } from "./message-types.ts";
import { SESSIONS, sessionList, sessionsOnNode } from "./session.ts";
import { kvOp, Machine, sessionId } from "./testing.ts";

// Small worlds, so that commands meet: few keys that are prefixes of each other, two nodes, four sessions.
const keys = fc.constantFrom("a", "a/", "a/b", "a/b/c", "b", "é", "");
const nodes = fc.constantFrom("n1", "n2");
const numbers = fc.integer({ min: 1, max: 4 });
const values = fc.constantFrom("", "x", "y");
const indexes = fc.integer({ min: 0, max: 30 });
const statuses = fc.constantFrom("passing", "warning", "critical");
const check = (Node: string, Status: string) => make(HealthCheck, { Node, CheckID: "c", Name: "c", Status });

type Step = (machine: Machine) => unknown;
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constantFrom("set", "cas", "delete", "delete-cas", "delete-tree"), keys, values, indexes).map(
    ([op, key, value, ModifyIndex]): Step =>
      (machine) =>
        machine.kv(op, key, { value, ModifyIndex }),
  ),
  fc.tuple(fc.constantFrom("lock", "unlock"), keys, numbers, values).map(
    ([op, key, n, value]): Step =>
      (machine) =>
        machine.kv(op, key, { value, Session: sessionId(n) }),
  ),
  fc.tuple(numbers, nodes, fc.boolean(), fc.constantFrom("release", "delete")).map(
    ([n, Node, checked, Behavior]): Step =>
      (machine) =>
        machine.session("create", n, { Node, Behavior, NodeChecks: checked ? ["c"] : null, LockDelay: 1e9 }),
  ),
  numbers.map(
    (n): Step =>
      (machine) =>
        machine.session("destroy", n),
  ),
  fc.tuple(nodes, statuses, fc.boolean()).map(
    ([node, status, service]): Step =>
      (machine) =>
        machine.register(node, {
          Check: check(node, status),
          Service: service ? make(NodeService, { ID: "s", Service: "web" }) : null,
        }),
  ),
  fc.tuple(nodes, fc.constantFrom<Partial<DeregisterRequest>>({}, { CheckID: "c" }, { ServiceID: "s" })).map(
    ([Node, what]): Step =>
      (machine) =>
        machine.apply(MESSAGE.DEREGISTER, DeregisterRequest, make(DeregisterRequest, { Node, ...what })),
  ),
  fc.tuple(keys, keys, numbers).map(
    ([one, other, n]): Step =>
      (machine) =>
        machine.txn(kvOp("set", one), kvOp("lock", other, { Session: sessionId(n) }), kvOp("delete-tree", "a/")),
  ),
  indexes.map(
    (ReapIndex): Step =>
      (machine) =>
        machine.apply(MESSAGE.TOMBSTONE, TombstoneRequest, make(TombstoneRequest, { Op: "reap", ReapIndex })),
  ),
);

const SHOWN = [NODES, SERVICES, CHECKS, COORDINATES, SESSIONS, TOMBSTONES, INDEXES];

/** All that a client could see, in a form that compares. */
function contents(machine: Machine): unknown {
  return machine.db.peek((tx) => [
    [...tx.scan(KVS, "")].map((entry) => plainEntry(entry)),
    ...SHOWN.map((table) => [...tx.scan<object>(table as never, "")]),
  ]);
}

function reload(machine: Machine): Machine {
  const snapshot = machine.fsm.snapshot();
  const copy = new Machine();
  const restore = copy.fsm.restore();
  for (const chunk of snapshot.chunks) restore.push(chunk);
  restore.finish();
  snapshot.release();
  copy.index = machine.index;
  return copy;
}

test("whatever the commands: a snapshot restores to the same state, which then goes on the same way", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), fc.array(step, { maxLength: 8 }), (before, after) => {
      const machine = new Machine();
      for (const run of before) run(machine);
      const copy = reload(machine);
      assert.deepEqual(contents(copy), contents(machine));
      const answers = after.map((run) => run(machine));
      assert.deepEqual(
        after.map((run) => run(copy)),
        answers,
      );
      assert.deepEqual(contents(copy), contents(machine));
    }),
    { numRuns: 200 },
  );
});

const QUERIES: Readonly<Record<string, (tx: ReadTx) => { readonly index: number }>> = {
  one: (tx) => kvGet(tx, "a/b"),
  absent: (tx) => kvGet(tx, "zz"),
  all: (tx) => kvList(tx, ""),
  below: (tx) => kvList(tx, "a/"),
  folders: (tx) => kvKeys(tx, "", "/"),
  foldersBelow: (tx) => kvKeys(tx, "a/", "/"),
  sessions: (tx) => sessionList(tx),
  onNode: (tx) => sessionsOnNode(tx, "n1"),
  services: (tx) => listServices(tx),
  servicesByMeta: (tx) => listServicesByNodeMeta(tx, { rack: "1" }),
  nodeById: (tx) => nodeWithServices(tx, "abcd"),
};

/** One answer, with what it depends on and what dates it. */
function ask(machine: Machine, query: (tx: ReadTx) => { readonly index: number }) {
  const dating = new Dating();
  const { result, watch } = machine.db.read(query, dating);
  return { result, watch, dating };
}

test("whatever the commands: indexes never go back, and who must wake wakes to a higher index", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const machine = new Machine();
      for (const run of steps) {
        const tables = machine.db.peek((tx) => ["kvs", "tombstones", "sessions"].map((name) => peekIndex(tx, name)));
        const before = Object.values(QUERIES).map((query) => ask(machine, query));
        run(machine);
        const after = Object.values(QUERIES).map((query) => ask(machine, query));
        machine.db.peek((tx) =>
          ["kvs", "tombstones", "sessions"].forEach((name, at) => {
            assert.ok(peekIndex(tx, name) >= tables[at]!, name);
          }),
        );
        before.forEach(({ result, watch }, at) => {
          const { index, ...answer } = result;
          const { index: laterIndex, ...later } = after[at]!.result;
          const name = Object.keys(QUERIES)[at];
          assert.ok(laterIndex >= index, `${name}: index ${index} goes back to ${laterIndex}`);
          if (show(answer) !== show(later)) {
            assert.ok(watch.fired, `${name} was not woken`);
            assert.ok(laterIndex > index, `${name}: index ${index} to ${laterIndex}`);
          }
          watch.release();
          after[at]!.watch.release();
        });
      }
      assert.equal(machine.db.watchCellCount, 0);
    }),
    { numRuns: 200 },
  );
});

test("whatever the commands: a kept answer, a new one and one of a copy from a snapshot have the same index", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.nat(39), (steps, copiedAt) => {
      const machine = new Machine();
      let copy: Machine | undefined;
      const kept = new Map<string, ReturnType<typeof ask>>();
      for (const [at, run] of steps.entries()) {
        run(machine);
        if (copy !== undefined) run(copy);
        if (at === copiedAt) copy = reload(machine);
        for (const [name, query] of Object.entries(QUERIES)) {
          const { result, watch } = ask(machine, query);
          watch.release();
          const { index } = copy?.db.peek(query) ?? result;
          assert.equal(index, result.index, `${name}, from a snapshot`);
          const known = kept.get(name);
          const dated = known?.watch.fired
            ? undefined
            : machine.db.peek((tx) => known?.dating.indexIn(tx, known.result.index));
          if (dated !== undefined) assert.equal(dated, result.index, `${name}, kept`);
          else {
            known?.watch.release();
            kept.set(name, ask(machine, query));
          }
        }
      }
    }),
    { numRuns: 200 },
  );
});

function show(answer: object): string {
  return JSON.stringify(answer, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}

test("whatever the commands: keys follow a plain map, and locks are held by sessions that live", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const machine = new Machine();
      for (const run of steps) {
        const before = entriesOf(machine);
        const index = machine.index + 1;
        run(machine);
        const after = entriesOf(machine);
        for (const [key, entry] of after) {
          const old = before.get(key);
          if (entry.ModifyIndex !== index) assert.deepEqual(entry, old);
          assert.equal(entry.CreateIndex, old?.CreateIndex ?? index);
          if (entry.Session !== "") {
            assert.ok(
              machine.db.peek((tx) => tx.peek(SESSIONS, entry.Session.replaceAll("-", ""))),
              `${key} is locked by a session that is gone`,
            );
          }
        }
        const held = machine.db.peek((tx) => [...tx.by(KVS, "session", "")].map((entry) => entry.Key));
        const expected = [...after.values()].filter((entry) => entry.Session !== "");
        assert.deepEqual(held.sort(), expected.map((entry) => entry.Key).sort());
      }
    }),
    { numRuns: 200 },
  );
});

function entriesOf(machine: Machine): Map<string, DirEntry> {
  return machine.db.peek((tx) => new Map(kvList(tx, "").entries.map((entry) => [entry.Key, plainEntry(entry)])));
}

test("who proposes a command applies the request in hand, and has the state and the answers of those who read it", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const [proposer, other] = [new Machine({ proposes: true }), new Machine()];
      for (const run of steps) assert.deepStrictEqual(run(proposer), run(other));
      assert.deepStrictEqual(contents(proposer), contents(other));
      const bytes = ({ fsm }: Machine): Buffer => Buffer.concat([...fsm.snapshot().chunks]);
      assert.ok(bytes(proposer).equals(bytes(other)));
    }),
    { numRuns: 200 },
  );
});
