// Garbage, giants and slow clients from outside. Each is answered or dropped, and the agent goes on answering others.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { connect } from "node:net";
import { after, afterEach, before, test } from "node:test";
import { AgentProcess, get, put, request } from "./agent-process.mjs";

const address = "127.77.4.1";
let agent;
before(async () => {
  agent = await new AgentProcess({ address, args: ["-dev"] }).ready();
});
after(() => agent.kill());
afterEach(async () => {
  assert.equal((await put(agent, "/v1/kv/alive", "yes")).status, 200, agent.output);
  const resolver = new Resolver({ timeout: 20_000 });
  resolver.setServers([`${address}:8600`]);
  assert.deepEqual(await resolver.resolve4("consul.service.consul"), [address]);
});

/** Sends bytes as they are. @returns what came back until the server closed or `waitMs` passed. */
function exchange(port, bytes, waitMs = 30_000) {
  return new Promise((resolve) => {
    const socket = connect(port, address, () => socket.write(bytes));
    let text = "";
    const done = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(done, waitMs);
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    socket.on("error", done).on("close", done);
  });
}

for (const [name, bytes, status] of [
  ["no HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03garbage\r\n\r\n", /^HTTP\/1\.1 400/],
  ["a broken request line", "GET\r\n\r\n", /^HTTP\/1\.1 400/],
  ["a header without a name", "GET / HTTP/1.1\r\n: x\r\n\r\n", /^HTTP\/1\.1 400/],
  [
    "two lengths",
    "PUT /v1/kv/a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    /^HTTP\/1\.1 400/,
  ],
  [
    "a length and chunks",
    "PUT /v1/kv/a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    /^HTTP\/1\.1 400/,
  ],
  ["a broken escape", "GET /v1/kv/%zz HTTP/1.1\r\nHost: a\r\n\r\n", /^HTTP\/1\.1 400/],
]) {
  test(`HTTP: ${name}`, async () => assert.match(await exchange(8500, bytes), status));
}

test("HTTP: headers beyond the limit", async () => {
  const header = `X-Large: ${"x".repeat(2 << 20)}`;
  assert.match(
    await exchange(8500, `GET /v1/status/leader HTTP/1.1\r\nHost: a\r\n${header}\r\n\r\n`),
    /^HTTP\/1\.1 431|^$/,
  );
});

test("HTTP: bodies beyond the limit", async () => {
  const { status, text } = await put(agent, "/v1/kv/large", "x".repeat(600_000));
  assert.equal(status, 413, text);
  const registration = await put(agent, "/v1/catalog/register", `{"Node":"${"x".repeat(80 << 20)}"}`).catch(() => ({
    status: 0,
  }));
  assert.ok(
    registration.status === 0 || (registration.status >= 400 && registration.status < 500),
    `${registration.status}`,
  );
});

for (const [path, body] of [
  ["/v1/catalog/register", "{"],
  ["/v1/catalog/register", "[1,2]"],
  ["/v1/catalog/register", '{"Node":5,"Address":"1.1.1.1"}'],
  ["/v1/session/create", '{"TTL":{}}'],
  ["/v1/txn", '[{"KV":{"Verb":"nope","Key":"a"}}]'],
  ["/v1/txn", "9".repeat(10_000)],
  ["/v1/txn", "[".repeat(100_000)],
]) {
  test(`JSON: ${path} ${body.slice(0, 40)}`, async () => {
    const { status } = await put(agent, path, body);
    assert.ok(status >= 400 && status < 500, `status ${status}`);
  });
}

test("a filter that nests without end is refused", async () => {
  const { status } = await get(agent, `/v1/catalog/nodes?filter=${"(".repeat(5_000)}Node==a${")".repeat(5_000)}`);
  assert.ok(status >= 400 && status <= 500, `status ${status}`);
});

test("clients that begin and never finish hold nobody up", async () => {
  const sockets = Array.from({ length: 100 }, () => connect(8500, address));
  for (const [at, socket] of sockets.entries()) {
    socket.on("error", () => {});
    socket.write(
      at % 2 === 0
        ? "GET /v1/kv/a HTTP/1.1\r\nHos"
        : "PUT /v1/kv/a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf",
    );
  }
  await Promise.all(Array.from({ length: 20 }, (_, at) => put(agent, `/v1/kv/meanwhile${at}`, "x")));
  for (const socket of sockets) socket.destroy();
});

test("watchers that vanish without a word are forgotten", async () => {
  const index = (await get(agent, "/v1/kv/alive")).headers.get("x-consul-index");
  const sockets = Array.from({ length: 200 }, () => connect(8500, address));
  for (const socket of sockets) {
    socket.on("error", () => {});
    socket.write(`GET /v1/kv/alive?index=${index}&wait=60s HTTP/1.1\r\nHost: a\r\n\r\n`);
  }
  // Half of them close only their own side, the others reset the connection.
  for (const [at, socket] of sockets.entries()) at % 2 === 0 ? socket.end() : socket.resetAndDestroy();
  assert.equal((await put(agent, "/v1/kv/alive", "woken")).status, 200);
  for (const socket of sockets) socket.destroy();
});

test("a client that does not read its answer is not waited for", async () => {
  for (let at = 0; at < 20; at++) await put(agent, `/v1/kv/big/${at}`, "x".repeat(400_000));
  const socket = connect(8500, address);
  socket.on("error", () => {});
  socket.pause();
  for (let at = 0; at < 10; at++) socket.write("GET /v1/kv/big/?recurse HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await request(`${agent.url}/v1/kv/alive?raw`)).status, 200);
  socket.destroy();
});

test("DNS: random packets over UDP", async () => {
  const socket = createSocket("udp4");
  await new Promise((resolve) => socket.bind(0, "127.0.0.1", resolve));
  for (let at = 0; at < 500; at++) {
    const packet = Buffer.from(
      Array.from({ length: (at * 7) % 300 }, (_, byte) => (at * 31 + byte * byte * 17) & 0xff),
    );
    await new Promise((resolve) => socket.send(packet, 8600, address, resolve));
  }
  socket.close();
});

test("DNS: a length over TCP that never comes, and compression that runs in a circle", async () => {
  assert.equal(await exchange(8600, Buffer.from([0xff, 0xff, 1, 2, 3]), 300), "");
  const circle = Buffer.from([0, 18, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1]);
  await exchange(8600, circle, 300);
});
