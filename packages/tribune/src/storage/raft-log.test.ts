import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { randomInt, seededRng } from "../lib/random.ts";
import { DiskError } from "../lib/runtime.ts";
import type { HardState, LogEntry } from "./log-entry.ts";
import { LogDamagedError, LogFailedError } from "./log-errors.ts";
import { type LogChange, RaftLog, type RaftLogOptions } from "./raft-log.ts";
import { keepAll, keepNothing, MemoryDisk, type Tear } from "./testing/memory-disk.ts";

const DIRECTORY = "data/raft/wal";
/** Small enough that every test meets rotation, eviction and the end of the runway. */
const SMALL: RaftLogOptions = { segmentBytes: 4_096, runwayBytes: 512, cacheBytesMax: 2_000 };
let nowMs = 0;
const clock = { nowMs: () => nowMs, wallMs: () => 0 };

async function open(disk: MemoryDisk, options: RaftLogOptions = SMALL, seed = 1) {
  return RaftLog.open(DIRECTORY, { disk, clock, rng: seededRng(seed) }, options);
}

function entry(index: number, term = 1, size = 40): LogEntry {
  return { index, term, type: "command", data: Buffer.alloc(size, `${term}.${index} `), appendedAtMs: 1.5 + index };
}
const entries = (from: number, to: number, term = 1, size = 40): LogEntry[] =>
  Array.from({ length: to - from + 1 }, (_, at) => entry(from + at, term, size));

async function readAll(log: RaftLog): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  for (let next = log.firstIndex; next <= log.lastIndex; ) {
    const more = await log.read(next, log.lastIndex + 1, 500);
    assert.ok(more.length > 0, `entry ${next} of ${log.firstIndex}..${log.lastIndex}`);
    all.push(...more);
    next += more.length;
  }
  return all;
}
const plain = (list: readonly LogEntry[]): unknown[] =>
  list.map((one) => ({ ...one, data: Buffer.from(one.data).toString(), extensions: one.extensions?.join() }));

async function walFiles(disk: MemoryDisk): Promise<string[]> {
  return (await disk.list(DIRECTORY)).map((name) => `${DIRECTORY}/${name}`);
}

test("a fresh log is empty, creates no file, and keeps what it is given over a restart", async () => {
  const disk = new MemoryDisk();
  const { log, recovered } = await open(disk);
  assert.deepEqual(recovered, {
    hardState: { term: 0, votedFor: undefined },
    firstIndex: 1,
    lastIndex: 0,
    repairs: [],
  });
  assert.deepEqual(await walFiles(disk), []);
  const odd: LogEntry = {
    index: 1,
    term: 2,
    type: "configuration",
    data: Buffer.alloc(0),
    extensions: Buffer.from("x"),
  };
  await log.append({ hardState: { term: 2, votedFor: "näme" }, entries: [odd] });
  await log.append({ entries: [{ index: 2, term: 2, type: "noop", data: Buffer.alloc(0) }, entry(3, 2)] });
  await log.append({ entries: [{ index: 4, term: 3, type: "barrier", data: Buffer.alloc(9_000, "b") }] });
  await log.close();
  assert.equal(disk.openFiles, 0);
  const again = await open(disk);
  assert.deepEqual(again.recovered, {
    hardState: { term: 2, votedFor: "näme" },
    firstIndex: 1,
    lastIndex: 4,
    repairs: [],
  });
  assert.deepEqual(plain(await readAll(again.log)), plain(await readAll(log)));
  assert.deepEqual(
    [0, 1, 3, 4, 5].map((index) => again.log.term(index)),
    [0, 2, 2, 3, undefined],
  );
});

