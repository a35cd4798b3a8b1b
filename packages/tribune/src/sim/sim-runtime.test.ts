import assert from "node:assert/strict";
import { test } from "node:test";
import { SimInternet } from "./sim-internet.ts";
import { CALM_NETWORK, SimNetwork } from "./sim-network.ts";
import { simHost } from "./sim-runtime.ts";
import { Simulator } from "./simulator.ts";

function twoHosts(seed: number) {
  const sim = new Simulator(seed);
  const network = new SimNetwork(sim, CALM_NETWORK);
  const internet = new SimInternet(sim, network);
  return { sim, network, a: simHost(internet, "10.0.0.1"), b: simHost(internet, "10.0.0.2") };
}

test("a stream carries bytes in order, waits out a cut link, and ends on both sides", async () => {
  const { sim, network, a, b } = twoHosts(1);
  const heard: string[] = [];
  await b.runtime().network.listenTcp("0.0.0.0", 80, (stream) => {
    stream.onData = (chunk) => heard.push(Buffer.from(chunk).toString());
    stream.onEnd = () => stream.end();
  });
  const connecting = a.runtime().network.connectTcp("10.0.0.2", 80, 1000);
  await sim.play(100);
  const stream = await connecting;
  let closed = false;
  stream.onClose = () => {
    closed = true;
  };
  network.blocked.add("10.0.0.1>10.0.0.2");
  for (const word of ["one", "two", "three"]) stream.write(Buffer.from(word));
  await sim.play(300);
  assert.deepEqual(heard, []);
  network.blocked.clear();
  stream.end();
  await sim.play(500);
  assert.deepEqual(heard, ["one", "two", "three"]);
  assert.equal(closed, true);
});

test("a crash resets the connections of a host and silences its timers", async () => {
  const { sim, a, b } = twoHosts(2);
  const runtime = b.runtime();
  await runtime.network.listenTcp("", 80, () => {});
  let rang = false;
  runtime.timers.after(1000, () => {
    rang = true;
  });
  const connecting = a.runtime().network.connectTcp("10.0.0.2", 80, 1000);
  await sim.play(100);
  const stream = await connecting;
  let error: Error | undefined;
  stream.onClose = (reason) => {
    error = reason;
  };
  b.crash();
  await sim.play(2000);
  assert.match(String(error), /ECONNRESET/);
  assert.equal(rang, false);
  const refused = a.runtime().network.connectTcp("10.0.0.2", 80, 1000);
  refused.catch(() => {}); // awaited below; the simulator must run first
  await sim.play(3000);
  await assert.rejects(refused, /ECONNREFUSED/);
});

test("files keep what was synced, and calls of a dead process never finish", async () => {
  const { sim, a } = twoHosts(3);
  let finished = 0;
  const work = async (): Promise<void> => {
    const { disk } = a.runtime();
    const file = await disk.open("/data/log", "create");
    await disk.syncDir("/data");
    await file.write(0, [Buffer.from("kept")]);
    await file.sync();
    finished++;
    await file.write(4, [Buffer.from("lost")]);
    a.crash();
    await file.sync();
    finished++;
  };
  work().catch(assert.fail);
  await sim.play(1000);
  assert.equal(finished, 1);
  let found: Uint8Array | undefined;
  a.runtime()
    .disk.readFile("/data/log")
    .then((bytes) => {
      found = bytes;
    }, assert.fail);
  await sim.play(2000);
  assert.match(Buffer.from(found ?? []).toString(), /^kept/);
});

test("packets reach the port they name", async () => {
  const { sim, a, b } = twoHosts(4);
  const heard: string[] = [];
  const server = await b.runtime().network.bindUdp("", 53, (packet, port, host) => {
    heard.push(`${host}: ${Buffer.from(packet).toString()}`);
    server.send(Buffer.from("pong"), port, host);
  });
  const client = await a.runtime().network.bindUdp("", 0, (packet) => heard.push(Buffer.from(packet).toString()));
  client.send(Buffer.from("ping"), 53, "10.0.0.2");
  await sim.play(100);
  assert.deepEqual(heard, ["10.0.0.1: ping", "pong"]);
});
