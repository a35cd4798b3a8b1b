import assert from "node:assert/strict";
import { test } from "node:test";
import { readSnapshot } from "../gossip/serf/snapshot-file.ts";
import { silentLogger } from "../lib/log.ts";
import { type Disk, DiskError } from "../lib/runtime.ts";
import { SimFiles } from "../sim/sim-files.ts";
import { Simulator } from "../sim/simulator.ts";
import { SnapshotWriter } from "./snapshot-writer.ts";

const PATH = "/data/serf/local.snapshot";

function bench(seed: number) {
  const sim = new Simulator(seed);
  const files = new SimFiles(sim, 3);
  const clock = { nowMs: () => sim.nowMs, wallMs: () => sim.nowMs };
  const timers = {
    after: (delayMs: number, run: () => void) => sim.after(delayMs, run),
    soon: (run: () => void) => void sim.after(0, run),
  };
  /** Plays a second at least, and until `promise` is settled. */
  const settle = async <T>(promise: Promise<T>): Promise<T> => {
    let isSettled = false;
    const done = (): void => {
      isSettled = true;
    };
    promise.then(done, done);
    for (let tenth = 0; tenth < 10 || (!isSettled && tenth < 600); tenth++) await sim.play(sim.nowMs + 100);
    return promise;
  };
  const open = async (disk: Disk, rejoinAfterLeave = false) => {
    const writer = new SnapshotWriter(PATH, { disk, timers, clock }, silentLogger);
    return { writer, contents: await settle(writer.open(rejoinAfterLeave)) };
  };
  const text = async (): Promise<string> => Buffer.from((await settle(files.disk().readFile(PATH)))!).toString();
  return { sim, files, settle, open, text };
}

test("what happened is in the file half a second later, and in the next life", async () => {
  const { files, settle, open, text } = bench(1);
  const { writer, contents } = await open(files.disk());
  assert.equal(contents.alive.size, 0);
  writer.alive("a", "10.0.0.1:8301");
  writer.alive("b", "10.0.0.2:8301");
  writer.notAlive("a");
  writer.sawClock(4);
  writer.sawClock(3);
  writer.sawEvent(9);
  writer.sawQuery(2);
  await settle(Promise.resolve());
  assert.match(await text(), /alive: b 10\.0\.0\.2:8301\nnot-alive: a\nclock: 4\nevent-clock: 9\nquery-clock: 2\n$/);
  await settle(writer.close());
  const again = await open(files.disk());
  assert.deepEqual(again.contents, {
    alive: new Map([["b", "10.0.0.2:8301"]]),
    clock: 4,
    eventClock: 9,
    queryClock: 2,
    incarnation: 17,
  });
});

test("no incarnation is used twice, whatever a loss of power takes along", async () => {
  const { sim, files, open } = bench(5);
  let highest = 0;
  for (let life = 0; life < 40; life++) {
    const { writer, contents } = await open(files.disk());
    let incarnation = Math.max(1, contents.incarnation);
    assert.ok(incarnation > highest, `life ${life} begins in ${incarnation}, ${highest} was used`);
    for (let refuted = 0; refuted < life; refuted++) {
      writer.usesIncarnation(++incarnation);
      await sim.play(sim.nowMs + 200);
    }
    highest = incarnation;
    files.crash();
  }
  assert.ok(highest < 40 * 40, "and not many are left out");
});

test("an incarnation that only a forger can have named is not kept", async () => {
  const { files, settle, open } = bench(6);
  const { writer } = await open(files.disk());
  writer.usesIncarnation(0xffff_ffff);
  await settle(writer.close());
  assert.equal((await open(files.disk())).contents.incarnation, 17);
});

test("a leave is the last line, and is durable when it is reported", async () => {
  const { files, settle, open, text } = bench(2);
  const { writer } = await open(files.disk());
  writer.alive("a", "10.0.0.1:8301");
  await settle(writer.leave());
  writer.alive("b", "10.0.0.2:8301");
  await settle(writer.close());
  files.crash();
  assert.match(await text(), /alive: a 10\.0\.0\.1:8301\nleave\n$/);
  assert.equal((await open(files.disk(), true)).contents.alive.size, 1);
});

test("a file that grows is rewritten", async () => {
  const { files, settle, open, text } = bench(3);
  const { writer } = await open(files.disk());
  for (let round = 0; round < 20; round++) {
    for (let member = 0; member < 300; member++) writer.alive(`member-${member}-with-a-long-name`, "10.0.0.1:8301");
    await settle(Promise.resolve());
  }
  const written = await text();
  assert.ok(written.length < 140_000, `${written.length} bytes`);
  assert.equal(readSnapshot(written, false).contents.alive.size, 300);
});

test("a disk that fails is tried again later, and nothing is lost but time", async () => {
  const { sim, files, settle, open, text } = bench(4);
  const disk = files.disk();
  let fails = true;
  const failing: Disk = {
    ...disk,
    open: async (path, mode) => {
      const file = await disk.open(path, mode);
      return {
        ...file,
        path,
        write: (position, chunks) =>
          fails ? Promise.reject(new DiskError("write", path, "ENOSPC")) : file.write(position, chunks),
        sync: () => file.sync(),
        size: () => file.size(),
        read: (position, length) => file.read(position, length),
        truncate: (length) => file.truncate(length),
        close: () => file.close(),
      };
    },
  };
  const { writer } = await open(failing);
  writer.alive("a", "10.0.0.1:8301");
  await settle(Promise.resolve());
  assert.doesNotMatch(await text(), /alive: a/);
  fails = false;
  await sim.play(sim.nowMs + 31_000);
  assert.match(await text(), /^alive: a 10\.0\.0\.1:8301$/m);
});
