import assert from "node:assert/strict";
import { test } from "node:test";
import { MsgpackReader, MsgpackWriter } from "../codec/msgpack.ts";
import { silentLogger } from "../lib/log.ts";
import { noMetrics } from "../lib/metrics.ts";
import type { Runtime, Stream } from "../lib/runtime.ts";
import { SimInternet } from "../sim/sim-internet.ts";
import { CALM_NETWORK, SimNetwork } from "../sim/sim-network.ts";
import { simHost } from "../sim/sim-runtime.ts";
import { Simulator } from "../sim/simulator.ts";
import { NodeRpcPool } from "./rpc-pool.ts";
import { NodeServerPort } from "./server-port.ts";
import { RPC_BYTE, type RpcCall, RpcRemoteError, type RpcReply, RpcTransportError } from "./types.ts";

const SERVER = { name: "s1", host: "10.0.0.2", port: 8300 };
const text = (value: string): Uint8Array => new MsgpackWriter().text(value).take();
const read = (bytes: Uint8Array): string => new MsgpackReader(bytes).text();

/** Answers with the argument; `Slow.*` not before it is told to. */
class Service {
  readonly held: { call: RpcCall; reply: RpcReply }[] = [];
  cancelled = 0;

  readonly handle = (call: RpcCall, reply: RpcReply): (() => void) => {
    if (call.method.startsWith("Slow.")) this.held.push({ call, reply });
    else if (call.method === "Bad.Luck") reply.fail("out of luck");
    else if (call.method === "Big.Answer") reply.ok(text("x".repeat(1_000_000)));
    else if (call.method === "No.Such") reply.fail("rpc: can't find service No.Such", true);
    else reply.ok(text(`${call.method} ${read(call.args)}`));
    return () => this.cancelled++;
  };
}

