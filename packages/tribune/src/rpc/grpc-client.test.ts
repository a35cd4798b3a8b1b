/** Against Node's own HTTP/2 server, over streams that are no sockets. */
import assert from "node:assert/strict";
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { test } from "node:test";
import { VirtualTime } from "../checks/virtual-time.test.support.ts";
import { duplexOf } from "../net/stream-duplex.ts";
import { GrpcConnection, GrpcFrames } from "./grpc-client.ts";
import { pair } from "./memory-streams.test.support.ts";

function connected() {
  const time = new VirtualTime();
  const [near, far] = pair();
  const http2 = createServer();
  const server: { session?: ServerHttp2Session; calls: ServerHttp2Stream[] } = { calls: [] };
  http2.on("session", (session) => {
    server.session = session;
    session.on("error", () => session.destroy());
  });
  http2.on("stream", (stream) => {
    stream.on("error", () => stream.destroy());
    server.calls.push(stream);
  });
  http2.emit("connection", duplexOf(far));
  let closed = 0;
  const connection = new GrpcConnection(near, time.timers, () => closed++);
  const call = () => {
    const heard: string[] = [];
    const over: string[] = [];
    const cancel = connection.call("/a.B/C", new Uint8Array(1), {
      onMessage: (message) => heard.push(Buffer.from(message).toString()),
      onOver: (reason) => over.push(reason),
    });
    return { heard, over, cancel };
  };
  return { time, server, near, far, connection, call, closed: () => closed };
}

async function until(what: string, done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000; turn++) {
    if (done()) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  throw new Error(`never: ${what}`);
}

test("a connection that breaks ends its calls, once each, and is not usable from then on", async () => {
  const { time, server, far, connection, call, closed } = connected();
  const [one, two] = [call(), call()];
  await until("both calls", () => server.calls.length === 2);
  two.cancel();
  far.destroy();
  await until("the end", () => closed() === 1);
  assert.equal(connection.usable, false);
  assert.deepEqual([one.over.length, two.over.length], [1, 0], "none behind a cancel");
  assert.equal(time.pendingTimers, 0);
  connection.close();
});

test("in every turn in which a connection that ends says that it is usable, it takes a call", async () => {
  for (const end of ["reset", "good-bye"]) {
    const { server, near, connection, call } = connected();
    const calls = [call()];
    await until("the call", () => server.calls.length === 1);
    if (end === "reset") near.onClose(new Error("reset"));
    else server.session!.goaway();
    const useIt = (): void => {
      if (connection.usable) calls.push(call());
    };
    for (let turn = 0; turn < 100; turn++) {
      useIt();
      process.nextTick(useIt);
      await Promise.resolve().then(useIt);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    assert.equal(connection.usable, false);
    if (end === "good-bye") connection.close();
    await until("the end of every call", () => calls.every(({ over }) => over.length === 1));
  }
});

test("behind a good-bye calls go on, and the connection takes no other", async () => {
  const { server, connection, call, closed } = connected();
  const one = call();
  await until("the call", () => server.calls.length === 1);
  server.session!.goaway();
  await until("the good-bye", () => !connection.usable);
  assert.deepEqual([one.over, closed()], [[], 0]);
  server.calls[0]!.respond({ ":status": 200 }, { waitForTrailers: true });
  server.calls[0]!.on("wantTrailers", () =>
    server.calls[0]!.sendTrailers({ "grpc-status": "14", "grpc-message": "shutting down" }),
  );
  server.calls[0]!.end(Buffer.from("00000000026869", "hex"));
  await until("the end", () => closed() === 1);
  assert.deepEqual([one.heard, one.over], [["hi"], ["shutting down (grpc status 14)"]]);
});

test("a peer that answers no ping is given up, whatever the connection says", async () => {
  const { time, server, near, connection, call, closed } = connected();
  const one = call();
  await until("the call", () => server.calls.length === 1);
  let pings = 0;
  server.session!.on("ping", () => pings++);
  await time.advance(30_000);
  await until("a ping", () => pings === 1);
  await until("its answer", () => time.nextMs === 30_000);
  near.write = () => true; // nothing gets there any more
  await time.advance(30_000);
  assert.equal(connection.usable, true);
  await time.advance(10_000);
  await until("the end", () => closed() === 1);
  assert.deepEqual([connection.usable, one.over.length], [false, 1]);
});

test("frames come whole however the bytes are cut, and nothing behind nonsense", () => {
  const bytes = Buffer.from("0000000002686900000000000100000000", "hex");
  for (let cut = 0; cut <= bytes.length; cut++) {
    const frames = new GrpcFrames();
    const heard: string[] = [];
    for (const chunk of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      frames.push(chunk);
      for (let message = frames.next(); message !== undefined; message = frames.next())
        heard.push(Buffer.from(message).toString());
    }
    assert.deepEqual(heard, ["hi", ""]);
    assert.equal(frames.nonsense, "a compressed message that was not asked for");
  }
});
