import assert from "node:assert/strict";
import { test } from "node:test";
import { contractClient } from "./contract-client.ts";
import { RequestError, ResponseError } from "./errors.ts";
import { cutOff, type Reply, refused, scripted } from "./send.test.support.ts";
import { settled, VirtualWorld } from "./world.test.support.ts";

const noLeader: Reply = { status: 500, body: "No cluster leader" };
const lostLeader: Reply = { status: 500, body: "leadership lost while committing log" };
const ok: Reply = { body: "true" };

/** How often each call is sent when the first answer is `failure`. */
async function triesAfter(failure: Reply, call: (client: ReturnType<typeof contractClient>) => Promise<unknown>) {
  const world = new VirtualWorld();
  const { send, asked } = scripted((_, count) => (count === 1 ? failure : ok));
  const calling = call(contractClient({ send, world })).catch(() => {});
  await world.pass(10_000);
  await calling;
  return asked.length;
}

const put = (given: object) => (client: ReturnType<typeof contractClient>) => client.kvPut({ key: "k", ...given });

test("what twice is as good as once is sent again whatever happened", async () => {
  for (const failure of [cutOff(), refused(), noLeader, lostLeader, { status: 503 }, { status: 429 }] as Reply[]) {
    assert.equal(await triesAfter(failure, put({ value: "v" })), 2);
    assert.equal(await triesAfter(failure, put({ acquire: "s" })), 2);
    assert.equal(await triesAfter(failure, (client) => client.kvKeys({ key: "" })), 2);
    assert.equal(await triesAfter(failure, (client) => client.sessionRenew({ session: "s" })), 2);
  }
});

test("what must not happen twice is only sent again when it certainly did not happen", async () => {
  const unclear: Reply[] = [cutOff(), lostLeader, { status: 502 }];
  const notDone: Reply[] = [refused(), noLeader, { status: 429 }];
  const calls: Parameters<typeof triesAfter>[1][] = [
    put({ cas: 4 }),
    put({ release: "s" }),
    (client) => client.sessionCreate(),
    (client) => client.eventFire({ name: "e" }),
    (client) => client.queryCreate({ query: { Name: "q" } }),
    (client) => client.txn({ ops: [{ KV: { Verb: "set", Key: "k" } }] }),
    (client) => client.kvDelete({ key: "k", cas: 4 }),
  ];
  for (const call of calls) {
    for (const failure of unclear) assert.equal(await triesAfter(failure, call), 1, String(call));
    for (const failure of notDone) assert.equal(await triesAfter(failure, call), 2, String(call));
  }
  assert.equal(await triesAfter(cutOff(), (client) => client.txn({ ops: [{ KV: { Verb: "get", Key: "k" } }] })), 2);
});

test("a refusal is one, and nobody who does not want to tries again", async () => {
  for (const status of [400, 403, 404]) assert.equal(await triesAfter({ status, body: "no" }, put({})), 1);
  assert.equal(await triesAfter({ status: 500, body: "Invalid flags" }, put({})), 1);
  assert.equal(await triesAfter(refused(), (client) => client.kvPut({ key: "k" }, { retry: false })), 1);
  assert.equal(await triesAfter(cutOff(), (client) => client.sessionCreate({}, { retry: "always" })), 2);
});

test("tries have an end, and pauses between them that grow", async () => {
  const world = new VirtualWorld();
  const { send, asked } = scripted(() => noLeader);
  const calling = contractClient({ send, world, retry: { attempts: 4, minMs: 100, maxMs: 300 } }).statusLeader();
  const rejected = assert.rejects(calling, ResponseError);
  const pauses: (number | undefined)[] = [];
  for (let count = 1; count < 4; count++) {
    await settled();
    pauses.push(world.pendingMs[0]);
    await world.pass(world.pendingMs[0] ?? 0);
  }
  await rejected;
  assert.deepEqual([asked.length, pauses], [4, [100, 200, 300]]);
});

test("a pause that was asked for is kept, and can be aborted", async () => {
  const world = new VirtualWorld();
  const { send, asked } = scripted(() => ({ status: 429, headers: { "retry-after": "7" } }));
  const stop = new AbortController();
  const calling = contractClient({ send, world }).statusLeader({}, { signal: stop.signal });
  const rejected = assert.rejects(calling, /enough/);
  await settled();
  assert.deepEqual(world.pendingMs, [7_000]);
  stop.abort(new Error("enough"));
  await rejected;
  assert.deepEqual([asked.length, world.pendingMs], [1, []]);
});

test("another address is tried at once, and kept when it answers", async () => {
  const world = new VirtualWorld();
  const down = scripted(() => refused());
  const up = scripted(() => ({ body: '"10.0.0.1:8300"' }));
  const client = contractClient({ send: [down.send, up.send], world });
  assert.equal((await client.statusLeader()).value, "10.0.0.1:8300");
  await client.statusLeader();
  assert.deepEqual([down.asked.length, up.asked.length], [1, 2]);
  // Whose services are asked for is not for another agent to say.
  const own = assert.rejects(client.agentServices(), RequestError);
  await world.pass(10_000);
  await own;
  assert.deepEqual([down.asked.length, up.asked.length], [6, 2]);
});

test("an answer that does not come is given up; one that waits, when its wait is over", async () => {
  const world = new VirtualWorld();
  const { send, asked } = scripted(() => new Promise<Reply>(() => {}));
  const client = contractClient({ send, world, retry: false, timeoutMs: 1_000 });
  const plain = assert.rejects(client.kvGet({ key: "k" }), /GET \/v1\/kv\/k: no answer within 1000 ms/);
  await settled();
  assert.deepEqual(world.pendingMs, [1_000]);
  await world.pass(1_000);
  await plain;
  const aborted = new Promise((resolve) => {
    const { send: held } = scripted(({ signal }) => {
      signal?.addEventListener("abort", resolve);
      return new Promise<Reply>((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    });
    const waiting = contractClient({ send: held, world, retry: false, timeoutMs: 1_000 });
    void assert.rejects(waiting.kvGet({ key: "k" }, { index: 5, wait: "16s" }), /no answer within 18000 ms/);
  });
  await settled();
  assert.deepEqual(world.pendingMs, [18_000]);
  await world.pass(18_000);
  await aborted;
  assert.equal(asked.length, 1);
});

test("a key cannot lead to another endpoint, and an answer must be JSON", async () => {
  const { send, asked } = scripted(() => ({ body: "<html>" }));
  const client = contractClient({ send, retry: false });
  for (const key of ["..", "../agent/leave", "a/../../b", "./a"])
    await assert.rejects(client.kvPut({ key, value: "" }), TypeError);
  assert.equal(asked.length, 0);
  await assert.rejects(client.kvGet({ key: "a..b/.c" }), /the answer is no JSON/);
  assert.equal(asked[0]?.target, "/v1/kv/a..b/.c");
});

test("who is asked to wait for longer than a call may take hears of it instead", async () => {
  const world = new VirtualWorld();
  const { send, asked } = scripted(() => ({ status: 503, headers: { "retry-after": "3600" } }));
  const calling = contractClient({ send, world }).statusLeader();
  await assert.rejects(calling, (error) => error instanceof ResponseError && error.retryAfterMs === 3_600_000);
  assert.deepEqual([asked.length, world.pendingMs.filter((ms) => ms > 30_000)], [1, []]);
});
