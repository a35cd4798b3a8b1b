import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { contractClient } from "./contract-client.ts";
import { RequestError } from "./errors.ts";
import { nodeSend } from "./node-send.ts";
import { Transport } from "./transport.ts";

test("one connection serves one call after the other, and a lost one is replaced", async () => {
  let connections = 0;
  let asked = 0;
  const server = createServer((request, response) => {
    asked++;
    if (request.url === "/v1/status/peers") request.socket.destroy();
    else response.end('"10.0.0.1:8300"');
  });
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const client = contractClient({ send: nodeSend({ address: `127.0.0.1:${port}` }), retry: false });
    for (let count = 0; count < 3; count++) assert.equal((await client.statusLeader()).value, "10.0.0.1:8300");
    assert.deepEqual([connections, asked], [1, 3]);
    await assert.rejects(client.statusPeers(), RequestError);
    assert.equal((await client.statusLeader()).value, "10.0.0.1:8300");
    assert.deepEqual([connections, asked], [2, 5]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("a connection that is idle ends, one that waits for its answer does not", async () => {
  const server = createServer({ keepAliveTimeout: 0 }, (_, response) => setTimeout(() => response.end("late"), 300));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const transport = new Transport({ address: `127.0.0.1:${port}` }, { idleMs: 100 });
    const ended = new Promise<void>((resolve) => {
      server.on("connection", (socket) => socket.on("close", resolve));
    });
    const { body } = await transport.send({ method: "GET", path: "/v1/status/leader" });
    assert.equal(body.toString(), "late");
    await ended;
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("a body that breaks ends its request: the agent does not wait for the rest", async () => {
  const server = createServer((request) => request.resume());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const ended = new Promise<void>((resolve) => {
      server.on("connection", (socket) => socket.on("close", resolve));
    });
    const client = contractClient({ send: nodeSend({ address: `127.0.0.1:${port}` }) });
    const archive = (async function* () {
      yield new Uint8Array(9);
      throw new Error("the disk is gone");
    })();
    await assert.rejects(client.snapshotRestore({ archive }), /the disk is gone/);
    await ended;
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
