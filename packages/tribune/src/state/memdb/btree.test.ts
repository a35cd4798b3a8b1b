import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import sorted from "sorted-btree";
import { BTree } from "./btree.ts";

const Oracle = sorted.default;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

interface Box {
  readonly of: number;
}

// Few letters and short keys, so that keys collide and prefixes nest; `fill` builds trees of several levels.
const keys = fc.string({ unit: fc.constantFrom("a", "b", "c", "\0", "é"), maxLength: 6 });
// Also such as end in the middle of what a fill wrote, and the last one there is.
const cuts = fc.oneof(
  keys,
  fc.tuple(keys, fc.integer({ min: 0, max: 30 })).map(([key, n]) => `${key}${n}`),
  fc.constant("\uffff"),
);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant("set" as const), key: keys }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("delete" as const), key: keys }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("clone" as const), key: keys }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("fill" as const), key: keys }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("thin" as const), key: keys }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("cut" as const), key: cuts }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("sift" as const), key: keys }) },
);

test("any sequence of writes and clones agrees with sorted-btree", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.array(keys, { maxLength: 5 }), (steps, prefixes) => {
      let tree = new BTree<Box>();
      let oracle = new Oracle<string, Box>(undefined, compare);
      const frozen: { tree: BTree<Box>; oracle: typeof oracle }[] = [];
      let counter = 0;
      const set = (key: string): void => {
        const value = { of: counter++ };
        assert.equal(tree.set(key, value), oracle.get(key));
        oracle.set(key, value);
      };
      const remove = (key: string): void => {
        assert.equal(tree.delete(key), oracle.get(key));
        oracle.delete(key);
      };
      for (const { op, key } of steps) {
        if (op === "set") set(key);
        else if (op === "delete") remove(key);
        else if (op === "fill") for (let n = 0; n < 300; n++) set(`${key}${(n * 7919) % 300}`);
        else if (op === "thin") for (const found of oracle.keysArray()) found.startsWith(key) && remove(found);
        else if (op === "cut") {
          const gone = oracle.keysArray().filter((found) => found.startsWith(key));
          assert.equal(tree.deletePrefix(key), gone.length);
          oracle.deleteKeys(gone);
        } else if (op === "sift") {
          // Some here and there, and every one of those that a fill wrote.
          const isGone = (found: string, { of }: Box): boolean => of % 5 === 0 || (key !== "" && found.startsWith(key));
          const gone = oracle.toArray().filter(([found, value]) => isGone(found, value));
          tree.deleteWhere(isGone);
          oracle.deleteKeys(gone.map(([found]) => found));
        } else {
          frozen.push({ tree, oracle });
          tree = tree.clone();
          oracle = oracle.clone();
        }
      }
      for (const view of [...frozen, { tree, oracle }]) {
        assert.equal(view.tree.size, view.oracle.size);
        assert.deepEqual([...view.tree.scan("")], view.oracle.valuesArray());
        for (const prefix of prefixes) {
          const expected = view.oracle.toArray().filter(([key]) => key.startsWith(prefix));
          assert.deepEqual(
            [...view.tree.scan(prefix)],
            expected.map(([, value]) => value),
          );
        }
      }
    }),
    { numRuns: 150 },
  );
});

test("a scan shows the tree as it was when it was asked for, however slowly it is drained", () => {
  const tree = new BTree<Box>();
  for (let n = 0; n < 1000; n++) tree.set(`k${String(n).padStart(4, "0")}`, { of: n });
  const cursor = tree.scan("k")[Symbol.iterator]();
  const seen: number[] = [];
  for (let slice = 0; slice < 10; slice++) {
    for (let n = 0; n < 100; n++) seen.push((cursor.next().value as Box).of);
    for (let n = 0; n < 1000; n += 3) tree.delete(`k${String(n).padStart(4, "0")}`);
    for (let n = 0; n < 1000; n += 2) tree.set(`k${String(n).padStart(4, "0")}`, { of: -1 });
  }
  assert.equal(cursor.next().done, true);
  assert.deepEqual(
    seen,
    Array.from({ length: 1000 }, (_, n) => n),
  );
});

test("keys that arrive in order fill their leaves, and an emptied tree is small again", () => {
  const tree = new BTree<Box>();
  for (let n = 0; n < 5000; n++) tree.set(String(n).padStart(6, "0"), { of: n });
  for (let n = 0; n < 5000; n++) assert.deepEqual(tree.delete(String(n).padStart(6, "0")), { of: n });
  assert.equal(tree.size, 0);
  assert.deepEqual([...tree.scan("")], []);
  assert.equal(tree.delete("000001"), undefined);
});
