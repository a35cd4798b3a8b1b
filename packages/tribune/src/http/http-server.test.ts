import assert from "node:assert/strict";
import { once } from "node:events";
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
