import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { Server } from "node:http";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { startAgent } from "../index.ts";

/** Everything heard until the server lets go. A client that goes on sending learns of that by a reset. */
async function talk(socket: Socket, text: string): Promise<string> {
  socket.setEncoding("utf8");
  let heard = "";
  socket.on("data", (chunk) => {
    heard += chunk;
  });
  socket.on("error", () => {}); // the reset; `close` follows
  socket.write(text);
  const more = setInterval(() => socket.write("x"), 50);
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  clearInterval(more);
  return heard;
}

/** What a chunked body says, a byte a character. */
function joined(chunked: string): string {
  const [line, size = ""] = /^([0-9a-f]+)\r\n/.exec(chunked) ?? [];
  assert.ok(line, `no chunk: ${chunked}`);
  const end = line.length + Number.parseInt(size, 16);
  assert.equal(chunked.slice(end, end + 2), "\r\n");
  return size === "0" ? "" : chunked.slice(line.length, end) + joined(chunked.slice(end + 2));
}

test("a question that is refused is refused every time it is asked", async () => {
  const agent = await startAgent();
  try {
    for (const query of ["?dc=elsewhere", "?filter=Nope+==+1", "?dc=elsewhere&index=1&wait=1s"])
      for (let time = 0; time < 3; time++) {
        const response = await fetch(`${agent.url}/v1/catalog/nodes${query}`);
        assert.equal(response.status, 500, query);
        assert.notEqual(await response.text(), "");
      }
  } finally {
    await agent.stop();
  }
});

test("nothing is done for a connection too many, and it does not stay open", async () => {
  const agent = await startAgent({ config: { limits: { http_max_conns_per_client: 1 } } });
  try {
    const { host, port } = agent.httpAddress!;
    const admitted = connect({ host, port });
    await once(admitted, "connect");
    const refused = connect({ host, port, allowHalfOpen: true });
    await once(refused, "connect");
    const heard = await talk(refused, "PUT /v1/kv/refused HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1");
    assert.match(heard, /^HTTP\/1\.1 429 /);
    assert.equal(heard.match(/HTTP\/1\.1/g)?.length, 1);
    admitted.setEncoding("utf8").write("GET /v1/kv/refused HTTP/1.1\r\nHost: x\r\n\r\n");
    const [answer] = await once(admitted, "data");
    assert.match(answer, /^HTTP\/1\.1 404 /);
  } finally {
    await agent.stop();
  }
});

test("a client that speaks no HTTP is told so and let go, even if it never closes its side", async () => {
  const agent = await startAgent();
  try {
    const { host, port } = agent.httpAddress!;
    const socket = connect({ host, port, allowHalfOpen: true });
    await once(socket, "connect");
    assert.match(await talk(socket, "\x16\x03\x01 not http\r\n\r\n"), /^HTTP\/1\.1 400 /);
  } finally {
    await agent.stop();
  }
});

test("a target is taken as Go takes it: bytes are their escapes, and two names that are no UTF-8 are two", async () => {
  const agent = await startAgent();
  try {
    const { host, port } = agent.httpAddress!;
    const ask = async (method: string, target: string, body?: string, headers = "Connection: close\r\n") => {
      const socket = connect({ host, port });
      const length = body === undefined ? "" : `Content-Length: ${body.length}\r\n`;
      socket
        .setEncoding("latin1")
        .end(`${method} ${target} HTTP/1.1\r\nHost: h\r\n${length}${headers}\r\n${body ?? ""}`, "latin1");
      let heard = "";
      for await (const chunk of socket) heard += chunk;
      const [, status = "", head = "", said = ""] = /^HTTP\/1\.1 (\d+).*?\r\n(.*?)\r\n\r\n(.*)$/s.exec(heard) ?? [];
      const [, location] = /^Location: ([^\r]*)/m.exec(head) ?? [];
      // A body that took longer to make than a slice comes in pieces, whatever its length.
      const text = /^Transfer-Encoding: chunked/m.test(head) ? joined(said) : said;
      return [Number(status), location ?? text.replaceAll(/\n\s*/g, "")];
    };
    const OK = [200, "true"];
    assert.deepEqual(await ask("PUT", "/v1/kv/\xc3\xbc", "1"), OK);
    assert.deepEqual(await ask("PUT", "/v1/kv/long\xc3\xbc", "x".repeat(100_000)), OK);
    // Node's: it waits, with its side open, until all of the body is there.
    const chunked = "Transfer-Encoding: chunked\r\n\r\n1\r\n2\r\n0\r\n";
    const socket = connect({ host, port });
    socket.setEncoding("latin1").write(`PUT /v1/kv/chunks\xc3\xbc HTTP/1.1\r\nHost: h\r\n${chunked}\r\n`, "latin1");
    let heard = "";
    for await (const chunk of socket) heard += chunk; // the server closes: the next target may be such a one again
    assert.match(heard, /^HTTP\/1\.1 200 .*true\n$/s);
    for (const byte of ["\xfe", "%ff", "a\xff/b"])
      assert.deepEqual(await ask("PUT", `/v1/kv/${byte}`, byte.slice(-2)), OK);
    assert.deepEqual(await ask("GET", "/v1/kv/%C3%BC?raw"), [200, "1"]);
    assert.deepEqual(await ask("GET", "/v1/kv/%C3\xbc?raw"), [200, "1"]);
    assert.deepEqual(await ask("GET", "/v1/kv/%fe?raw"), [200, "\xfe"]);
    assert.deepEqual(await ask("GET", "/v1/kv/\xff?raw"), [200, "ff"]);
    const keys = ["a\\ufffd", "chunks\u00c3\u00bc", "long\u00c3\u00bc", "\u00c3\u00bc", "\\ufffd", "\\ufffd"];
    assert.deepEqual(await ask("GET", "/v1/kv/?keys&separator=%ff"), [
      200,
      `[${keys.map((key) => `"${key}"`).join(",")}]`,
    ]);
    assert.deepEqual(await ask("GET", "/v1//kv/\xff"), [301, "/v1/kv/%FF"]);
    assert.deepEqual(await ask("GET", "http://h?x"), [301, "/?x"]);
    assert.deepEqual(await ask("GET", "ftp://h/v1/kv/%fe?raw"), [200, "\xfe"]);
    assert.deepEqual(await ask("GET", "*"), [400, ""]);
    assert.deepEqual(await ask("GET", "/v1/kv/%zz"), [400, "400 Bad Request"]);
    // No-break space, zero-width joiner and line separator hide in what tools print.
    for (const hidden of ["%C2%A0", "\xe2\x80\x8d", "%E2%80%A8", "%01"])
      assert.deepEqual(await ask("GET", `/v1/kv/${hidden}`), [400, ""], hidden);
  } finally {
    await agent.stop();
  }
});

