import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DiskError } from "../lib/runtime.ts";
import { nodeRuntime } from "./node-runtime.ts";

const { clock, disk, network, rng, timers } = nodeRuntime();
const HOST = "127.0.0.1";
let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "tribune-disk-"));
});
after(() => rm(directory, { recursive: true }));

const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString();

test("time, timers and randomness", async () => {
  const startMs = clock.nowMs();
  assert.ok(Math.abs(clock.wallMs() - Date.now()) < 60_000);
  const order: string[] = [];
  const cancel = timers.after(0, () => order.push("cancelled"));
  cancel();
  cancel();
  timers.after(2 ** 40, () => order.push("far too early"))();
  await new Promise<void>((resolve) => {
    timers.soon(() => order.push("soon"));
    order.push("now");
    timers.after(5, resolve);
  });
  assert.deepEqual(order, ["now", "soon"]);
  assert.ok(clock.nowMs() >= startMs);
  const draws = Array.from({ length: 5_000 }, () => rng.next());
  assert.ok(draws.every((draw) => draw >= 0 && draw < 1));
  const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
  assert.ok(mean > 0.4 && mean < 0.6, `mean ${mean}`);
  assert.equal(rng.bytes(16).length, 16);
});

test("a file is written and synced before the call returns, or the call throws", async () => {
  const path = join(directory, "now");
  const file = await disk.open(path, "create");
  file.writeDurablyNow!(3, Buffer.from("abc"));
  assert.deepEqual(await disk.readFile(path), Buffer.from("\0\0\0abc"));
  await file.close();
  assert.throws(() => file.writeDurablyNow!(0, Buffer.from("x")), { name: "DiskError", code: "EBADF" });
  const full = await disk.open("/dev/full", "readwrite");
  assert.throws(() => full.writeDurablyNow!(0, Buffer.from("x")), { name: "DiskError", code: "ENOSPC" });
  await full.close();
});

test("a file that grows holds what was written, in whichever way, and zeroes behind it", async () => {
  const path = join(directory, "grows");
  let file = await disk.open(path, "create", true);
  await file.write(0, [Buffer.alloc(300_000)]);
  const expected = Buffer.alloc(300_000);
  const random = sequence(7);
  let end = 0;
  for (let round = 0; round < 300; round++) {
    const way = random() % 10;
    if (way === 0) {
      await file.close();
      file = await disk.open(path, "readwrite", true);
      continue;
    }
    const sizes = [1, 8, 264, 4_088, 4_096, 4_104, 16_384];
    const bytes = Buffer.alloc(sizes[random() % sizes.length]!, (round % 255) + 1);
    if (way === 1) await file.write(end, [bytes]);
    else file.writeDurablyNow!(end, bytes);
    const behind = await file.read(end + bytes.length, 4_096);
    assert.ok(
      behind.every((byte) => byte === 0),
      "something is behind it",
    );
    expected.set(bytes, end);
    end += bytes.length;
    if (end > 280_000) break;
  }
  assert.ok(end > 100_000);
  const found = Buffer.from((await disk.readFile(path))!);
  assert.ok(found.subarray(0, end).equals(expected.subarray(0, end)), "what was written is not there");
  const long = Buffer.alloc(100_000, 3);
  file.writeDurablyNow!(end, long);
  assert.ok(Buffer.from(await file.read(end, long.length)).equals(long), "more than fits in memory");
  await file.close();
  assert.throws(() => file.writeDurablyNow!(0, Buffer.from("x")), { name: "DiskError", code: "EBADF" });
});

test("a file that grows goes on where it was cut", async () => {
  const path = join(directory, "cut");
  const file = await disk.open(path, "create", true);
  await file.write(0, [Buffer.alloc(8_192)]);
  file.writeDurablyNow!(0, Buffer.alloc(4_200, 1));
  await file.truncate(4_100);
  await file.truncate(8_192);
  file.writeDurablyNow!(4_200, Buffer.alloc(8, 2));
  const expected = [Buffer.alloc(4_100, 1), Buffer.alloc(100), Buffer.alloc(8, 2)];
  assert.ok(Buffer.from(await file.read(0, 4_208)).equals(Buffer.concat(expected)));
  await file.close();
});

