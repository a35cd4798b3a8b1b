// What the client does, in whatever runtime this is: everywhere.mjs URL CLOSED ENTRY, CLOSED where nobody listens
const [url, closed, entry] = (globalThis.Deno?.args ?? globalThis.process.argv.slice(2)).slice(-3);
const { createClient, RequestError } = await import(`../../../packages/client/dist/${entry}.js`);

const client = createClient({ url });
const must = (what, truth) => {
  if (!truth) throw new Error(`not so: ${what}`);
};

await client.kv.set("a/ü", new Uint8Array([0, 255]), { flags: 2n ** 64n - 1n });
const pair = await client.kv.get("a/ü");
must("bytes and flags come back", pair.Value[1] === 255 && pair.Flags === 2n ** 64n - 1n);
must("an update is made", (await client.kv.update("n", (n = 1) => n + 1)) === 2);

await client.kv.delete("n");

const changes = client.watch.key("w")[Symbol.asyncIterator]();
must("there is no key yet", (await changes.next()).value.entry === undefined);
const change = changes.next();
await client.kv.set("w", "1");
must("a watch wakes", (await change).value.added.length === 1);
const waiting = changes.next();
await changes.return();
must("leaving a watch ends its question", (await waiting).done);
await client.kv.delete("w");

const lock = client.lock("lock", { lockDelayMs: 0 });
const held = await lock.acquire();
must("a lock excludes", (await lock.acquire({ tryMs: 0 })) === undefined);
await held.release();

const registration = await client.register({ Name: "web", Port: 80, Address: "10.0.0.1" }, { ttlMs: 10_000 });
let endpoint;
for (let tries = 0; endpoint === undefined; tries++)
  endpoint = await client.resolve("web").catch((error) => {
    if (tries > 500) throw error;
    return new Promise((resolve) => setTimeout(resolve, 20));
  });
must("a service is found", endpoint.host === "10.0.0.1:80");
await registration.deregister();

const archive = [];
for await (const chunk of (await client.snapshotSave()).value) archive.push(chunk);
must("a stream is read", archive.length > 0);
const stop = new AbortController();
const aborted = client.kvGet({ key: "w" }, { index: 1_000_000, signal: stop.signal });
stop.abort(new Error("enough"));
must("a call is aborted", (await aborted.catch((error) => error)).message === "enough");
// Not sent, and known to be so, which only the runtime's own error says: a new session may be tried again.
let pauses = 0;
const after = (_ms, run) => {
  pauses++;
  run();
  return () => {};
};
const nobody = createClient({ url: closed, timeoutMs: 0, world: { nowMs: () => 0, random: () => 0, after } });
must("nobody is there", (await nobody.sessionCreate().catch((error) => error)) instanceof RequestError);
must(`what was never sent is sent again, not ${pauses} times`, pauses === 4);
client.close();
console.log("all well");
