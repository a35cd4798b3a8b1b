import assert from "node:assert/strict";
import { test } from "node:test";
import { BusyPoll } from "./busy-poll.ts";

/** A clock that stands, and an event loop that turns when it is told to. */
class World {
  ms = 0;
  #soon: (() => void)[] = [];

  nowMs(): number {
    return this.ms;
  }

  soon(run: () => void): void {
    this.#soon.push(run);
  }

  /** @returns whether the loop would have slept. */
  turn(): boolean {
    const due = this.#soon;
    this.#soon = [];
    for (const run of due) run();
    return this.#soon.length === 0;
  }
}

/** Asks so often, each time so long after the last answer. */
function returns(world: World, client: { asks(): void; answered(): void }, times: number, afterMs: number): void {
  for (let n = 0; n < times; n++) {
    world.ms += afterMs;
    client.asks();
    client.answered();
  }
}

test("the loop stays awake for a while after a client that always comes back at once, and sleeps then", () => {
  const world = new World();
  const client = new BusyPoll(world, 2).newcomer();
  client.answered();
  returns(world, client, 7, 0.1);
  assert.equal(world.turn(), true, "seven returns are too few");
  returns(world, client, 1, 0.1);
  assert.equal(world.turn(), false);
  world.ms += 0.1;
  assert.equal(world.turn(), false);
  world.ms += 0.1;
  assert.equal(world.turn(), true);
});

test("an answer in the meantime makes it longer, not the turns more", () => {
  const world = new World();
  const client = new BusyPoll(world, 2).newcomer();
  client.answered();
  returns(world, client, 20, 0.1);
  let run = 0;
  const { soon } = world;
  world.soon = (next) => {
    run++;
    soon.call(world, next);
  };
  world.turn();
  assert.equal(run, 1);
  returns(world, client, 1, 0.1);
  world.ms += 0.1;
  assert.equal(world.turn(), false);
});

test("one pause, and a client has to show again that it comes back", () => {
  const world = new World();
  const client = new BusyPoll(world, 2).newcomer();
  client.answered();
  returns(world, client, 50, 0.1);
  world.ms += 1;
  world.turn();
  returns(world, client, 1, 5);
  returns(world, client, 7, 0.1);
  assert.equal(world.turn(), true);
  returns(world, client, 1, 0.1);
  assert.equal(world.turn(), false);
});

test("a client that is mostly looked for in vain is looked for later and later, until it was found often", () => {
  const world = new World();
  const client = new BusyPoll(world, 2).newcomer();
  client.answered();
  /** How many returns it takes until the loop stays awake, of a client that comes back `most` times and then pauses. */
  const lookedForAfter = (most: number): number | undefined => {
    let after: number | undefined;
    for (let at = 0; at < most; at++) {
      world.turn();
      returns(world, client, 1, 0.1);
      if (!world.turn()) after ??= at + 1;
    }
    returns(world, client, 1, 5);
    world.turn();
    return after;
  };
  assert.deepEqual([20, 20, 20, 20].map(lookedForAfter), [8, 16, undefined, undefined]);
  assert.deepEqual([100, 100].map(lookedForAfter), [32, 8]);
});

test("on one core nobody looks: the client needs it to ask", () => {
  const world = new World();
  const client = new BusyPoll(world, 1).newcomer();
  client.answered();
  returns(world, client, 20, 0.1);
  assert.equal(world.turn(), true);
});
