import assert from "node:assert/strict";
import { test } from "node:test";
import type { SyncUnit } from "../local-state.ts";
import { Pusher } from "./pusher.ts";

const settle = async (): Promise<void> => {
  for (let microtask = 0; microtask < 10; microtask++) await Promise.resolve();
};
const service = (id: string): SyncUnit => ({ kind: "service", id });

/** A pusher whose pushes end when told, and whose turns come when told. */
function setUp() {
  const turns: (() => void)[] = [];
  const pushes = new Map<string, { done: () => void; fail: (error: Error) => void }>();
  const pusher = new Pusher(
    {
      push: (unit) =>
        new Promise((done, fail) => {
          pushes.set((unit as { id: string }).id, { done, fail });
        }),
      nodeInSync: () => true,
      onFailure: () => {},
    },
    { timers: { soon: (run) => turns.push(run), after: () => () => {} } },
  );
  const turn = async (): Promise<void> => {
    await settle(); // promises come before the next turn
    for (const run of turns.splice(0)) run();
    await settle();
  };
  const watch = (id: string) => {
    const state = { settled: false };
    void pusher.pushed(service(id)).then(() => {
      state.settled = true;
    });
    return state;
  };
  return { pusher, pushes, turn, watch };
}

test("one unit is waited for, whatever the others do", async () => {
  const { pusher, pushes, turn, watch } = setUp();
  pusher.add(service("a"));
  pusher.add(service("b"));
  const [a, b, other] = [watch("a"), watch("b"), watch("other")];
  await turn();
  assert.deepEqual([a.settled, b.settled, other.settled], [false, false, true]);
  pushes.get("a")?.done();
  await turn();
  assert.deepEqual([a.settled, b.settled], [true, false]);
  pusher.add(service("b")); // changed while its push was under way: the newer state counts
  pushes.get("b")?.done();
  await turn();
  assert.equal(b.settled, false);
  pushes.get("b")?.done();
  await turn();
  assert.equal(b.settled, true);
});

test("a failure, a pause and the end let those who wait go", async () => {
  for (const end of ["failure", "pause", "stop"] as const) {
    const { pusher, pushes, turn, watch } = setUp();
    pusher.add(service("a"));
    await turn();
    pusher.add(service("b"));
    const [a, b] = [watch("a"), watch("b")];
    if (end === "pause") pusher.pause();
    if (end === "stop") pusher.stop();
    if (end === "failure") pushes.get("a")?.fail(new Error("no leader"));
    else pushes.get("a")?.done();
    await turn();
    assert.deepEqual([end, a.settled, b.settled], [end, true, true]);
  }
});
