import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import * as fc from "fast-check";
import { silentLogger } from "../../../lib/log.ts";
import { seededRng } from "../../../lib/random.ts";
import { DiskError, type Timers } from "../../../lib/runtime.ts";
import { frame, MAGIC, MAGIC_UNNUMBERED, readFrames } from "./frame.ts";
import { Journal } from "./journal.ts";
import { MemoryDisk } from "./memory-disk.test.support.ts";

const clock = { nowMs: () => 0, wallMs: () => 0 };
const timers: Timers = { after: () => () => {}, soon: (run) => void setImmediate(run) };

/** A journal of `key=value` records, with the map it stands for. */
class Model {
  readonly live = new Map<string, string>();
  readonly journal: Journal;

  constructor(disk: MemoryDisk, ownTimers = timers) {
    this.journal = new Journal(
      { dir: "d", liveRecords: () => [...this.live].map(([key, value]) => encode(key, value)) },
      { disk, clock, timers: ownTimers, logger: silentLogger },
    );
  }

  open(): Promise<boolean> {
    return this.journal.open((payload) => {
      const [key = "", value = ""] = Buffer.from(payload).toString().split("=");
      this.live.set(key, value);
    });
  }

  put(key: string, value: string, durability: "durable" | "written" = "durable"): Promise<void> {
    this.live.set(key, value);
    return this.journal.append(encode(key, value), durability);
  }
}

function encode(key: string, value: string): Uint8Array {
  return Buffer.from(`${key}=${value}`);
}

async function opened(disk: MemoryDisk, ownTimers = timers): Promise<Model> {
  const model = new Model(disk, ownTimers);
  await model.open();
  return model;
}

/** A record as journals of the first form have it. */
function unnumbered(payload: Uint8Array): Uint8Array {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(payload.length, 0);
  head.writeUInt32LE(crc32(payload), 4);
  return Buffer.concat([head, payload]);
}

const json = fc.json().map((text) => Buffer.from(text));

test("frames are read back, up to the first damage, and damage of what was safe is told from a torn end", () => {
  void fc.assert(
    fc.property(fc.array(json, { minLength: 1 }), fc.nat(), fc.nat(), (payloads, where, safe) => {
      const durable = safe % (payloads.length + 1);
      const frames = payloads.map((payload, at) => frame(payload, at + 1, Math.min(at, durable)));
      const file = Buffer.concat([MAGIC, ...frames]);
      const read: string[] = [];
      const found = readFrames(file, (payload) => read.push(Buffer.from(payload).toString()));
      assert.deepEqual(found, {
        wholeBytes: file.length,
        records: payloads.length,
        isDamaged: false,
        isUnnumbered: false,
      });
      assert.deepEqual(read, payloads.map(String));
      const damaged = Buffer.from(file);
      const at = MAGIC.length + (where % (file.length - MAGIC.length));
      damaged[at]! ^= 0x20;
      const after = readFrames(damaged, () => {});
      assert.ok(after.wholeBytes <= at, `read past the damage at ${at}: ${after.wholeBytes}`);
      const hit = after.records + 1;
      const known = Math.max(0, ...payloads.map((_, place) => (place + 1 > hit ? Math.min(place, durable) : 0)));
      assert.equal(after.isDamaged, known >= hit, `record ${hit}, of which later ones say that ${known} were safe`);
      assert.equal(readFrames(file.subarray(0, at), () => {}).isDamaged, false, "a file that ends too soon");
    }),
  );
});

test("a file without its first bytes is damaged once anything stands behind them", () => {
  const read = (bytes: Uint8Array) => readFrames(bytes, () => assert.fail("no record"));
  assert.equal(read(MAGIC.subarray(0, 5)).isDamaged, false);
  assert.equal(
    read(Buffer.concat([Buffer.from("?"), MAGIC.subarray(1), frame(encode("a", "1"), 1, 0)])).isDamaged,
    true,
  );
});

test("a record that was safe and went bad stops the start, which names the file and changes nothing", async () => {
  const disk = new MemoryDisk();
  const model = await opened(disk);
  for (const key of ["a", "b", "c"]) await model.put(key, "1");
  const file = disk.files.get("d/changes-0000000001")!;
  const whole = file.bytes;
  const damaged = Buffer.from(whole);
  damaged[damaged.indexOf("b=1")]! ^= 1;
  file.bytes = damaged;
  await assert.rejects(opened(disk), /d\/changes-0000000001 is damaged at byte 35 of 89: restore it from a backup/);
  assert.deepEqual(Buffer.from(file.bytes), damaged);
  file.bytes = whole;
  assert.deepEqual([...(await opened(disk)).live.keys()], ["a", "b", "c"]);
});

test("a batch that was torn in its middle is cut there: nothing of it was acknowledged", async () => {
  const disk = new MemoryDisk();
  const model = await opened(disk);
  await model.put("a", "1");
  disk.before = (operation, path) => {
    if (operation === "sync") throw new DiskError(operation, path, "EIO");
  };
  await Promise.allSettled([model.put("b", "1"), model.put("c", "1")]);
  disk.before = () => {};
  const file = disk.files.get("d/changes-0000000001")!;
  const torn = Buffer.from(file.bytes);
  torn[torn.indexOf("b=1")] = 0;
  file.bytes = torn;
  assert.deepEqual([...(await opened(disk)).live.keys()], ["a"]);
});

