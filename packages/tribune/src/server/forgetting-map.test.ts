import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ForgettingMap } from "./forgetting-map.ts";

const step = fc.record({
  op: fc.constantFrom("set", "take", "get", "takeAll"),
  key: fc.nat(5),
  value: fc.nat(),
});

test("it holds what a plain map would", () => {
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const map = new ForgettingMap<number, number>();
      const model = new Map<number, number>();
      for (const { op, key, value } of steps) {
        const there = model.get(key);
        if (op === "set") {
          map.set(key, value);
          model.set(key, value);
        } else if (op === "get") {
          assert.equal(map.get(key), there);
        } else if (op === "take") {
          assert.equal(map.take(key), there);
          model.delete(key);
        } else {
          assert.deepEqual(map.takeAll(), [...model.values()]);
          model.clear();
        }
        assert.equal(map.size, model.size);
      }
      assert.deepEqual(map.takeAll(), [...model.values()]);
    }),
  );
});
