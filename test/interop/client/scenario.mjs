// What a program does with the client, in whatever runtime this is. No imports: it also runs in a page.

const must = (what, truth) => {
  if (!truth) throw new Error(`not so: ${what}`);
};

/**
 * @param sdk the client's module
 * @param url of the agent
 * @param closed where nobody listens
 * @param tellsRefusals whether the runtime says that a connection was refused; pages are only told that a request failed
 */
export async function scenario({ createClient, eventStreams, RequestError }, { url, closed, tellsRefusals }) {
  // So long that a program which its timers kept from ending would be noticed.
  const client = createClient({ url, timeoutMs: 3_600_000 });

  await client.kv.set("a/ü", new Uint8Array([0, 255]), { flags: 2n ** 64n - 1n });
  const pair = await client.kv.get("a/ü");
  must("bytes and flags come back", pair.Value[1] === 255 && pair.Flags === 2n ** 64n - 1n);
  must("an update is made", (await client.kv.update("n", (n = 1) => n + 1)) === 2);
  const { ModifyIndex: cas } = await client.kv.get("n");
  must("a write with the newest index is done", (await client.kvPut({ key: "n", value: "3", cas })).value);
  must("one with an older index is not", !(await client.kvPut({ key: "n", value: "4", cas })).value);
  await client.kv.delete("n");

  for (const watcher of [client, createClient({ url, watchTransport: eventStreams })]) {
    const changes = watcher.watch.prefix("w/")[Symbol.asyncIterator]();
    must("there is no key yet", (await changes.next()).value.all.size === 0);
    for (const [key, kind] of [
      ["w/1", "added"],
      ["w/2", "added"],
      ["w/1", "changed"],
    ]) {
      const change = changes.next();
      await client.kv.set(key, kind);
      const { value } = await change;
      must(`a watch tells what was ${kind}`, value[kind].length === 1);
      must("and nothing else", value.added.length + value.changed.length + value.removed.length === 1);
    }
    const change = changes.next();
    await client.kv.delete("w/1");
    must("a watch tells what is gone", (await change).value.removed.length === 1);
    const waiting = changes.next();
    await changes.return();
    must("leaving a watch ends its question", (await waiting).done);
    await client.kv.delete("w/2");
    if (watcher !== client) watcher.close();
  }

  const lock = client.lock("lock", { lockDelayMs: 0 });
  const held = await lock.acquire();
  must("a lock excludes", (await lock.acquire({ tryMs: 0 })) === undefined);
  await held.release();

  const instances = client.watch.service("web")[Symbol.asyncIterator]();
  must("nobody is there yet", (await instances.next()).value.all.size === 0);
  const registration = await client.register({ Name: "web", Port: 80, Address: "10.0.0.1" }, { ttlMs: 10_000 });
  let seen = (await instances.next()).value;
  must("a service is seen to come", seen.added.length === 1);
  while ([...seen.all.values()][0].Checks.some(({ Status }) => Status !== "passing"))
    seen = (await instances.next()).value;
  const endpoint = await client.resolve("web");
  must("a service is found", endpoint.host === "10.0.0.1:80");
  endpoint.release();
  await registration.deregister();
  while (seen.all.size > 0) seen = (await instances.next()).value;
  must("a service is seen to go", seen.removed.length === 1);
  await instances.return();

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
  must(`what was never sent is sent again, not ${pauses} times`, pauses === (tellsRefusals ? 4 : 0));
  client.close();
  return "all well";
}
