import assert from "node:assert/strict";
import { getEventListeners, once } from "node:events";
import { test } from "node:test";
import { createClient } from "./create-client.ts";
import { scripted } from "./send.test.support.ts";
import { delay, follow, onAbort } from "./surroundings.ts";
import { settled, VirtualWorld } from "./world.test.support.ts";

test("however many wait for a signal, it has one listener, and none when nobody waits any more", () => {
  const controller = new AbortController();
  let ran = 0;
  const run = (): void => void ran++;
  const first = onAbort(controller.signal, run);
  const second = onAbort(controller.signal, run);
  const followed = follow(controller.signal, controller.signal);
  assert.equal(getEventListeners(controller.signal, "abort").length, 1);
  first();
  first();
  followed.release();
  second();
  assert.equal(getEventListeners(controller.signal, "abort").length, 0);
  onAbort(controller.signal, run);
  onAbort(controller.signal, run);
  controller.abort();
  assert.equal(ran, 2);
});

test("a client with many watches, and a signal of many, are no leak to Node", async () => {
  const world = new VirtualWorld();
  const { send } = scripted(({ signal }) => once(signal as AbortSignal, "abort").then(() => new Error("aborted")));
  const client = createClient({ send, world, timeoutMs: 0, retry: false });
  const warnings: Error[] = [];
  const warned = (warning: Error): void => void warnings.push(warning);
  process.on("warning", warned);
  const { signal } = new AbortController();
  const ends = Array.from({ length: 20 }, (_, at) =>
    client.watch.key(`k${at}`, { signal })[Symbol.asyncIterator]().next(),
  );
  const resolved = Array.from({ length: 20 }, (_, at) => client.resolve(`s${at}`).catch((error: unknown) => error));
  await settled();
  client.close();
  assert.ok((await Promise.all(ends)).every(({ done }) => done));
  assert.equal((await Promise.all(resolved)).filter((error) => error instanceof Error).length, 20);
  process.off("warning", warned);
  assert.deepEqual(warnings, []);
});

test("a world whose time passes at once is one", async () => {
  const after = (_delayMs: number, run: () => void) => {
    run();
    return () => {};
  };
  const { signal } = new AbortController();
  await delay({ nowMs: () => 0, random: () => 0, after }, 5_000, signal);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});
