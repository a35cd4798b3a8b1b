import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BroadcastQueue } from "./broadcast-queue.ts";

interface Entry {
  readonly part: Uint8Array;
  readonly name: string | undefined;
  readonly id: number;
  transmits: number;
}

/** The same by sorting a list each time, as memberlist's documentation has the order. */
class Model {
  entries: Entry[] = [];
  done: number[] = [];

  add(id: number, length: number, name: string | undefined): void {
    const old = this.entries.find((entry) => name !== undefined && entry.name === name);
    if (old !== undefined) this.#finish(old);
    this.entries.push({ id, name, part: new Uint8Array(length), transmits: 0 });
  }

  #finish(entry: Entry): void {
    this.entries = this.entries.filter((other) => other !== entry);
    this.done.push(entry.id);
  }

  sorted(): Entry[] {
    return [...this.entries].sort((a, b) => a.transmits - b.transmits || b.part.length - a.part.length || b.id - a.id);
  }

  take(overhead: number, limit: number, transmitLimit: number): number[] {
    let left = limit;
    const taken: Entry[] = [];
    for (const entry of this.sorted()) {
      // A single pass by tiers is a pass over the order: what did not fit before fits still less now.
      if (entry.part.length + overhead > left || left - overhead <= 0) continue;
      left -= entry.part.length + overhead;
      taken.push(entry);
    }
    for (const entry of taken) {
      entry.transmits++;
      if (entry.transmits >= transmitLimit) this.#finish(entry);
    }
    return taken.map(({ id }) => id);
  }

  prune(sizeMax: number): void {
    while (this.entries.length > sizeMax) this.#finish(this.sorted().at(-1)!);
  }
}

test("the queue is the sorted list it stands for", () => {
  const operation = fc.oneof(
    fc.record({ op: fc.constant("add" as const), length: fc.integer({ min: 1, max: 60 }), name: fc.option(fc.nat(5)) }),
    fc.record({
      op: fc.constant("take" as const),
      limit: fc.nat(200),
      overhead: fc.nat(3),
      times: fc.integer({ min: 1, max: 4 }),
    }),
    fc.record({ op: fc.constant("prune" as const), max: fc.nat(8) }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
      const queue = new BroadcastQueue();
      const model = new Model();
      const done: number[] = [];
      const ids = new Map<Uint8Array, number>();
      for (const [id, one] of operations.entries()) {
        if (one.op === "add") {
          const name = one.name === null ? undefined : `n${one.name}`;
          const part = new Uint8Array(one.length);
          ids.set(part, id);
          queue.add(part, part.length, name, () => done.push(id));
          model.add(id, one.length, name);
        } else if (one.op === "take") {
          const parts: Uint8Array[] = [];
          const used = queue.take(one.overhead, one.limit, one.times, 255, parts);
          assert.deepEqual(
            parts.map((part) => ids.get(part)),
            model.take(one.overhead, one.limit, one.times),
          );
          assert.equal(
            used,
            parts.reduce((sum, part) => sum + part.length + one.overhead, 0),
          );
          assert.ok(used <= one.limit);
        } else {
          queue.prune(one.max);
          model.prune(one.max);
        }
        assert.equal(queue.size, model.entries.length);
        assert.deepEqual(
          queue.list().map(({ part, transmits }) => [ids.get(part), transmits]),
          model.sorted().map(({ id: known, transmits }) => [known, transmits]),
        );
        assert.deepEqual([...done].sort(), [...model.done].sort());
      }
    }),
  );
});

test("sheet memberlist §7: fewest transmissions first, then larger, then newer", () => {
  const queue = new BroadcastQueue();
  const part = (length: number, mark: number): Uint8Array => new Uint8Array(length).fill(mark);
  queue.add(part(10, 1), 10);
  queue.add(part(10, 2), 10);
  const first: Uint8Array[] = [];
  queue.take(2, 24, 9, 255, first);
  queue.add(part(5, 3), 5);
  queue.add(part(20, 4), 20);
  assert.deepEqual(
    queue.list().map((item) => item.part[0]),
    [4, 3, 2, 1],
  );
});

test("a message that is too long for what is left does not keep shorter ones from being sent", () => {
  const queue = new BroadcastQueue();
  for (const length of [50, 40, 30, 9]) queue.add(new Uint8Array(length), length);
  const parts: Uint8Array[] = [];
  assert.equal(queue.take(2, 63, 9, 255, parts), 63);
  assert.deepEqual(
    parts.map(({ length }) => length),
    [50, 9],
  );
});

test("no more parts than a compound can count", () => {
  const queue = new BroadcastQueue();
  for (let count = 0; count < 300; count++) queue.add(new Uint8Array(1), 1);
  const parts: Uint8Array[] = [new Uint8Array(9)];
  queue.take(3, 1_400, 9, 255, parts);
  assert.equal(parts.length, 255);
});
