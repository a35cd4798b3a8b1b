import assert from "node:assert/strict";
import { test } from "node:test";
import { linearizabilityError, type RegisterOperation } from "./linearizability.ts";

function put(value: number, from: number, to?: number): RegisterOperation {
  return { client: "p", key: "k", kind: { op: "put", value }, invokedAtMs: from, returnedAtMs: to };
}
function read(value: number, from: number, to: number): RegisterOperation {
  return { client: "r", key: "k", kind: { op: "read", value }, invokedAtMs: from, returnedAtMs: to };
}
function cas(
  expected: number,
  value: number,
  ok: boolean | undefined,
  found: number | undefined,
  from: number,
  to?: number,
): RegisterOperation {
  return {
    client: "c",
    key: "k",
    kind: { op: "cas", expected, value, ok, found },
    invokedAtMs: from,
    returnedAtMs: to,
  };
}

const CASES: readonly [name: string, linearizable: boolean, history: readonly RegisterOperation[]][] = [
  ["nothing happened", true, []],
  ["a read sees the write before it", true, [put(1, 0, 1), read(1, 2, 3)]],
  ["a read misses the write before it", false, [put(1, 0, 1), read(0, 2, 3)]],
  ["a read beside a write may see either", true, [put(1, 0, 10), read(0, 1, 2), read(1, 3, 4)]],
  ["but not first the new, then the old", false, [put(1, 0, 10), read(1, 1, 2), read(0, 3, 4)]],
  ["a write without an answer may happen late", true, [put(1, 0), put(2, 1, 2), read(2, 3, 4), read(1, 5, 6)]],
  ["but only once", false, [put(1, 0), put(2, 1, 2), read(1, 3, 4), read(2, 5, 6), read(1, 7, 8)]],
  ["a write without an answer may never happen", true, [put(1, 0), read(0, 5, 6)]],
  ["a value read before it was written", false, [read(1, 0, 1), put(1, 2, 3)]],
  ["a cas that found what it expected", true, [put(1, 0, 1), cas(1, 2, true, 1, 2, 3), read(2, 4, 5)]],
  ["two cas cannot both win", false, [put(1, 0, 1), cas(1, 2, true, 1, 2, 9), cas(1, 3, true, 1, 2, 9)]],
  ["a failed cas changes nothing", true, [put(1, 0, 1), cas(5, 2, false, 1, 2, 3), read(1, 4, 5)]],
  [
    "an unanswered cas seen later proves its premise",
    true,
    [put(1, 0), cas(1, 2, undefined, undefined, 1), read(2, 3, 4)],
  ],
  ["an unanswered cas without a premise", false, [cas(1, 2, undefined, undefined, 1), read(2, 3, 4)]],
];

for (const [name, linearizable, history] of CASES) {
  test(name, () => {
    assert.equal(linearizabilityError(history) === undefined, linearizable);
  });
}

test("a refused cas that does not tell what it found", () => {
  const put = (value: number, invokedAtMs: number, returnedAtMs: number | undefined) =>
    ({ client: "a", key: "x", kind: { op: "put", value }, invokedAtMs, returnedAtMs }) as const;
  const refused = {
    client: "b",
    key: "x",
    kind: { op: "cas", expected: 1, value: 9, ok: false, found: undefined },
    invokedAtMs: 5,
    returnedAtMs: 6,
  } as const;
  assert.match(linearizabilityError([put(1, 0, 1), refused]) ?? "", /no order explains/);
  assert.equal(linearizabilityError([put(1, 0, 1), put(2, 2, 3), refused]), undefined);
  // A write whose fate nobody knows may have come between.
  assert.equal(linearizabilityError([put(1, 0, 1), put(2, 2, undefined), refused]), undefined);
  assert.match(linearizabilityError([put(1, 0, 1), refused, put(2, 7, undefined)]) ?? "", /no order explains/);
});
