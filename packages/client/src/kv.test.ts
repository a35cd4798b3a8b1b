import assert from "node:assert/strict";
import { test } from "node:test";
import { contractClient } from "./contract-client.ts";
import { RequestError } from "./errors.ts";
import { ContentionError, Kv } from "./kv.ts";
import { cutOff, type Reply, refused, scripted } from "./send.test.support.ts";
import { VirtualWorld } from "./world.test.support.ts";

const entry = '[{"Key":"k","Value":"MQ==","Flags":3,"LockIndex":0,"CreateIndex":1,"ModifyIndex":4}]';

/** One update of a key that holds 1, whose writes the script answers. */
async function update(writes: (count: number) => Reply, idempotent = false) {
  const world = new VirtualWorld();
  const targets: string[] = [];
  const { send } = scripted(({ method, target }) => {
    if (method === "GET") return { body: entry };
    targets.push(target);
    return writes(targets.length);
  });
  let changes = 0;
  const kv = new Kv(contractClient({ send, world, retry: false }), world);
  const updating = kv.update<number>("k", (n = 0) => n + ++changes, { idempotent });
  const outcome = updating.then(
    (value) => ({ value, changes, targets }),
    (error: unknown) => ({ error, changes, targets }),
  );
  await world.pass(60_000);
  return outcome;
}

test("an update that came too late is made anew", async () => {
  const { changes, targets } = await update((count) => ({ body: count === 3 ? "true" : "false" }));
  assert.deepEqual([changes, targets[0]], [3, "/v1/kv/k?flags=3&cas=4"]);
});

test("when it is not known whether a write got through, it is not written again, unless that does no harm", async () => {
  const once = (failure: Reply) => (count: number) => (count === 1 ? failure : { body: "true" });
  const unclear = await update(once(cutOff()));
  assert.ok("error" in unclear && unclear.error instanceof RequestError);
  assert.equal(unclear.changes, 1);
  assert.equal((await update(once(cutOff()), true)).changes, 2);
  assert.equal((await update(once(refused()))).changes, 2);
  assert.equal((await update(once({ status: 500, body: "No cluster leader" }))).changes, 2);
  const refusal = await update(once({ status: 403, body: "Permission denied" }), true);
  assert.deepEqual(["error" in refusal, refusal.changes], [true, 1]);
});

test("an update that always comes too late ends", async () => {
  const late = await update(() => ({ body: "false" }));
  assert.ok("error" in late && late.error instanceof ContentionError);
});
