import assert from "node:assert/strict";
import { test } from "node:test";
import { contractClient } from "../contract-client.ts";
import { type Reply, scripted } from "../send.test.support.ts";
import { VirtualWorld } from "../world.test.support.ts";
import { Registration } from "./registration.ts";

const TTL_MS = 9_000;

/** A service whose renewals the script answers; the agent holds the question whether it knows the service. */
async function registered(renewal: () => Reply) {
  const world = new VirtualWorld();
  const { send, asked } = scripted(({ method, target }) => {
    if (target.includes("/check/update/")) return renewal();
    return method === "GET" ? new Promise<Reply>(() => {}) : {};
  });
  const client = contractClient({ send, world, timeoutMs: 0 });
  const closed = new AbortController();
  const registration = await Registration.start({ Name: "web" }, client, world, closed.signal, { ttlMs: TTL_MS });
  const updates = () => asked.filter(({ target }) => target.includes("/check/update/"));
  return { world, registration, updates };
}

test("what was last said is renewed three times a TTL", async () => {
  const { world, registration, updates } = await registered(() => ({}));
  await registration.report("warning", "slow");
  await world.pass(2 * TTL_MS);
  assert.equal(updates().length, 1 + 6);
  for (const { body } of updates()) assert.deepEqual(JSON.parse(body as string), { Status: "warning", Output: "slow" });
});

test("a renewal that failed comes again within the TTL", async () => {
  let failures = 0;
  const { world, updates } = await registered(() =>
    failures++ === 0 ? { status: 500, body: "No cluster leader" } : {},
  );
  await world.pass(TTL_MS - 1);
  assert.ok(updates().length >= 2, String(updates().length));
});