test("changes of one turn, and those during a flush, share a write and a sync", async () => {
  const disk = new MemoryDisk();
  const { log } = await open(disk);
  await log.append({ entries: [entry(1)] }); // starts the segment
  const [writes, syncs] = [disk.writeCount, disk.syncCount];
  let release = (): void => {};
  let syncing = (): void => {};
  const started = new Promise<void>((resolve) => {
    syncing = resolve;
  });
  disk.before = (operation) => {
    if (operation !== "sync") return;
    disk.before = () => {};
    syncing();
    return new Promise((resolve) => {
      release = resolve;
    });
  };
  const first = [
    log.append({ entries: [entry(2)] }),
    log.append({ hardState: { term: 1, votedFor: "a" }, entries: [] }),
  ];
  await started;
  nowMs += 70;
  assert.equal(log.pendingSyncMs, 70);
  const later = [log.append({ entries: entries(3, 5) }), log.append({ entries: [entry(6)] })];
  assert.equal(log.lastIndex, 6);
  assert.equal(log.cached(2, 7)?.length, 5, "what is not durable can be sent already");
  let laterIsDone = false;
  void later[1]?.then(() => {
    laterIsDone = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(laterIsDone, false);
  release();
  await Promise.all([...first, ...later]);
  assert.deepEqual([disk.writeCount - writes, disk.syncCount - syncs], [2, 2]);
  assert.equal(log.pendingSyncMs, undefined);
});

test("an empty change waits for those before it and writes nothing", async () => {
  const disk = new MemoryDisk();
  const { log } = await open(disk);
  await log.append({ entries: [] });
  assert.deepEqual(await walFiles(disk), []);
  void log.append({ entries: [entry(1)] });
  await log.append({ entries: [] });
  const writes = disk.writeCount;
  assert.equal((await open(disk.crash(keepNothing))).recovered.lastIndex, 1);
  await log.append({ entries: [] });
  assert.equal(disk.writeCount, writes);
});

test("truncation replaces the tail, in memory, on disk and after a restart", async () => {
  const disk = new MemoryDisk();
  const { log } = await open(disk);
  await log.append({ entries: entries(1, 80) });
  await log.append({ hardState: { term: 4, votedFor: undefined }, truncateFrom: 31, entries: entries(31, 33, 4) });
  // Twice in one batch: the later counts.
  void log.append({ truncateFrom: 33, entries: entries(33, 60, 5) });
  await log.append({ truncateFrom: 40, entries: entries(40, 120, 6) });
  const expected = [...entries(1, 30), ...entries(31, 32, 4), ...entries(33, 39, 5), ...entries(40, 120, 6)];
  assert.deepEqual(plain(await readAll(log)), plain(expected));
  const again = await open(disk.crash(keepNothing));
  assert.deepEqual(plain(await readAll(again.log)), plain(expected));
  assert.deepEqual(again.recovered.repairs, []);
  assert.equal(again.log.term(39), 5);
});

test("old entries come from disk, bounded by bytes, and a compacted one does not come at all", async () => {
  const disk = new MemoryDisk();
  const { log } = await open(disk);
  for (let from = 1; from <= 200; from += 10) await log.append({ entries: entries(from, from + 9) });
  assert.equal(log.cached(1, 3), undefined);
  assert.deepEqual(plain(await log.read(5, 100, 100)), plain(entries(5, 6)));
  assert.deepEqual(plain(await log.read(5, 7, 1)), plain(entries(5, 5)));
  assert.deepEqual(await log.read(201, 210, 100), []);
  const filesBefore = (await walFiles(disk)).length;
  assert.ok(filesBefore > 3);
  const reading = log.read(100, 110, 1_000);
  await log.compact(150);
  assert.ok([0, 10].includes((await reading).length), "a read under way ends in peace");
  assert.deepEqual(await log.read(150, 160, 100), []);
  assert.deepEqual([log.firstIndex, log.lastIndex, log.term(150), log.term(149)], [151, 200, 1, undefined]);
  assert.deepEqual(plain(await readAll(log)), plain(entries(151, 200)));
  assert.ok((await walFiles(disk)).length < filesBefore);
  await log.append({ hardState: { term: 9, votedFor: "z" }, entries: [] });
  await log.compact(200);
  await log.append({ entries: entries(201, 300, 9) });
  await log.compact(280);
  const again = await open(disk.crash(keepNothing));
  assert.deepEqual(again.recovered.hardState, { term: 9, votedFor: "z" }, "the hard state outlives its segment");
  assert.ok(again.recovered.firstIndex > 200 && again.recovered.firstIndex <= 281);
  assert.equal(again.recovered.lastIndex, 300);
});

test("a batch outgrows its first buffer at any field", async () => {
  // An entry takes 95 bytes here, so the border of 16 KiB comes to lie in each of its fields once.
  for (let size = 0; size < 96; size += 3) {
    const disk = new MemoryDisk();
    const { log } = await open(disk, {});
    await log.append({ hardState: { term: 1, votedFor: "a".repeat(size) }, entries: entries(1, 180, 1, 64) });
    void log.append({ entries: entries(181, 220, 1, 1_000) });
    await log.append({ entries: entries(221, 240) });
    const again = await open(disk.crash(keepNothing), {});
    assert.deepEqual(plain(await readAll(again.log)), plain(await readAll(log)), `${size}`);
    assert.equal(again.recovered.lastIndex, 240);
  }
});

test("a segment that cannot be deleted is tried again before any later one", async () => {
  const disk = new MemoryDisk();
  const { log } = await open(disk);
  for (let from = 1; from <= 200; from += 10) await log.append({ entries: entries(from, from + 9) });
  const files = await walFiles(disk);
  disk.before = (operation, path) => {
    if (operation === "remove") throw new DiskError(operation, path, "EBUSY");
  };
  await log.compact(150);
  assert.deepEqual(await walFiles(disk), files);
  disk.before = () => {};
  assert.equal((await open(disk.crash(keepNothing))).recovered.firstIndex, 1);
  await log.compact(160);
  assert.ok((await walFiles(disk)).length < files.length - 1);
  assert.equal((await open(disk.crash(keepNothing))).recovered.lastIndex, 200);
});

test("reset puts an installed snapshot in the place of the log", async () => {
  const disk = new MemoryDisk();
  const { log } = await open(disk);
  await log.append({ hardState: { term: 3, votedFor: "me" }, entries: entries(1, 150, 3) });
  void log.append({ truncateFrom: 100, entries: [] });
  await log.reset(5_000, 7);
  assert.deepEqual([log.firstIndex, log.lastIndex, log.term(5_000), log.term(4_999)], [5_001, 5_000, 7, undefined]);
  await log.append({ entries: entries(5_001, 5_002, 7) });
  await log.compact(0);
  assert.equal((await walFiles(disk)).length, 1);
  const again = await open(disk.crash(keepNothing));
  assert.deepEqual(again.recovered.hardState, { term: 3, votedFor: "me" });
  assert.deepEqual(plain(await readAll(again.log)), plain(entries(5_001, 5_002, 7)));
  assert.equal(again.log.term(5_000), 7);
  await again.log.reset(20, 1); // backwards too: the caller knows
  assert.equal((await open(disk)).recovered.repairs.length, 0);
});

test("a small flush holds the loop while the disk is quick, and no longer once it was slow", async () => {
  const disk = new MemoryDisk();
  disk.offersNow = true;
  const { log } = await open(disk, { quickFlushesMin: 3 });
  let index = 0;
  /** Whether the sync came in one go with the write: not even a microtask had its turn between them. */
  const held = async (flushMs: number, size = 40): Promise<boolean> => {
    disk.before = (operation) => {
      if (operation === "sync") nowMs += flushMs;
    };
    const [writes, syncs] = [disk.writeCount, disk.syncCount];
    const done = log.append({ entries: [entry(++index, 1, size)] });
    while (disk.writeCount === writes) await Promise.resolve();
    const together = disk.syncCount > syncs;
    await done;
    disk.before = () => {};
    return together;
  };
  assert.equal(await held(0.1), false, "starts the segment");
  await held(0.1);
  await held(0.1);
  assert.equal(await held(0.1), true);
  assert.equal(await held(0.1, 20_000), false, "a large one leaves the loop alone");
  log.mayHoldTheLoop = false;
  assert.equal(await held(0.1), false, "nor does one that the owner cannot wait for");
  log.mayHoldTheLoop = true;
  assert.equal(await held(3), true, "what it will take is not known beforehand");
  const needed: boolean[] = [];
  for (let flush = 0; flush < 7; flush++) needed.push(await held(0.1));
  assert.deepEqual(needed, [false, false, false, false, false, false, true], "twice as many quick ones as at first");
  await held(50);
  for (let flush = 0; flush < 1_000; flush++)
    assert.equal(await held(0.1), false, "a disk that stalls is not trusted soon");
  await log.close();
  const again = await open(disk.crash(keepNothing));
  assert.equal(again.recovered.lastIndex, index);
});

for (const offersNow of [false, true])
  test(`a failed write or sync poisons the log; a restart finds what was acknowledged${offersNow ? " (on the loop)" : ""}`, async () => {
    for (const failing of ["write", "sync"] as const) {
      const disk = new MemoryDisk();
      disk.offersNow = offersNow;
      const { log } = await open(disk, { ...SMALL, quickFlushesMin: 0 });
      await log.append({ entries: [entry(1)] });
      disk.before = (operation, path) => {
        if (operation === failing) throw new DiskError(failing, path, "EIO");
      };
      const first = log.append({ entries: [entry(2)] });
      const rejected = assert.rejects(first, (error) => error instanceof LogFailedError && /EIO/.test(error.message));
      const waiting = assert.rejects(log.append({ entries: [entry(3)] }), LogFailedError);
      await Promise.all([rejected, waiting]);
      disk.before = () => {};
      await assert.rejects(log.append({ entries: [entry(4)] }), LogFailedError, "even when the disk works again");
      await assert.rejects(log.reset(9, 1), LogFailedError);
      assert.ok(log.failure instanceof LogFailedError);
      assert.equal(log.pendingSyncMs, undefined);
      await log.close();
      const again = await open(disk.crash(keepNothing));
      assert.deepEqual(plain(await readAll(again.log)), plain([entry(1)]));
    }
  });

test("a last write torn at any byte is all there or not there, and the log goes on behind it", async () => {
  const build = async (): Promise<{ disk: MemoryDisk; lastBytes: number }> => {
    const disk = new MemoryDisk();
    const { log } = await open(disk);
    await log.append({ hardState: { term: 1, votedFor: "a" }, entries: entries(1, 3) });
    let lastBytes = 0;
    disk.before = (operation) => {
      if (operation === "sync") throw new DiskError("sync", "", "EIO");
    };
    await assert.rejects(
      log.append({ hardState: { term: 2, votedFor: "b" }, truncateFrom: 3, entries: entries(3, 5, 2) }),
    );
    disk.crash(({ bytes }) => {
      lastBytes = bytes.length;
      return [];
    });
    return { disk, lastBytes };
  };
  const { disk, lastBytes } = await build();
  let whole = 0;
  for (let kept = 0; kept <= lastBytes; kept++) {
    const after = disk.crash(() => [[0, kept]]);
    const { log, recovered } = await open(after);
    const isWhole = recovered.lastIndex === 5;
    whole += isWhole ? 1 : 0;
    const expected = isWhole ? [...entries(1, 2), ...entries(3, 5, 2)] : entries(1, 3);
    const hardState: HardState = isWhole ? { term: 2, votedFor: "b" } : { term: 1, votedFor: "a" };
    assert.deepEqual(recovered.hardState, hardState, `${kept} bytes kept`);
    assert.deepEqual(plain(await readAll(log)), plain(expected), `${kept} bytes kept`);
    await log.append({ entries: [entry(log.lastIndex + 1, 7)] });
    const third = await open(after.crash(keepNothing));
    assert.deepEqual([third.recovered.lastIndex, third.recovered.repairs], [log.lastIndex, []], `${kept} bytes kept`);
  }
  assert.ok(whole > 0 && whole < lastBytes);
});

test("a torn start of a segment is taken away again", async () => {
  const disk = new MemoryDisk();
  const { log } = await open(disk);
  await log.append({ entries: entries(1, 40) });
  disk.before = (operation, path) => {
    if (operation === "sync" && path.includes("/0000000002-")) throw new DiskError("sync", path, "EIO");
  };
  await assert.rejects(log.append({ entries: entries(41, 60) }));
  for (const [kept, repairs] of [
    [0, 1],
    [3, 1],
    [40, 1],
    [4_000, 0],
  ] as const) {
    const after = disk.crash(() => [[0, kept]], true);
    const opened = await open(after);
    assert.equal(opened.recovered.lastIndex, 40);
    assert.equal(opened.recovered.repairs.length, repairs, `${kept} bytes kept`);
    await opened.log.append({ entries: entries(41, 60) });
    assert.equal((await open(after.crash(keepNothing), SMALL, 2)).recovered.lastIndex, 60);
  }
});

test("damage that no crash explains stops the start and changes nothing", async () => {
  const disk = new MemoryDisk();
  const { log } = await open(disk);
  for (let from = 1; from <= 120; from += 5) await log.append({ entries: entries(from, from + 4) });
  await log.close();
  const files = await walFiles(disk);
  assert.ok(files.length >= 3);
  const flip = (offset: number) => (bytes: Buffer) => {
    bytes[offset] = bytes[offset]! ^ 0x40;
    return bytes;
  };
  const cases: [string, (damaged: MemoryDisk) => void | Promise<void>, RegExp][] = [
    ["a flipped bit in an early segment", (d) => d.patch(files[0]!, flip(300)), /a later segment follows/],
    ["a flipped length", (d) => d.patch(files.at(-1)!, flip(5)), /a whole one follows at byte/],
    ["a flipped bit with frames behind", (d) => d.patch(files.at(-1)!, flip(70)), /a whole one follows at byte/],
    [
      "a hole in the middle of a segment",
      (d) => d.patch(files.at(-1)!, (bytes) => bytes.fill(0, 64, 128)),
      /follows at/,
    ],
    [
      "an early segment cut short",
      (d) => d.patch(files[1]!, (bytes) => bytes.subarray(0, 400)),
      /later segment|follows/,
    ],
    ["a missing segment", (d) => d.remove(files[1]!), /segment 2 should come before it/],
  ];
  for (const [name, damage, expected] of cases) {
    const damaged = disk.crash(keepAll, true);
    await damage(damaged);
    const before = await Promise.all(files.map((file) => damaged.readFile(file)));
    await assert.rejects(
      open(damaged),
      (error) => {
        assert.ok(error instanceof LogDamagedError, String(error));
        assert.match(error.message, expected, name);
        assert.match(error.message, /Nothing was changed\. If the other servers/);
        return true;
      },
      name,
    );
    assert.deepEqual(await Promise.all(files.map((file) => damaged.readFile(file))), before, name);
    assert.equal(damaged.openFiles, 0, name);
  }
});

test("a frame that goes bad later is noticed when it is read", async () => {
  const disk = new MemoryDisk();
  const { log } = await open(disk);
  for (let from = 1; from <= 100; from += 5) await log.append({ entries: entries(from, from + 4) });
  const [first] = await walFiles(disk);
  disk.patch(first!, (bytes) => bytes.fill(0x41, 100, 110));
  await assert.rejects(log.read(1, 5, 1_000), LogDamagedError);
});

test("a client's bytes never pass for a frame", async () => {
  const disk = new MemoryDisk();
  const { log } = await open(disk, SMALL, 5);
  await log.append({ entries: [entry(1)] });
  const [file] = await walFiles(disk);
  const image = Buffer.from((await disk.readFile(file!))!).subarray(0, 512);
  // The same frames under another salt, as a value: torn, its tail must not look like a later write.
  const other = new MemoryDisk();
  const second = await open(other, SMALL, 6);
  await second.log.append({ entries: [{ index: 1, term: 1, type: "command", data: image.subarray(0, 504) }] });
  const [otherFile] = await walFiles(other);
  other.patch(otherFile!, (bytes) => bytes.fill(0, 56, 72));
  assert.equal((await open(other)).recovered.lastIndex, 0);
});

test("whatever a crash does, acknowledged changes stay and nothing is invented", async () => {
  for (let seed = 1; seed <= 100; seed++) await crashRun(seed, seed % 2 === 0);
});

/** A random history with random crashes, against a model that knows what was acknowledged and what was tried. */
async function crashRun(seed: number, offersNow: boolean): Promise<void> {
  const rng = seededRng(seed);
  const options = { ...SMALL, quickFlushesMin: 0 };
  let disk = new MemoryDisk();
  disk.offersNow = offersNow;
  let { log } = await open(disk, options, seed);
  let tried: LogEntry[] = [];
  let hardTerm = 0;
  let term = 1;
  for (let life = 0; life < 4; life++) {
    const states: { entries: LogEntry[]; hardTerm: number }[] = [{ entries: tried, hardTerm }];
    let durable = 0;
    const dieAt = 1 + randomInt(rng, 14);
    let syncs = 0;
    disk.before = (operation) => {
      if (operation !== "remove" && ++syncs >= dieAt) throw new DiskError(operation, "", "EIO");
    };
    for (let step = 0; step < 12; step++) {
      const change: { -readonly [Key in keyof LogChange]: LogChange[Key] } = { entries: [] };
      if (rng.next() < 0.3) {
        change.hardState = { term: ++term, votedFor: undefined };
        hardTerm = term;
      }
      if (rng.next() < 0.2 && tried.length > 0) {
        change.truncateFrom = Math.max(log.firstIndex, log.lastIndex - randomInt(rng, 5));
        tried = tried.filter((one) => one.index < change.truncateFrom!);
      }
      const count = randomInt(rng, 6);
      change.entries = entries(log.lastIndex + 1, log.lastIndex + count, term, randomInt(rng, 300));
      if (change.truncateFrom !== undefined)
        change.entries = entries(change.truncateFrom, change.truncateFrom + count, term, randomInt(rng, 300));
      if (change.truncateFrom === undefined && count === 0 && change.hardState === undefined) continue;
      tried = [...tried, ...change.entries];
      states.push({ entries: tried, hardTerm });
      const state = states.length - 1;
      const appended = log.append(change).then(
        () => {
          durable = Math.max(durable, state);
        },
        () => undefined,
      );
      if (rng.next() < 0.6) await appended;
      if (log.failure) break;
      if (rng.next() < 0.1 && durable > 0)
        void log.compact(Math.min(log.lastIndex, log.firstIndex + randomInt(rng, 30)));
    }
    await log.close();
    const tear: Tear = ({ bytes }) => {
      const kept: [number, number][] = [];
      for (let at = 0; at < bytes.length; at += 64)
        if (rng.next() < 0.6) kept.push([at, Math.min(bytes.length, at + 64)]);
      return kept;
    };
    disk = disk.crash([keepNothing, keepAll, tear][randomInt(rng, 3)]!, rng.next() < 0.5);
    const opened = await open(disk, options, seed * 10 + life);
    log = opened.log;
    const found = plain(await readAll(log));
    const matches = states.findIndex(
      (state, position) =>
        position >= durable &&
        state.hardTerm === opened.recovered.hardState.term &&
        JSON.stringify(plain(state.entries.filter((one) => one.index >= log.firstIndex))) === JSON.stringify(found),
    );
    assert.ok(matches >= 0, `seed ${seed} life ${life}: found ${log.firstIndex}..${log.lastIndex}, durable ${durable}`);
    tried = states[matches]!.entries.filter((one) => one.index >= log.firstIndex);
    hardTerm = states[matches]!.hardTerm;
    term = Math.max(term, hardTerm);
  }
  await log.close();
}

test("the cache stays within its bound", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 60 }), async (sizes) => {
      const { log } = await open(new MemoryDisk());
      for (const [at, size] of sizes.entries()) await log.append({ entries: [entry(at + 1, 1, size)] });
      const held = log.cached(log.lastIndex, log.lastIndex + 1);
      assert.ok(sizes.length === 0 || held?.length === 1, "the newest entry is always in memory");
      assert.equal((await readAll(log)).length, sizes.length);
    }),
    { numRuns: 20 },
  );
});

test("a recovered log is in memory until it is written to, and the newest of it from then on", async () => {
  const disk = new MemoryDisk();
  const options = { cacheBytesMax: 4 << 20 };
  const before = await open(disk, options);
  await before.log.append({ entries: entries(1, 40, 1, 20_000) });
  await before.log.close();
  const { log } = await open(disk, options);
  assert.equal(log.cached(1, 41)?.length, 40);
  await log.append({ entries: entries(41, 41, 1, 20_000) });
  assert.equal(log.cached(1, 42), undefined);
  assert.equal(log.cached(35, 42)?.length, 7);
  assert.equal((await readAll(log)).length, 41, "the rest is on disk");
  await log.close();
});
