import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeNetwork } from "./node-network.ts";

test("a packet that cannot be sent is lost, wherever a peer says that it is to go, and the next one is not", async () => {
  let arrived = (_text: string): void => {};
  const next = new Promise<string>((resolve) => {
    arrived = resolve;
  });
  const to = await nodeNetwork.bindUdp("127.0.0.1", 0, (packet) => arrived(Buffer.from(packet).toString()));
  const from = await nodeNetwork.bindUdp("127.0.0.1", 0, () => {});
  try {
    const unreachable: readonly (readonly [port: number, host: string])[] = [
      [0, "127.0.0.1"],
      [-1, "127.0.0.1"],
      [70_000, "127.0.0.1"],
      [Number.NaN, "127.0.0.1"],
      [1, ""],
      [1, "::1"],
      [1, "255.255.255.255"],
    ];
    for (const [port, host] of unreachable) from.send(Buffer.from("lost"), port, host);
    from.send(new Uint8Array(70_000), to.address.port, "127.0.0.1");
    from.send(Buffer.from("there"), to.address.port, "127.0.0.1");
    assert.equal(await next, "there");
  } finally {
    await Promise.all([to.close(), from.close()]);
  }
});
