import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { reachedByQuorum } from "./quorum.ts";
import type { ServerId } from "./types.ts";

test("a quorum has reached what the quorum-th of the sorted values says", () => {
  const value = fc.oneof(fc.nat({ max: 5 }), fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY));
  fc.assert(
    fc.property(fc.array(value, { maxLength: 7 }), (values) => {
      const voters = values.map((_, at) => `s${at}` as ServerId);
      const quorum = Math.floor(voters.length / 2) + 1;
      const sorted = values.toSorted((a, b) => (a === b ? 0 : b - a));
      const reached = reachedByQuorum({ voters, quorum }, (voter) => values[voters.indexOf(voter)]!);
      assert.equal(reached, sorted[quorum - 1]);
    }),
  );
});
