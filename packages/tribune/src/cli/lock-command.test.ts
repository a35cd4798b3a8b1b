import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import type { Child, ChildEnd, ChildSpec } from "../process/child.ts";
import { testIo } from "./io.test.support.ts";
import { MUTEX_FLAGS } from "./lock/mutex.ts";
import { SEMAPHORE_FLAGS } from "./lock/semaphore.ts";
import { runCli } from "./run.ts";
import { commandTree } from "./tree.ts";

const TREE = commandTree(() => Promise.reject(new Error("no agent in this test")));

interface Row {
  flags: bigint;
  value: string;
  session: string;
  index: number;
}

/** Keys, sessions and locks of one little server: enough for two lock commands to meet. */
const rows = new Map<string, Row>();
const sessions = new Set<string>();
let index = 10;
const waiting: (() => void)[] = [];
let failReads = 0;
let server: Server;
let address = "";

beforeEach(() => {
  rows.clear();
  sessions.clear();
  failReads = 0;
});
before(async () => {
  server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

function changed(): void {
  index++;
  for (const run of waiting.splice(0)) run();
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString();
  const url = new URL(request.url as string, "http://x");
  const query = url.searchParams;
  const key = decodeURIComponent(url.pathname.replace("/v1/kv/", ""));
  const json = (value: unknown, status = 200): void =>
    void response.writeHead(status, { "X-Consul-Index": String(index) }).end(JSON.stringify(value));
  if (url.pathname === "/v1/agent/self") return json({});
  if (url.pathname === "/v1/session/create") {
    const id = `s${sessions.size + 1}`;
    sessions.add(id);
    return json({ ID: id });
  }
  if (url.pathname.startsWith("/v1/session/destroy/")) {
    const id = url.pathname.split("/").at(-1) as string;
    sessions.delete(id);
    for (const [name, row] of rows) if (row.session === id) rows.delete(name);
    changed();
    return json(true);
  }
  if (url.pathname.startsWith("/v1/session/renew/")) return json([]);
  if (request.method === "GET") return read(key, query, json, response);
  const row = rows.get(key);
  if (request.method === "DELETE") {
    const done = query.get("cas") === null || Number(query.get("cas")) === row?.index;
    if (done) rows.delete(key);
    changed();
    return json(done);
  }
  const acquire = query.get("acquire");
  const release = query.get("release");
  const cas = query.get("cas");
  if (acquire !== null && row !== undefined && row.session !== "" && row.session !== acquire) return json(false);
  if (cas !== null && Number(cas) !== (row?.index ?? 0)) return json(false);
  changed();
  const session = release !== null ? "" : (acquire ?? row?.session ?? "");
  rows.set(key, { flags: BigInt(query.get("flags") ?? 0), value: body, session, index });
  json(true);
}

function read(
  key: string,
  query: URLSearchParams,
  json: (v: unknown, s?: number) => void,
  response: ServerResponse,
): void {
  if (failReads > 0 && query.has("consistent")) {
    failReads--;
    response.writeHead(500).end("No cluster leader");
    return;
  }
  const show = (): void => {
    const found = [...rows].filter(([name]) => (query.has("recurse") ? name.startsWith(key) : name === key));
    if (found.length === 0) return json(null, 404);
    const text = found.map(
      ([name, row]) =>
        `{"Key":${JSON.stringify(name)},"Flags":${row.flags},"Value":"${Buffer.from(row.value).toString("base64")}","Session":"${row.session}","ModifyIndex":${row.index}}`,
    );
    response.writeHead(200, { "X-Consul-Index": String(index) }).end(`[${text.join(",")}]`);
  };
  if (Number(query.get("index") ?? 0) < index) show();
  else waiting.push(show);
}

/** A child that ends when the test says so. */
function fakeChild() {
  let end: (how: ChildEnd) => void = () => {};
  const signals: string[] = [];
  let spec: ChildSpec | undefined;
  let announce: () => void = () => {};
  const started = new Promise<void>((resolve) => (announce = resolve));
  const startChild = (given: ChildSpec): Child => {
    spec = given;
    announce();
    return { pid: 7, signal: (name) => signals.push(name) > 0, ended: new Promise((resolve) => (end = resolve)) };
  };
  return { startChild, started, signals, spec: () => spec, end: (how: ChildEnd) => end(how) };
}

function lock(words: string, child = fakeChild()) {
  const io = testIo({ env: { CONSUL_HTTP_ADDR: address }, startChild: child.startChild });
  const code = runCli("consul", TREE, ["lock", ...words.split(" ")], io);
  return { io, code, child };
}

test("a lock is held while the child runs, and leaves nothing behind", async () => {
  const { io, code, child } = lock("-verbose -child-exit-code p/one run it");
  await child.started;
  assert.equal(rows.get("p/one/.lock")?.session, "s1");
  assert.equal(rows.get("p/one/.lock")?.flags, MUTEX_FLAGS);
  assert.deepEqual(child.spec()?.args, ["/bin/sh", "-c", "run it"]);
  assert.equal(child.spec()?.env.CONSUL_LOCK_HELD, "true");
  child.end({ kind: "exited", code: 4 });
  assert.equal(await code, 2);
  assert.equal(io.err(), "Error running handler: exit status 4\n");
  assert.match(io.out(), /^Setting up lock at path: p\/one\/.lock\n.*Cleanup succeeded\n$/s);
  assert.deepEqual([rows.size, sessions.size], [0, 0]);
});

test("the second waits for the first", async () => {
  const first = lock("p/one a");
  await first.child.started;
  const second = lock("p/one b");
  let running = false;
  void second.child.started.then(() => (running = true));
  while (waiting.length < 2) await new Promise(setImmediate); // both watch the key now
  assert.equal(running, false);
  first.child.end({ kind: "exited", code: 0 });
  assert.equal(await first.code, 0);
  await second.child.started;
  second.child.end({ kind: "exited", code: 0 });
  assert.equal(await second.code, 0);
});

test("a try that takes too long, an interrupt while waiting, a key of something else", async () => {
  rows.set("p/one/.lock", { flags: MUTEX_FLAGS, value: "", session: "other", index: 1 });
  const waits = lock("p/one a");
  while (waiting.length === 0) await new Promise(setImmediate);
  waits.io.interrupt("SIGINT");
  assert.equal(await waits.code, 1);
  assert.equal(waits.io.err(), "Shutdown triggered or timeout during lock acquisition\n");
  rows.set("p/two/.lock", { flags: 5n, value: "", session: "", index: 1 });
  const conflict = lock("p/two a");
  assert.equal(await conflict.code, 1);
  assert.equal(conflict.io.err(), "Lock acquisition failed: Existing key does not match lock use\n");
  assert.equal(sessions.size, 0);
});

test("a lost lock ends the child, gently first", async () => {
  const { io, code, child } = lock("-verbose p/one a");
  await child.started;
  while (waiting.length === 0) await new Promise(setImmediate);
  rows.delete("p/one/.lock");
  changed();
  while (child.signals.length === 0) await new Promise(setImmediate);
  assert.deepEqual(child.signals[0], "SIGTERM");
  child.end({ kind: "signalled", signal: "SIGTERM" });
  assert.equal(await code, 0);
  assert.match(io.out(), /Lock lost, killing child\nTerminating child pid 7\n/);
});

test("a child that does not end is killed", async () => {
  const { io, code, child } = lock("-verbose p/one a");
  await child.started;
  io.interrupt("SIGTERM");
  assert.equal(await code, 0);
  assert.deepEqual(child.signals, ["SIGTERM", "SIGTERM", "SIGKILL"]); // the one passed on, and our own two
  assert.match(io.out(), /Child did not exit after grace period of 5s\nKilling child pid 7\n/);
});

test("servers that are unwell for a moment do not cost the lock", async () => {
  const held = lock("p/one a");
  await held.child.started;
  while (waiting.length === 0) await new Promise(setImmediate);
  failReads = 3;
  changed();
  while (failReads > 0 || waiting.length === 0) await new Promise(setImmediate);
  assert.deepEqual(held.child.signals, []);
  held.child.end({ kind: "exited", code: 0 });
  assert.equal(await held.code, 0);

  const impatient = lock("-monitor-retry=0 p/one a");
  await impatient.child.started;
  while (waiting.length === 0) await new Promise(setImmediate);
  failReads = 1;
  changed();
  while (impatient.child.signals.length === 0) await new Promise(setImmediate);
  impatient.child.end({ kind: "signalled", signal: "SIGTERM" });
  assert.equal(await impatient.code, 0);
});

test("a semaphore lets so many in, and a dead holder's slot is free", async () => {
  const limit = { Limit: 2, Holders: { dead: true } };
  rows.set("p/sem/.lock", { flags: SEMAPHORE_FLAGS, value: JSON.stringify(limit), session: "", index: 3 });
  const holders = [lock("-n=2 p/sem a"), lock("-n=2 p/sem b")];
  for (const { child } of holders) await child.started;
  const slots = JSON.parse(rows.get("p/sem/.lock")?.value as string) as typeof limit;
  assert.deepEqual([slots.Limit, Object.keys(slots.Holders).sort()], [2, ["s1", "s2"]]);
  const third = lock("-n=2 p/sem c");
  const other = lock("-n=3 p/sem d");
  assert.equal(await other.code, 1);
  assert.equal(other.io.err(), "Lock acquisition failed: semaphore limit conflict (lock: 2, local: 3)\n");
  for (const { child, code } of holders) {
    child.end({ kind: "exited", code: 0 });
    assert.equal(await code, 0);
  }
  await third.child.started;
  third.child.end({ kind: "exited", code: 0 });
  assert.equal(await third.code, 0);
  assert.deepEqual([...rows.keys()], []);
});
