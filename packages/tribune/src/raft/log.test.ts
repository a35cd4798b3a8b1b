import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { RaftLog } from "./log.ts";
import { recoverLog } from "./recovery.ts";
import type { LogEntry, SnapshotMeta } from "./types.ts";

type Step =
  | { readonly do: "append"; readonly term: number }
  | { readonly do: "truncate" | "compact" | "trim"; readonly at: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("append" as const), term: fc.nat(2) }) },
  fc.record({ do: fc.constantFrom("truncate" as const, "compact" as const, "trim" as const), at: fc.nat(100) }),
);

function meta(index: number, term: number): SnapshotMeta {
  return { index, term, configuration: { servers: [] }, configurationIndex: 0 };
}

test("the log agrees with a plain array of terms, whatever is appended, cut, compacted and trimmed", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const log = new RaftLog(recoverLog([]), undefined);
      const terms = [0]; // by index
      let snapshotIndex = 0;
      for (const action of steps) {
        const last = terms.length - 1;
        if (action.do === "append") {
          const entry: LogEntry = {
            index: last + 1,
            term: Math.max(1, terms[last]!) + (action.term === 2 ? 1 : 0),
            type: "command",
            data: new Uint8Array(10),
          };
          log.append(entry);
          terms.push(entry.term);
        } else if (action.do === "truncate") {
          const from = snapshotIndex + 1 + (action.at % (last - snapshotIndex + 1));
          if (from > last) continue;
          log.truncateFrom(from);
          terms.length = from;
        } else if (action.do === "compact") {
          const index = snapshotIndex + (action.at % (last - snapshotIndex + 1));
          if (index === snapshotIndex) continue;
          snapshotIndex = index;
          log.compact(meta(index, terms[index]!), Math.max(log.firstIndex, index + 1 - (action.at % 3)));
        } else {
          log.trim(action.at * 20, last);
        }
        assert.equal(log.lastIndex, terms.length - 1);
        assert.equal(log.lastTerm, terms.at(-1));
        for (let index = Math.max(0, log.firstIndex - 1); index < terms.length; index++) {
          assert.equal(log.term(index), terms[index], `term of ${index}`);
        }
        const from = Math.max(log.memoryFirstIndex, log.firstIndex);
        if (from <= log.lastIndex) {
          const entries = log.slice(from, log.lastIndex, 1000, Number.POSITIVE_INFINITY);
          assert.deepEqual(
            entries.map((entry) => [entry.index, entry.term]),
            terms.slice(from).map((term, at) => [from + at, term]),
          );
        }
      }
    }),
  );
});

test("a recovered log that contradicts its snapshot is to be discarded, and one with a hole is refused", () => {
  const entry = (index: number, term: number): LogEntry => ({ index, term, type: "noop", data: new Uint8Array(0) });
  assert.deepEqual(recoverLog([entry(1, 1), entry(2, 1)], meta(5, 2)).tail, []);
  assert.deepEqual(recoverLog([entry(4, 1), entry(5, 1), entry(6, 1)], meta(5, 2)).tail, []);
  assert.equal(recoverLog([entry(4, 1), entry(5, 2), entry(6, 2)], meta(5, 2)).firstIndex, 4);
  assert.throws(() => recoverLog([entry(9, 2)], meta(5, 2)), /bring the missing snapshot back/);
});

test("nothing holds what was trimmed", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const log = new RaftLog(recoverLog([]), undefined);
  const data = Array.from({ length: 20 }, (_, at) => {
    const bytes = new Uint8Array(10);
    log.append({ index: at + 1, term: 1, type: "command", data: bytes });
    return new WeakRef(bytes);
  });
  log.trim(0, 12);
  await new Promise(setImmediate); // what a WeakRef was made of lives until the end of the turn
  collect();
  const isHeld = data.map((ref) => ref.deref() !== undefined);
  assert.deepEqual(isHeld, [...Array(12).fill(false), ...Array(8).fill(true)]);
  assert.equal(log.slice(13, 20, 100, 1_000).length, 8);
});
