import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { contractClient } from "./contract-client.ts";
import { RequestError } from "./errors.ts";
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

test("a body that was read, or that broke, leaves nothing behind on the caller's signal", async () => {
  const { signal } = new AbortController();
  const pieces = (end: (body: ReadableStreamDefaultController) => void) => async () =>
    new Response(
      new ReadableStream({
        start(body) {
          body.enqueue(new Uint8Array(3));
          end(body);
        },
      }),
    );
  const read = async (run: typeof fetch): Promise<number> => {
    const client = contractClient({ send: fetchSend("http://agent", run), timeoutMs: 0 });
    let length = 0;
    for await (const { length: more } of (await client.snapshotSave({}, { signal })).value) length += more;
    return length;
  };
  assert.equal(await read(pieces((body) => body.close())), 3);
  const cut = read(pieces((body) => setImmediate(() => body.error(new TypeError("terminated")))));
  await assert.rejects(cut, (error) => error instanceof RequestError && /snapshot: terminated/.test(error.message));
  assert.deepEqual(getEventListeners(signal, "abort"), []);
});

test("an address that is no URL is refused before anything is asked, with what to write instead", () => {
  for (const url of ["http://127.0.0.1:8500", "https://consul.example/below/", "HTTP://[::1]:8500", "", "/consul"])
    assert.ok(contractClient({ url }));
  for (const [url, advice] of [
    ["127.0.0.1:8500", /write http:/],
    ["localhost:8500", /write http:/],
    ["unix:///run/consul.sock", /nodeSend\({ address }\)/],
    ["http://me:secret@agent:8500", /nodeSend\({ address, auth }\)/],
  ] as const)
    assert.throws(
      () => contractClient({ url }),
      ({ message }: Error) => advice.test(message) && !message.includes("secret"),
    );
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