test("a journal of the first form is read, and goes on in a file of its own", async () => {
  const disk = new MemoryDisk();
  const old = Buffer.concat([MAGIC_UNNUMBERED, unnumbered(encode("a", "1")), unnumbered(encode("b", "2"))]);
  await disk.writeFileAtomic("d/changes-0000000001", Buffer.concat([old, Buffer.from("torn")]));
  const model = await opened(disk);
  await model.put("c", "3");
  await model.journal.close();
  disk.crash(seededRng(1));
  const again = await opened(disk);
  assert.deepEqual(Object.fromEntries(again.live), { a: "1", b: "2", c: "3" });
  const heads = await Promise.all((await disk.list("d")).map((name) => disk.readFile(`d/${name}`)));
  assert.ok(
    heads.every((bytes) => Buffer.from(bytes!.subarray(0, 8)).equals(MAGIC)),
    "the old file has given way to a snapshot",
  );
});

test("appends that wait together share one write and one sync", async () => {
  const disk = new MemoryDisk();
  const model = await opened(disk);
  const before = { writes: disk.writes, syncs: disk.syncs };
  await Promise.all(Array.from({ length: 100 }, (_, at) => model.put(`k${at}`, "v")));
  assert.deepEqual([disk.writes - before.writes, disk.syncs - before.syncs], [1, 1]);
  await Promise.all(Array.from({ length: 100 }, (_, at) => model.put(`k${at}`, "w", "written")));
  assert.deepEqual([disk.writes - before.writes, disk.syncs - before.syncs], [2, 1]);
});

test("what was acknowledged survives crashes at any moment", async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const rng = seededRng(seed);
    const disk = new MemoryDisk();
    const acknowledged = new Map<string, number>();
    let version = 0;
    for (let life = 0; life < 4; life++) {
      let isAlive = true; // what crashed does nothing any more
      const soon = (run: () => void): void => timers.soon(() => void (isAlive && run()));
      const model = await opened(disk, { ...timers, soon });
      for (const [key, at] of acknowledged)
        assert.ok(Number(model.live.get(key)) >= at, `seed ${seed}: ${key} is ${model.live.get(key)}, not ${at}`);
      const writes = Math.floor(rng.next() * 30);
      for (let at = 0; at < writes; at++) {
        const key = `k${Math.floor(rng.next() * 5)}`;
        const own = ++version;
        const put = model.put(key, String(own)).then(() => acknowledged.set(key, own));
        if (rng.next() < 0.4) await put;
      }
      isAlive = false;
      disk.crash(rng);
    }
  }
});

test("a torn tail is cut, and appending goes on behind the last whole record", async () => {
  const disk = new MemoryDisk();
  await (await opened(disk)).put("a", "1");
  const file = disk.files.get("d/changes-0000000001")!;
  file.bytes = Buffer.concat([file.bytes, frame(encode("b", "2"), 2, 1).subarray(0, 9)]);
  const second = await opened(disk);
  assert.deepEqual([...second.live], [["a", "1"]]);
  await second.put("c", "3");
  assert.deepEqual(
    [...(await opened(disk)).live],
    [
      ["a", "1"],
      ["c", "3"],
    ],
  );
});

test("a large log gives way to a snapshot, and nothing is lost on the way", async () => {
  const disk = new MemoryDisk();
  const model = await opened(disk);
  const long = "x".repeat(10_000);
  for (let at = 0; at < 500; at++) await model.put(`k${at % 7}`, `${at}${long}`);
  await model.journal.close();
  const names = await disk.list("d");
  assert.equal(names.length, 2, String(names));
  assert.ok(names[1]!.startsWith("snapshot-"), String(names));
  const bytes = [...disk.files.values()].reduce((total, file) => total + file.bytes.length, 0);
  assert.ok(bytes < 2_500_000, `${bytes} bytes`);
  assert.deepEqual((await opened(disk)).live, model.live);
});

test("a failed write is reported, and later ones go to a file that is known to be whole", async () => {
  for (const operation of ["write", "sync"] as const) {
    const disk = new MemoryDisk();
    const model = await opened(disk);
    await model.put("a", "1");
    disk.before = (done, path) => {
      if (done === operation) throw new DiskError(done, path, "ENOSPC");
    };
    await assert.rejects(model.put("b", "2"), /ENOSPC/);
    await assert.rejects(model.put("c", "3"), /ENOSPC/);
    disk.before = () => {};
    await model.put("d", "4");
    disk.crash(seededRng(7));
    const { live } = await opened(disk);
    assert.equal(live.get("a"), "1");
    assert.equal(live.get("d"), "4");
  }
});

test("a damaged snapshot and a missing file stop the start, and say what to do", async () => {
  const disk = new MemoryDisk();
  const bytes = Buffer.concat([MAGIC, frame(encode("a", "1"), 1, 0)]);
  await disk.writeFileAtomic("d/snapshot-0000000003", bytes.subarray(0, bytes.length - 1));
  await assert.rejects(opened(disk), /snapshot-0000000003 is damaged at byte 8 of 34: restore it/);
  await disk.writeFileAtomic("d/snapshot-0000000003", bytes);
  await disk.writeFileAtomic("d/changes-0000000004", MAGIC);
  await assert.rejects(opened(disk), /lacks a file between snapshot 3 and changes 4/);
});
