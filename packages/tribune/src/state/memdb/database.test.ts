import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { InvariantError } from "../../lib/invariant.ts";
import { createDatabase, type MemDatabase } from "./database.ts";
import { key, keyPrefix } from "./key.ts";
import type { ReadTx, TableSchema } from "./types.ts";

interface Pet {
  readonly id: string;
  readonly kind: string;
  readonly tags: readonly string[];
}

const PETS: TableSchema<Pet> = {
  name: "pets",
  key: (pet) => pet.id,
  indexes: {
    kind: (pet) => (pet.kind === "" ? undefined : pet.kind),
    tag: (pet) => pet.tags,
  },
};

const pet = (id: string, kind = "cat", ...tags: string[]): Pet => ({ id, kind, tags });
const ids = (rows: Iterable<Pet>): string[] => [...rows].map((row) => row.id);

test("rows are found by key, by prefix and under each of their index keys", () => {
  const db = createDatabase();
  db.write(7, (tx) => {
    tx.put(PETS, pet("a1", "cat", "old", "loud"));
    tx.put(PETS, pet("a2", "dog", "old"));
    tx.put(PETS, pet("b1", ""));
  });
  db.peek((tx) => {
    assert.equal(tx.index, 7);
    assert.deepEqual(ids(tx.scan(PETS, "a")), ["a1", "a2"]);
    assert.deepEqual(ids(tx.by(PETS, "tag", keyPrefix("old"))), ["a1", "a2"]);
    assert.deepEqual(ids(tx.by(PETS, "kind", "")), ["a1", "a2"]);
    assert.equal(tx.get(PETS, "b1")?.kind, "");
  });
  db.write(8, (tx) => tx.put(PETS, pet("a1", "dog", "old")));
  db.peek((tx) => {
    assert.deepEqual(ids(tx.by(PETS, "tag", keyPrefix("loud"))), []);
    assert.deepEqual(ids(tx.by(PETS, "kind", keyPrefix("dog"))), ["a1", "a2"]);
    assert.equal([...tx.by(PETS, "tag", keyPrefix("old"))][0]?.kind, "dog");
  });
  assert.equal(
    db.write(9, (tx) => tx.delete(PETS, "a1")?.id),
    "a1",
  );
  assert.deepEqual(
    db.peek((tx) => ids(tx.by(PETS, "kind", ""))),
    ["a2"],
  );
  assert.equal(db.count(PETS), 2);
});

test("a prefix leaves the indexes, whether its rows share few keys or many, and whether others have them too", () => {
  const rows = Array.from({ length: 60 }, (_, at) =>
    pet(`a/${at}`, at < 40 ? "cat" : `kind${at}`, "all", `t${at % 7}`),
  );
  const others = [pet("b/1", "cat", "all"), pet("b/2", "odd\0cat")];
  for (const outside of [[], others]) {
    const db = createDatabase();
    db.write(1, (tx) => {
      for (const row of [...rows, ...outside]) tx.put(PETS, row);
    });
    const shown = () =>
      db.peek((tx) => ["kind", "tag"].map((index) => [...tx.by(PETS, index, "")].map(({ id }) => id)));
    const before = shown();
    assert.throws(() =>
      db.write(2, (tx) => {
        tx.deletePrefix(PETS, "a/");
        throw new Error("never mind");
      }),
    );
    assert.deepEqual(shown(), before);
    const watches = ["cat", "kind50", "none"].map(
      (kind) => db.read((tx) => [...tx.by(PETS, "kind", keyPrefix(kind))]).watch,
    );
    assert.equal(
      db.write(2, (tx) => tx.deletePrefix(PETS, "a/")),
      60,
    );
    assert.deepEqual(
      watches.map(({ fired }) => fired),
      [true, true, false],
    );
    assert.deepEqual(shown(), outside.length === 0 ? [[], []] : [["b/1", "b/2"], ["b/1"]]);
  }
});

test("a write that throws leaves no trace: rows, indexes, index, watches, after-commit hooks", () => {
  const db = createDatabase();
  db.write(1, (tx) => tx.put(PETS, pet("a", "cat", "x")));
  const { watch } = db.read((tx) => tx.get(PETS, "a"));
  assert.throws(
    () =>
      db.write(2, (tx) => {
        tx.put(PETS, pet("a", "dog", "y"));
        tx.afterCommit(() => assert.fail("ran after an abort"));
        throw new RangeError("no");
      }),
    RangeError,
  );
  assert.equal(watch.fired, false);
  db.peek((tx) => {
    assert.equal(tx.index, 1);
    assert.equal(tx.get(PETS, "a")?.kind, "cat");
    assert.deepEqual(ids(tx.by(PETS, "tag", "")), ["a"]);
  });
  watch.release();
  assert.equal(db.watchCellCount, 0);
});

