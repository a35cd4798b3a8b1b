import assert from "node:assert/strict";
import { test } from "node:test";
import { contractClient } from "./contract-client.ts";
import { fetchSend } from "./send.ts";

const stuck = async (): Promise<Response> =>
  new Response(new ReadableStream({ start: (body) => body.enqueue(new TextEncoder().encode("[")) }));

test("a call ends with its signal, even where the runtime forgets that it was aborted", async () => {
  const stop = new AbortController();
  const client = contractClient({ send: fetchSend("http://agent", stuck), timeoutMs: 0 });
  const calling = assert.rejects(client.kvGet({ key: "a" }, { signal: stop.signal }), /enough/);
  stop.abort(new Error("enough"));
  await calling;
});

test("so does a body that is read in its own time", async () => {
  const stop = new AbortController();
  const client = contractClient({ send: fetchSend("http://agent", stuck), timeoutMs: 0 });
  const { value } = await client.snapshotSave({}, { signal: stop.signal });
  const reading = assert.rejects(async () => {
    for await (const _ of value) stop.abort(new Error("enough"));
  }, /enough/);
  await reading;
});

test("fetch is told only what differs from its own defaults, and never to follow", async () => {
  const asked: (RequestInit | undefined)[] = [];
  const run = (async (_: string, init?: RequestInit) => {
    asked.push(init);
    return new Response(init?.method === undefined ? "[]" : "true");
  }) as typeof fetch;
  const client = contractClient({ send: fetchSend("http://agent", run) });
  await client.kvGet({ key: "a" });
  await client.kvPut({ key: "a", value: "b" }, { token: "secret" });
  assert.deepEqual(asked, [
    { redirect: "error" },
    { redirect: "error", method: "PUT", headers: { "X-Consul-Token": "secret" }, body: "b" },
  ]);
});