test("odd parameters of reads are refused for keys' writes, and transactions that only read", async () => {
  const agent = await startAgent();
  try {
    const ask = async (method: string, path: string, body?: string) => {
      const answer = await fetch(`${agent.url}${path}`, { method, ...(body === undefined ? {} : { body }) });
      return `${answer.status} ${(await answer.text()).trim()}`;
    };
    const txn = (verb: string) => JSON.stringify([{ KV: { Verb: verb, Key: "b", Value: "" } }]);
    for (const [odd, why] of [
      ["index=x", "Invalid index"],
      ["wait=x", "Invalid wait time"],
      ["max_stale=x", 'Invalid max_stale value "x"'],
      ["stale&consistent", "Cannot specify ?stale with ?consistent, conflicting semantics."],
      ["cached&consistent", "Cannot specify ?cached with ?consistent, conflicting semantics."],
    ]) {
      assert.equal(await ask("PUT", `/v1/kv/a?${odd}`, "v"), `400 ${why}`);
      assert.equal(await ask("PUT", `/v1/kv/a?${odd}`, "v".repeat(600_000)), `400 ${why}`);
      assert.equal(await ask("DELETE", `/v1/kv/?${odd}`), `400 ${why}`);
      assert.equal(await ask("PUT", `/v1/txn?${odd}`, txn("get")), `400 ${why}`);
      assert.match(await ask("PUT", `/v1/txn?${odd}`, txn("set")), /^200 /);
    }
    assert.equal(await ask("GET", "/v1/kv/a"), "404 ");
    assert.equal(await ask("PUT", "/v1/kv/a?index=5&wait=1h&stale", "v"), "200 true");
    const id = "8f246b77-f3e1-ff88-5b48-8ec93abf3e05";
    assert.equal(await ask("PUT", `/v1/query/${id}`), `500 Cannot modify non-existent prepared query: '${id}'`);
    assert.equal(await ask("GET", "/v1/connect/intentions/"), "404 Intention not found");
  } finally {
    await agent.stop();
  }
});

test("a long body that nobody wants to the end ends its request, and nothing else", async () => {
  const agent = await startAgent();
  try {
    const body = "x".repeat(300_000);
    await fetch(`${agent.url}/v1/snapshot`, { method: "PUT", body }).catch(() => {}); // it may not come to an answer
    assert.equal((await fetch(`${agent.url}/v1/status/leader`)).status, 200);
  } finally {
    await agent.stop();
  }
});

test("a connection that the system could not accept ends neither the door nor the agent", async () => {
  const agent = await startAgent();
  const servers: Server[] = [];
  const noted = (message: unknown): void => void servers.push((message as { server: Server }).server);
  subscribe("http.server.request.start", noted);
  try {
    // A chunked body is Node's to read, and so its server shows itself.
    const { host, port } = agent.httpAddress!;
    const socket = connect({ host, port });
    const chunk = "1\r\nx\r\n0\r\n\r\n";
    const head = "PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    socket.end(head + chunk).resume();
    await once(socket, "close");
    assert.equal(servers.length, 1);
    servers[0]!.emit("error", new Error("accept ENOMEM"));
    assert.equal((await fetch(`${agent.url}/v1/kv/a`)).status, 200);
  } finally {
    unsubscribe("http.server.request.start", noted);
    await agent.stop();
  }
});
