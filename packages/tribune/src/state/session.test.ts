import assert from "node:assert/strict";
import { test } from "node:test";
import { DeregisterRequest, HealthCheck, make, type Session } from "@tribune/api";
import { KVS, kvGet, kvList } from "./kv.ts";
import type { ReadTx } from "./memdb/types.ts";
import { MESSAGE } from "./message-types.ts";
import { sessionGet, sessionList, sessionsOnNode } from "./session.ts";
import { Machine, sessionId } from "./testing.ts";

const check = (CheckID: string, Status = "passing") =>
  make(HealthCheck, { Node: "n1", CheckID, Name: CheckID, Status });
const refusal = (result: unknown) => (result as Error).message;
const ids = (machine: Machine) => machine.db.peek((tx) => sessionList(tx).sessions.map((session) => session.ID));
const deregister = (machine: Machine, given: Partial<DeregisterRequest>) =>
  machine.apply(MESSAGE.DEREGISTER, DeregisterRequest, make(DeregisterRequest, { Node: "n1", ...given }));

function withNode(): Machine {
  const machine = new Machine();
  machine.register("n1", { Checks: [check("web"), check("db")] });
  machine.register("N2");
  return machine;
}

test("a session is created with what it was given, and found by id and node whatever their case", () => {
  const machine = withNode();
  assert.equal(machine.session("create", 10, { Name: "s", TTL: "10s", Node: "n2" }), sessionId(10));
  machine.db.peek((tx) => {
    const { index, session } = sessionGet(tx, sessionId(10).toUpperCase());
    assert.equal(index, 3);
    assert.deepEqual([session?.Behavior, session?.CreateIndex, session?.ModifyIndex], ["release", 3, 3]);
    assert.equal(sessionsOnNode(tx, "N2").sessions.length, 1);
    assert.deepEqual(sessionsOnNode(tx, "n1"), { index: 3, sessions: [] });
  });
});

test("refusals name what is missing", () => {
  const machine = withNode();
  machine.register("n1", { Check: check("bad", "critical") });
  const cases: readonly (readonly [Partial<Session>, string])[] = [
    [{ ID: "" }, "Missing session ID"],
    [{ Behavior: "x" }, "Invalid session behavior: x"],
    [{ Node: "nowhere" }, "Missing node registration"],
    [{ Checks: ["nope"] }, "Missing check 'nope' registration"],
    [{ NodeChecks: ["web", "gone"] }, "Missing check 'gone' registration"],
    [{ ServiceChecks: [{ ID: "svc", Namespace: "" }] }, "Missing check 'svc' registration"],
    [{ NodeChecks: ["bad"] }, "Check 'bad' is in critical state"],
  ];
  for (const [given, text] of cases) assert.equal(refusal(machine.session("create", 1, given)), text);
  assert.equal(refusal(machine.session("renew", 1)), "Invalid Session operation 'renew'");
  assert.deepEqual(ids(machine), []);
  assert.equal(
    machine.db.peek((tx) => sessionList(tx).index),
    0,
  );
});

test("ids that are no UUIDs are refused in Consul's words", () => {
  const machine = withNode();
  const words = (id: string) => {
    try {
      machine.db.peek((tx) => sessionGet(tx, id));
      return "";
    } catch (error) {
      return refusal(error);
    }
  };
  const prefix = "failed session lookup: index error: ";
  assert.equal(words("notauuid"), `${prefix}UUID must be 36 characters`);
  assert.equal(
    words("zzc433f5-c278-05e7-f5f5-cf722331f256"),
    `${prefix}Invalid UUID: encoding/hex: invalid byte: U+007A 'z'`,
  );
  assert.equal(words("84c433f5-c278-05e7-f5f5-cf72-331f256"), `${prefix}UUID should have maximum of 4 "-"; got 5`);
});

test("destroying a session releases its keys, in one step, with a lock delay", () => {
  const machine = withNode();
  machine.session("create", 1, { LockDelay: 15e9 });
  machine.kv("lock", "a", { Session: sessionId(1), value: "kept" });
  machine.kv("lock", "b", { Session: sessionId(1).toUpperCase() });
  machine.session("destroy", 1);
  machine.db.peek((tx) => {
    for (const key of ["a", "b"]) {
      const { entry } = kvGet(tx, key);
      assert.deepEqual([entry?.Session, entry?.LockIndex, entry?.ModifyIndex], ["", 1, machine.index]);
    }
    assert.equal(sessionList(tx).index, machine.index);
  });
  assert.deepEqual(machine.lockDelays, [
    ["a", 15_000],
    ["b", 15_000],
  ]);
  assert.equal(machine.session("destroy", 1), undefined);
});