test("a transaction sees its own writes, and may delete while it scans", () => {
  const db = createDatabase();
  db.write(1, (tx) => {
    for (let n = 0; n < 500; n++) tx.put(PETS, pet(`p${n}`, n % 2 === 0 ? "cat" : "dog"));
    assert.equal([...tx.by(PETS, "kind", keyPrefix("dog"))].length, 250);
    for (const row of tx.by(PETS, "kind", keyPrefix("dog"))) tx.delete(PETS, row.id);
    for (const row of tx.scan(PETS, "")) tx.put(PETS, { ...row, tags: ["kept"] });
  });
  assert.equal(
    db.peek((tx) => [...tx.by(PETS, "tag", keyPrefix("kept"))].length),
    250,
  );
});

test("a snapshot stays as it was; a released one refuses to be read", () => {
  const db = createDatabase();
  db.write(1, (tx) => tx.put(PETS, pet("a")));
  const snapshot = db.snapshot();
  db.write(2, (tx) => {
    tx.delete(PETS, "a");
    tx.put(PETS, pet("b"));
  });
  assert.deepEqual(ids(snapshot.scan(PETS, "")), ["a"]);
  assert.equal(snapshot.index, 1);
  snapshot.release();
  assert.throws(() => snapshot.get(PETS, "a"), InvariantError);
});

test("a watch set fires once, also for a late listener, and never after its release", () => {
  const db = createDatabase();
  const { watch } = db.read((tx) => [tx.get(PETS, "a"), ids(tx.scan(PETS, "a"))]);
  const wakes: string[] = [];
  watch.onFire(() => wakes.push("one"));
  const cancel = watch.onFire(() => wakes.push("cancelled"));
  cancel();
  db.write(1, (tx) => tx.put(PETS, pet("a")));
  db.write(2, (tx) => tx.put(PETS, pet("a")));
  watch.onFire(() => wakes.push("late"));
  assert.deepEqual(wakes, ["one", "late"]);
  const released = db.read((tx) => tx.get(PETS, "a")).watch;
  released.onFire(() => assert.fail("fired after its release"));
  released.release();
  db.write(3, (tx) => tx.put(PETS, pet("a")));
  assert.equal(released.fired, false);
  assert.equal(db.watchCellCount, 0);
});

test("wakers see the committed state and may write", () => {
  const db = createDatabase();
  const { watch } = db.read((tx) => tx.get(PETS, "a"));
  watch.onFire(() => {
    assert.equal(
      db.peek((tx) => tx.get(PETS, "a")?.id),
      "a",
    );
    db.write(2, (tx) => tx.put(PETS, pet("b")));
  });
  db.write(1, (tx) => tx.put(PETS, pet("a")));
  assert.deepEqual(
    db.peek((tx) => ids(tx.scan(PETS, ""))),
    ["a", "b"],
  );
});

test("replacing the database takes over every row and fires every watch", () => {
  const db = createDatabase();
  db.write(1, (tx) => tx.put(PETS, pet("old")));
  const watches = [
    db.read((tx) => tx.get(PETS, "none")).watch,
    db.read((tx) => tx.by(PETS, "kind", keyPrefix("bird"))).watch,
  ];
  const other = createDatabase();
  other.write(9, (tx) => tx.put(PETS, pet("new", "dog")));
  db.replaceWith(other);
  assert.deepEqual(
    watches.map((watch) => watch.fired),
    [true, true],
  );
  db.peek((tx) => {
    assert.equal(tx.index, 9);
    assert.deepEqual(ids(tx.scan(PETS, "")), ["new"]);
    assert.deepEqual(ids(tx.by(PETS, "kind", "")), ["new"]);
  });
  db.write(10, (tx) => tx.delete(PETS, "new"));
  assert.deepEqual(
    other.peek((tx) => ids(tx.scan(PETS, ""))),
    ["new"],
  );
});

test("two schemas may not share a name, and an unknown index is a bug", () => {
  const db = createDatabase();
  db.peek((tx) => tx.get(PETS, "a"));
  assert.throws(() => db.peek((tx) => tx.get({ ...PETS }, "a")), InvariantError);
  assert.throws(() => db.peek((tx) => tx.by(PETS, "size", "")), InvariantError);
});