/** Numbers that look random, the same at each run. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 8;
  };
}

test("a file is written in chunks, read back, cut and reopened", async () => {
  const path = join(directory, "file");
  const file = await disk.open(path, "create");
  await file.write(0, [Buffer.from("hello "), Buffer.alloc(0), Buffer.from("world")]);
  await file.write(20, [Buffer.from("!")]);
  await file.write(0, []);
  await file.sync();
  assert.equal(await file.size(), 21);
  assert.equal(text(await file.read(6, 5)), "world");
  assert.equal(text(await file.read(20, 100)), "!");
  assert.equal((await file.read(100, 5)).length, 0);
  await file.truncate(5);
  await file.close();
  await file.close();
  await assert.rejects(file.size(), { name: "DiskError", code: "EBADF" });
  const again = await disk.open(path, "readwrite");
  assert.equal(text(await again.read(0, 9)), "hello");
  await again.close();
  const many = await disk.open(path, "create");
  await many.write(
    0,
    Array.from({ length: 3_000 }, () => Buffer.from("xy")),
  );
  assert.equal(await many.size(), 6_000);
  await many.close();
});

test("atomic replacement leaves one file with the new content and mode", async () => {
  const dir = join(directory, "atomic");
  await disk.makeDir(join(dir, "deep"));
  await disk.writeFileAtomic(join(dir, "f"), Buffer.from("one"));
  await disk.writeFileAtomic(join(dir, "f"), Buffer.from("two"), 0o640);
  assert.equal(text(await disk.readFile(join(dir, "f"))), "two");
  assert.equal((await stat(join(dir, "f"))).mode & 0o777, 0o640);
  assert.deepEqual(await disk.list(dir), ["deep", "f"]);
  await assert.rejects(disk.writeFileAtomic(join(dir, "deep"), Buffer.from("x")), DiskError);
  assert.deepEqual(await readdir(dir), ["deep", "f"], "no temporary file is left behind");
});

test("names: list, rename, remove, absence", async () => {
  const dir = join(directory, "names");
  assert.deepEqual(await disk.list(dir), []);
  assert.equal(await disk.readFile(join(dir, "nothing")), undefined);
  await disk.makeDir(dir);
  await disk.writeFileAtomic(join(dir, "b"), Buffer.from("b"));
  await disk.rename(join(dir, "b"), join(dir, "a"));
  await disk.syncDir(dir);
  assert.deepEqual(await disk.list(dir), ["a"]);
  await disk.remove(join(dir, "a"));
  await disk.remove(join(dir, "a"));
  await disk.remove(dir);
  await assert.rejects(disk.open(join(dir, "a"), "read"), (error) => {
    assert.ok(error instanceof DiskError);
    assert.equal(error.code, "ENOENT");
    assert.match(error.message, /^open .*names\/a: ENOENT$/);
    return true;
  });
});

test("TCP: both directions, half-close, refusal", async () => {
  const received: string[] = [];
  const listener = await network.listenTcp(HOST, 0, (stream) => {
    stream.onData = (chunk) => received.push(Buffer.from(chunk).toString());
    stream.onEnd = () => {
      stream.write(Buffer.from("answer after your end"));
      stream.end();
    };
  });
  const stream = await network.connectTcp(HOST, listener.address.port, 5_000);
  assert.equal(stream.remoteAddress, `${HOST}:${listener.address.port}`);
  const answer: string[] = [];
  stream.onData = (chunk) => answer.push(Buffer.from(chunk).toString());
  const closed = new Promise<Error | undefined>((resolve) => {
    stream.onClose = resolve;
  });
  stream.write(Buffer.from("question"));
  stream.end();
  assert.equal(await closed, undefined);
  assert.equal(stream.write(Buffer.from("late")), false);
  assert.equal(received.join(""), "question");
  assert.equal(answer.join(""), "answer after your end");
  await assert.rejects(
    network.listenTcp(HOST, listener.address.port, () => {}),
    { code: "EADDRINUSE" },
  );
  await listener.close();
  await assert.rejects(network.connectTcp(HOST, listener.address.port, 5_000), { code: "ECONNREFUSED" });
});

test("UDP: packets keep their borders and their sender", async () => {
  let arrived: (line: string) => void = () => {};
  const got = new Promise<string>((resolve) => {
    arrived = resolve;
  });
  const server = await network.bindUdp(HOST, 0, (packet, port, host) =>
    arrived(`${Buffer.from(packet)} ${host}:${port}`),
  );
  const client = await network.bindUdp(HOST, 0, () => {});
  client.send(Buffer.from("ping"), server.address.port, HOST);
  assert.equal(await got, `ping ${HOST}:${client.address.port}`);
  await Promise.all([client.close(), server.close(), server.close()]);
  client.send(Buffer.from("late"), server.address.port, HOST);
});