async function world(seed = 1, options = { handshakeTimeoutMs: 5_000, connectionsPerClientMax: 100 }) {
  const sim = new Simulator(seed);
  const internet = new SimInternet(sim, new SimNetwork(sim, CALM_NETWORK));
  const [client, host] = [simHost(internet, "10.0.0.1"), simHost(internet, SERVER.host)];
  const service = new Service();
  const open = async (): Promise<NodeServerPort> => {
    const port = new NodeServerPort(options, {
      runtime: host.runtime(),
      logger: silentLogger,
      metrics: noMetrics,
      tls: () => undefined,
    });
    port.handle("rpc", service.handle);
    await port.listen(SERVER.host, SERVER.port);
    return port;
  };
  const port = await open();
  const runtime: Runtime = client.runtime();
  const pool = new NodeRpcPool({ runtime, tls: () => undefined, datacenter: "dc1", idleMs: 127_000 });
  const pass = async (ms: number): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    await sim.play(sim.nowMs + ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  /** Settles within simulated time, or the test fails. */
  const settle = async <T>(promise: Promise<T>, ms = 60_000): Promise<T | Error> => {
    let outcome: T | Error | undefined;
    promise.then(
      (value) => (outcome = value),
      (error: Error) => (outcome = error),
    );
    await pass(ms);
    assert.notEqual(outcome, undefined, "no answer");
    return outcome as T | Error;
  };
  return { pass, settle, port, open, host, pool, service, runtime };
}

test("calls are answered over one connection, large ones and errors too", async () => {
  const { pool, settle } = await world();
  const outcomes = await settle(
    Promise.all([
      pool.call(SERVER, "Echo.One", text("a")).then(read),
      pool.call(SERVER, "Big.Answer", text("")).then((bytes) => bytes.length),
      pool.call(SERVER, "Bad.Luck", text("")).catch((error: Error) => error),
      pool.call(SERVER, "No.Such", text("")).catch((error: Error) => error),
    ]),
  );
  assert.ok(Array.isArray(outcomes));
  assert.equal(outcomes[0], "Echo.One a");
  assert.ok((outcomes[1] as number) > 1_000_000);
  assert.ok(outcomes[2] instanceof RpcRemoteError && outcomes[2].message === "out of luck");
  assert.ok(outcomes[3] instanceof RpcRemoteError);
  assert.equal(pool.size, 1);
  assert.equal(await settle(pool.call(SERVER, "Echo.Again", text("b")).then(read)), "Echo.Again b");
});

test("a stream on which a server was called too early is answered by what is there later", async () => {
  const { port, pool, service, settle } = await world();
  port.handle("rpc", (_call, reply) => {
    reply.fail("not yet");
    return () => {};
  });
  const early = await settle(pool.call(SERVER, "Echo.One", text("a")));
  assert.match(String(early), /not yet/);
  port.handle("rpc", service.handle);
  assert.equal(await settle(pool.call(SERVER, "Echo.One", text("b")).then(read)), "Echo.One b");
});

test("a call that waits holds up no other, and its cancellation reaches the server", async () => {
  const { pool, settle, pass, service } = await world();
  let answered = false;
  const cancel = pool.start(SERVER, "Slow.Wait", text(""), () => (answered = true));
  assert.equal(await settle(pool.call(SERVER, "Echo.Quick", text("x")).then(read)), "Echo.Quick x");
  assert.equal(service.held.length, 1);
  cancel();
  await pass(1_000);
  assert.equal(service.cancelled, 1);
  service.held[0]!.reply.ok(text("late"));
  await pass(1_000);
  assert.equal(answered, false);
});

test("a server that crashes fails its calls as sent, and one that is not there as not sent", async () => {
  const { pool, settle, pass, host, open } = await world();
  const waiting = pool.call(SERVER, "Slow.Wait", text(""));
  const failed = waiting.catch((error: Error) => error);
  await pass(1_000);
  host.crash();
  const error = await settle(failed);
  assert.ok(error instanceof RpcTransportError && error.sent && error.eof);
  const refused = await settle(pool.call(SERVER, "Echo.One", text("a")));
  assert.ok(refused instanceof RpcTransportError && !refused.sent);
  assert.match(refused.message, /^dial tcp 10.0.0.2:8300: connect: connection refused$/);
  await open();
  assert.equal(await settle(pool.call(SERVER, "Echo.One", text("a")).then(read)), "Echo.One a");
});

test("a call with a time limit ends in time", async () => {
  const { pool, settle } = await world();
  const error = await settle(pool.call(SERVER, "Slow.Wait", text(""), { timeoutMs: 2_000 }));
  assert.ok(error instanceof RpcTransportError);
  assert.equal(error.message, "i/o deadline reached");
});

test("an unused connection is closed, and a closed port sends its clients elsewhere", async () => {
  const { pool, settle, pass, port } = await world();
  await settle(pool.call(SERVER, "Echo.One", text("a")), 1_000);
  assert.equal(pool.size, 1);
  await pass(130_000);
  assert.equal(pool.size, 0);
  await settle(pool.call(SERVER, "Echo.One", text("a")), 1_000);
  await port.close();
  await pass(1_000);
  assert.equal(pool.size, 0);
});

test("a closed pool ends its calls, takes no more, and leaves no timer behind", async () => {
  const { pool, settle, pass, runtime } = await world();
  let timers = 0;
  const { after } = runtime.timers;
  Object.assign(runtime.timers, {
    after: (delayMs: number, run: () => void) => {
      timers++;
      let open = true;
      const end = (): void => {
        if (open) timers--;
        open = false;
      };
      const cancel = after(delayMs, () => {
        end();
        run();
      });
      return () => {
        end();
        cancel();
      };
    },
  });
  const waiting = pool.call(SERVER, "Slow.Wait", text(""));
  await pass(1_000);
  pool.close();
  assert.ok((await settle(waiting, 1_000)) instanceof RpcTransportError);
  assert.ok((await settle(pool.call(SERVER, "Echo.One", text("a")), 1_000)) instanceof RpcTransportError);
  assert.equal(timers, 0);
});

test("the first byte decides who gets the connection, with everything behind it", async () => {
  const { pool, port, settle, pass, runtime } = await world();
  const heard: string[] = [];
  const listener = (kind: string) => (stream: Stream) => {
    stream.onData = (chunk) => heard.push(`${kind} ${Buffer.from(chunk).toString()}`);
  };
  port.handle("raft", listener("raft"));
  port.handle("snapshot", listener("snapshot"));
  for (const kind of ["raft", "snapshot"] as const) {
    const stream = (await settle(pool.dial(SERVER, kind))) as Stream;
    stream.write(Buffer.from("hello"));
  }
  await pass(1_000);
  const together = (await settle(runtime.network.connectTcp(SERVER.host, SERVER.port, 1_000), 1_000)) as Stream;
  together.write(Buffer.concat([Uint8Array.of(RPC_BYTE.raft), Buffer.from("at once")]));
  await pass(1_000);
  assert.deepEqual(heard, ["raft hello", "snapshot hello", "raft at once"]);
});

for (const [what, first] of [
  ["an unknown byte", [99]],
  ["a kind nobody serves", [RPC_BYTE.grpc]],
  ["TLS where there is no certificate", [RPC_BYTE.tls, 22, 3, 1]],
  ["silence", []],
] as const)
  test(`${what} is refused without a word`, async () => {
    const { settle, pass, runtime } = await world();
    const stream = (await settle(runtime.network.connectTcp(SERVER.host, SERVER.port, 1_000), 1_000)) as Stream;
    let [received, closed] = [0, false];
    stream.onData = (chunk) => (received += chunk.length);
    stream.onClose = () => (closed = true);
    if (first.length > 0) stream.write(Uint8Array.from(first));
    await pass(10_000);
    assert.deepEqual({ received, closed }, { received: 0, closed: true });
  });

test("one client may have so many connections and no more, until one closes", async () => {
  const { settle, pass, runtime, port } = await world(3, { handshakeTimeoutMs: 0, connectionsPerClientMax: 2 });
  port.handle("raft", () => {});
  const open = async () => {
    const connecting = runtime.network.connectTcp(SERVER.host, SERVER.port, 1_000).then((stream) => {
      const state = { stream, closed: false };
      stream.onClose = () => (state.closed = true);
      stream.write(Uint8Array.of(RPC_BYTE.raft));
      return state;
    });
    return (await settle(connecting, 1_000)) as { stream: Stream; closed: boolean };
  };
  const [first, second, third] = [await open(), await open(), await open()];
  assert.deepEqual([first.closed, second.closed, third.closed], [false, false, true]);
  first.stream.destroy();
  await pass(1_000);
  assert.equal((await open()).closed, false);
});

test("calls on one connection without yamux are answered in order", async () => {
  const { settle, pass, runtime, service } = await world();
  const stream = (await settle(runtime.network.connectTcp(SERVER.host, SERVER.port, 1_000), 1_000)) as Stream;
  const got: Uint8Array[] = [];
  stream.onData = (chunk) => got.push(chunk);
  const call = (seq: number, method: string) =>
    Buffer.concat([
      new MsgpackWriter().mapHeader(2).text("Seq").int(seq).text("ServiceMethod").text(method).take(),
      text("q"),
    ]);
  stream.write(Buffer.concat([Uint8Array.of(RPC_BYTE.single), call(1, "Slow.First"), call(2, "Echo.Second")]));
  await pass(1_000);
  assert.equal(got.length, 0);
  service.held[0]!.reply.ok(text("first"));
  await pass(1_000);
  const whole = Buffer.concat(got).toString("latin1");
  assert.ok(whole.indexOf("Slow.First") >= 0 && whole.indexOf("Slow.First") < whole.indexOf("Echo.Second q"));
});
