/** Node's own HTTP/2 client, and the bytes of a recorded Consul agent, over streams that are no sockets. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect } from "node:http2";
import { test } from "node:test";
import { duplexOf } from "../net/stream-duplex.ts";
import { GRPC_STATUS, type GrpcCall, GrpcServer } from "./grpc-server.ts";
import { pair } from "./memory-streams.test.support.ts";

const frame = (message: Uint8Array): Buffer => {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
};

async function ask(handler: (call: GrpcCall) => void, body: Uint8Array) {
  const [near, far] = pair();
  const server = new GrpcServer(handler);
  server.handle(far);
  const session = connect("http://tribune.test", { createConnection: () => duplexOf(near) });
  const stream = session.request({ ":method": "POST", ":path": "/a.B/C", "content-type": "application/grpc" });
  const chunks: Buffer[] = [];
  let status: unknown;
  stream.on("response", (headers) => (status = headers["grpc-status"] ?? status));
  stream.on("trailers", (headers) => (status = headers["grpc-status"]));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.end(body);
  await new Promise((resolve) => stream.once("close", resolve));
  session.destroy();
  server.close();
  return { status, body: Buffer.concat(chunks).toString("hex") };
}

test("a call gets its messages and then its status", async () => {
  const asked: string[] = [];
  const outcome = await ask(
    (call) => {
      asked.push(`${call.path} ${Buffer.from(call.request).toString()}`);
      call.send(Buffer.from("one"));
      call.send(Buffer.from("two"));
      call.end(GRPC_STATUS.ok, "");
    },
    frame(Buffer.from("question")),
  );
  assert.deepEqual(asked, ["/a.B/C question"]);
  assert.deepEqual(outcome, { status: "0", body: "00000000036f6e65000000000374776f" });
});

test("a refusal is a status without a message", async () => {
  const outcome = await ask((call) => call.end(GRPC_STATUS.unimplemented, "no such thing"), frame(Buffer.from("q")));
  assert.deepEqual(outcome, { status: "12", body: "" });
});

for (const [what, body] of [
  ["a compressed message", Buffer.from("0100000001ff", "hex")],
  ["a message that is too long", Buffer.from("00ffffffff", "hex")],
  ["no message", Buffer.alloc(0)],
] as const)
  test(`${what} never reaches the handler`, async () => {
    let asked = 0;
    const { status } = await ask(() => asked++, body);
    assert.equal(asked, 0);
    assert.ok(status === "12" || status === "3", String(status));
  });

test("what a Consul agent sends behind byte 8 is a call", async () => {
  const { clientHex } = JSON.parse(
    readFileSync(new URL("../../test-data/grpc-subscribe-consul-1.10.json", import.meta.url), "utf8"),
  );
  const bytes = Buffer.from(clientHex, "hex");
  assert.equal(bytes[0], 8);
  const [near, far] = pair();
  const call = await new Promise<GrpcCall>((resolve) => {
    new GrpcServer(resolve).handle(far);
    near.write(bytes.subarray(1));
  });
  assert.equal(call.path, "/subscribe.StateChangeSubscription/Subscribe");
  assert.match(Buffer.from(call.request).toString("latin1"), /web/);
  near.destroy();
});