// The model: a plain map, every query answered by filtering it. Watches are judged by the answers: one that did not
// fire although its answer changed is a lost wake-up; one that fired although nothing it read was written is a
// needless one.
const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 0, maxLength: 3 });
const query = fc.record({ kind: fc.constantFrom("get" as const, "scan" as const, "tag" as const), arg: letters });
const change = fc.record({
  op: fc.constantFrom(...(["put", "put", "put", "put", "delete", "deletePrefix", "rewriteBy"] as const)),
  id: letters,
  kind: fc.constantFrom("cat", "dog", ""),
  tags: fc.uniqueArray(fc.constantFrom("a", "b", "ab"), { maxLength: 2 }),
});
type Query = typeof query extends fc.Arbitrary<infer T> ? T : never;

function answer(tx: ReadTx, { kind, arg }: Query): unknown[] {
  if (kind === "get") return [tx.get(PETS, arg) ?? "none"];
  return [...(kind === "scan" ? tx.scan(PETS, arg) : tx.by(PETS, "tag", arg))];
}

function expected(model: Map<string, Pet>, { kind, arg }: Query): unknown[] {
  if (kind === "get") return [model.get(arg) ?? "none"];
  const rows = [...model.values()];
  if (kind === "scan") return rows.filter((row) => row.id.startsWith(arg)).sort((a, b) => (a.id < b.id ? -1 : 1));
  return rows
    .flatMap((row) => row.tags.map((tag) => ({ at: key(tag, row.id), row })))
    .filter(({ at }) => at.startsWith(arg))
    .sort((a, b) => (a.at < b.at ? -1 : 1))
    .map(({ row }) => row);
}

/** Every query that a write of this row concerns. */
function touch(touched: Set<string>, { id, tags }: Pet): void {
  touched.add(`get ${id}`);
  for (let n = 0; n <= id.length; n++) touched.add(`scan ${id.slice(0, n)}`);
  for (const tag of tags) {
    const entry = key(tag, id);
    for (let n = 0; n <= entry.length; n++) touched.add(`tag ${entry.slice(0, n)}`);
  }
}

test("any transactions: answers equal the model's, and watches fire exactly when a matching row is written", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ changes: fc.array(change, { maxLength: 4 }), abort: fc.boolean() }), { maxLength: 12 }),
      fc.array(query, { maxLength: 6 }),
      (transactions, queries) => {
        const db: MemDatabase = createDatabase();
        let model = new Map<string, Pet>();
        let index = 0;
        for (const { changes, abort } of transactions) {
          const open = queries.map((one) => ({ one, ...db.read((tx) => answer(tx, one)) }));
          const next = new Map(model);
          const touched = new Set<string>();
          try {
            db.write(++index, (tx) => {
              for (const { op, id, kind, tags } of changes) {
                if (op === "rewriteBy") {
                  const found = [...next.values()].filter((row) =>
                    row.tags.some((tag) => key(tag, row.id).startsWith(id)),
                  );
                  const rewritten = (row: Pet) => (row.kind === kind ? undefined : pet(row.id, kind, ...tags));
                  assert.equal(tx.rewriteBy(PETS, "tag", id, rewritten), found.length);
                  for (const row of found) {
                    const after = rewritten(row);
                    for (const one of after === undefined ? [row] : [row, after]) touch(touched, one);
                    if (after === undefined) next.delete(row.id);
                    else next.set(row.id, after);
                  }
                  continue;
                }
                const below = [...next.values()].filter((row) => row.id.startsWith(id));
                const before = op === "deletePrefix" ? below : below.filter((row) => row.id === id);
                for (const row of op === "put" ? [...before, pet(id, kind, ...tags)] : before) touch(touched, row);
                if (op === "put") {
                  tx.put(PETS, pet(id, kind, ...tags));
                  next.set(id, pet(id, kind, ...tags));
                } else if (op === "deletePrefix") {
                  assert.equal(tx.deletePrefix(PETS, id), below.length);
                  for (const row of below) next.delete(row.id);
                } else {
                  assert.equal(tx.delete(PETS, id) !== undefined, next.delete(id));
                }
              }
              if (abort) throw new RangeError("abort");
            });
            model = next;
          } catch (error) {
            if (!(error instanceof RangeError)) throw error;
            touched.clear();
          }
          for (const { one, watch } of open) {
            assert.equal(watch.fired, touched.has(`${one.kind} ${one.arg}`), `${one.kind} ${one.arg}`);
            assert.deepEqual(
              db.peek((tx) => answer(tx, one)),
              expected(model, one),
            );
            watch.release();
          }
          assert.equal(db.watchCellCount, 0);
        }
      },
    ),
    { numRuns: 300 },
  );
});