test("a session that deletes takes its keys along; no delay is no delay, and a minute is the most", () => {
  const machine = withNode();
  machine.session("create", 1, { Behavior: "delete", LockDelay: 0 });
  machine.session("create", 2, { Behavior: "delete", LockDelay: 3_600e9 });
  machine.kv("lock", "a", { Session: sessionId(1) });
  machine.kv("lock", "b", { Session: sessionId(2) });
  machine.kv("set", "c");
  machine.session("destroy", 1);
  machine.session("destroy", 2);
  machine.db.peek((tx) => {
    assert.equal(kvGet(tx, "a").entry, undefined);
    assert.equal(kvGet(tx, "b").index, machine.index);
    assert.notEqual(kvGet(tx, "c").entry, undefined);
  });
  assert.deepEqual(machine.lockDelays, [["b", 60_000]]);
  assert.deepEqual(machine.tombstoneIndexes, [machine.index - 1, machine.index]);
});

test("the end of a session with many keys wakes who watches one of them, and nobody else", () => {
  for (const Behavior of ["release", "delete"]) {
    const machine = withNode();
    for (const n of [1, 2]) machine.session("create", n, { Behavior, LockDelay: 15e9 });
    for (let at = 0; at < 300; at++) {
      machine.kv("lock", `jobs/${at}/lock`, { Session: sessionId(1 + (at % 3 === 0 ? 1 : 0)), value: `${at}` });
      machine.kv("set", `jobs/${at}/result`);
    }
    const watchOf = (read: (tx: ReadTx) => unknown) => machine.db.read(read).watch;
    const woken = [
      watchOf((tx) => kvGet(tx, "jobs/1/lock")),
      watchOf((tx) => kvList(tx, "jobs/299/")),
      watchOf((tx) => kvList(tx, "")),
    ];
    const asleep = [
      watchOf((tx) => kvGet(tx, "jobs/3/lock")),
      watchOf((tx) => kvGet(tx, "jobs/1/result")),
      watchOf((tx) => kvList(tx, "jobs/0/")),
      watchOf((tx) => kvList(tx, "jobs/1/r")),
    ];
    machine.session("destroy", 1);
    assert.deepEqual(
      [...woken, ...asleep].map(({ fired }) => fired),
      [true, true, true, false, false, false, false],
    );
    machine.db.peek((tx) => {
      for (let at = 0; at < 300; at++) {
        const { index, entry } = kvGet(tx, `jobs/${at}/lock`);
        if (at % 3 === 0) assert.equal(entry?.Session, sessionId(2));
        else if (Behavior === "delete") assert.deepEqual([entry, index], [undefined, machine.index]);
        else {
          assert.deepEqual([entry?.Session, entry?.ModifyIndex, entry?.LockIndex], ["", machine.index, 1]);
          assert.equal(`${entry?.Value}`, `${at}`);
        }
        if (at % 3 !== 0) assert.equal(kvList(tx, `jobs/${at}/`).index, machine.index); // a tombstone dates what is gone
      }
    });
    assert.equal(machine.lockDelays.length, 200);
    assert.equal(machine.kv("lock", "jobs/1/lock", { Session: sessionId(2) }), true);
    assert.equal([...machine.db.peek((tx) => tx.by(KVS, "session", ""))].length, 101);
  }
});

test("sessions end with their node, with a check they rely on, and when it turns critical", () => {
  const ends: readonly ((machine: Machine) => void)[] = [
    (machine) => deregister(machine, {}),
    (machine) => deregister(machine, { CheckID: "WEB" }),
    (machine) => machine.register("n1", { Check: check("web", "critical") }),
  ];
  for (const end of ends) {
    const machine = withNode();
    machine.session("create", 1, { NodeChecks: ["web"] });
    machine.session("create", 2, { Node: "n2" });
    machine.kv("lock", "a", { Session: sessionId(1) });
    end(machine);
    assert.deepEqual(ids(machine), [sessionId(2)]);
    assert.equal(
      machine.db.peek((tx) => kvGet(tx, "a").entry?.Session),
      "",
    );
  }
});

test("a check that nobody relies on, or that only warns, ends nothing", () => {
  const machine = withNode();
  machine.session("create", 1, { NodeChecks: ["web"] });
  machine.register("n1", { Check: check("web", "warning") });
  machine.register("n1", { Check: check("db", "critical") });
  deregister(machine, { CheckID: "db" });
  assert.deepEqual(ids(machine), [sessionId(1)]);
});

test("queries wake for what they answer", () => {
  const machine = withNode();
  machine.session("create", 1);
  const one = machine.db.read((tx) => sessionGet(tx, sessionId(1))).watch;
  const onNode = machine.db.read((tx) => sessionsOnNode(tx, "n1")).watch;
  machine.session("create", 2, { Node: "n2" });
  machine.kv("lock", "a", { Session: sessionId(1) });
  assert.deepEqual([one.fired, onNode.fired], [false, false]);
  machine.session("create", 3);
  assert.deepEqual([one.fired, onNode.fired], [false, true]);
  machine.session("destroy", 1);
  assert.equal(one.fired, true);
});
