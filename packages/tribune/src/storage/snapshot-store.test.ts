import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { encodeSnapshotMeta } from "../codec/snapshot-meta.ts";
import { seededRng } from "../lib/random.ts";
import { DiskError } from "../lib/runtime.ts";
import { readSnapshotArchive } from "./snapshot-archive.ts";
import { type LogRange, type NewSnapshot, SnapshotDamagedError, SnapshotStore } from "./snapshot-store.ts";
import { keepAll, keepNothing, MemoryDisk } from "./testing/memory-disk.ts";

const DIRECTORY = "data/raft/snapshots";
const WHOLE_LOG: LogRange = { firstIndex: 1, lastIndex: 1_000 };
let wallMs = 1_700_000_000_000;
const clock = { nowMs: () => 0, wallMs: () => wallMs++ };

const open = (disk: MemoryDisk, log: LogRange = WHOLE_LOG) => SnapshotStore.open(DIRECTORY, { disk, clock }, { log });
const at = (index: number, term = 1): NewSnapshot => ({
  index,
  term,
  configuration: { servers: [{ id: "a", address: "127.0.0.1:8300", suffrage: "voter" }] },
  configurationIndex: 1,
});
async function save(store: SnapshotStore, snapshot: NewSnapshot, state: string) {
  const writer = await store.create(snapshot);
  await writer.write(Buffer.from(state));
  return writer.commit();
}
async function stateOf(store: SnapshotStore, which = store.newest): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of store.read(which!)) parts.push(part);
  return Buffer.concat(parts).toString();
}

test("a snapshot is there after a crash once committed, in the peers' layout", async () => {
  const disk = new MemoryDisk();
  const { store, findings } = await open(disk);
  assert.deepEqual([store.newest, findings], [undefined, []]);
  const meta = await save(store, at(20, 3), "the state");
  assert.match(meta.id, /^3-20-17\d+$/);
  const after = disk.crash(keepNothing);
  assert.deepEqual(await after.list(DIRECTORY), [meta.id]);
  assert.deepEqual(await after.list(`${DIRECTORY}/${meta.id}`), ["meta.json", "state.bin"]);
  const json = JSON.parse(Buffer.from((await after.readFile(`${DIRECTORY}/${meta.id}/meta.json`))!).toString());
  assert.deepEqual([json.Version, json.ID, json.Size, json.CRC.length], [1, meta.id, 9, 12]);
  const again = await open(after, { firstIndex: 21, lastIndex: 20 });
  assert.deepEqual([again.store.newest, again.findings], [meta, []]);
  assert.equal(await stateOf(again.store), "the state");
  assert.equal(after.openFiles, 0);
});

test("a directory that Consul 1.10 left behind is read, sum and all", async () => {
  // Its meta.json after the archive of the test data was restored into it.
  const id = "2-145-1795355950526";
  const meta =
    `{"Version":1,"ID":"${id}","Index":145,"Term":2,"Peers":"ka8xMjcuMC43Ny41OjgzMDA=","Configuration":{"Servers":` +
    '[{"Suffrage":0,"ID":"1a22d5b6-e9fe-06e6-274c-4f0bf69a84f2","Address":"127.0.77.5:8300"}]},' +
    '"ConfigurationIndex":1,"Size":18633,"CRC":"vZ1vYpxvUGU="}\n';
  const archive = readFileSync(new URL("../../test-data/consul-1.10.snap", import.meta.url));
  const state: Uint8Array[] = [];
  await readSnapshotArchive(
    (async function* () {
      yield archive;
    })(),
    (chunk) => void state.push(Uint8Array.from(chunk)),
  );
  const disk = new MemoryDisk();
  await disk.writeFileAtomic(`${DIRECTORY}/${id}/meta.json`, Buffer.from(meta));
  await disk.writeFileAtomic(`${DIRECTORY}/${id}/state.bin`, Buffer.concat(state));
  const { store, findings } = await open(disk, { firstIndex: 146, lastIndex: 145 });
  assert.deepEqual(findings, []);
  assert.ok((await stateOf(store)).includes("LastIndex"));
  assert.equal(encodeSnapshotMeta(store.newest!), meta);
});

test("two are kept; one being read survives its removal", async () => {
  const disk = new MemoryDisk();
  const { store } = await open(disk);
  const first = await save(store, at(10), "x".repeat(600_000));
  const reading = store.read(first);
  let readBytes = (await reading.next()).value!.length;
  for (const index of [20, 30, 30]) await save(store, at(index), `state ${index}`);
  assert.deepEqual(
    store.list().map((meta) => meta.index),
    [30, 30],
  );
  assert.equal((await disk.list(DIRECTORY)).length, 2);
  for await (const part of reading) readBytes += part.length;
  assert.equal(readBytes, 600_000);
});

test("the newest is the one with the highest index, not the last to be finished", async () => {
  const disk = new MemoryDisk();
  const { store } = await open(disk);
  const slow = await store.create(at(10));
  const twin = await store.create(at(10));
  assert.notEqual(slow.id, twin.id);
  await twin.abort();
  await save(store, at(20), "from the leader");
  await slow.commit();
  assert.equal(await stateOf(store), "from the leader");
  wallMs -= 1_000_000; // the clock goes back
  await save(store, at(20), "again");
  assert.equal(await stateOf(store), "again");
  assert.equal(await stateOf((await open(disk)).store), "again");
});

test("what is not committed is never seen", async () => {
  const disk = new MemoryDisk();
  const { store } = await open(disk);
  const aborted = await store.create(at(5));
  await aborted.write(Buffer.from("half"));
  await aborted.abort();
  assert.deepEqual(await disk.list(DIRECTORY), []);
  const unfinished = await store.create(at(6));
  await unfinished.write(Buffer.from("half"));
  const after = disk.crash(keepAll, true);
  assert.equal((await after.list(DIRECTORY))[0]?.endsWith(".tmp"), true);
  const again = await open(after);
  assert.deepEqual([again.store.newest, again.findings, await after.list(DIRECTORY)], [undefined, [], []]);
});

test("a crash at any step of a commit leaves the old snapshot or the new one, whole", async () => {
  for (let failAt = 1; failAt < 12; failAt++) {
    for (const keepNames of [false, true]) {
      const disk = new MemoryDisk();
      const { store } = await open(disk);
      await save(store, at(10), "old");
      let steps = 0;
      disk.before = (operation) => {
        if (++steps >= failAt) throw new DiskError(operation, "", "EIO");
      };
      await save(store, at(20), "new").catch(() => undefined);
      const { store: after } = await open(disk.crash(keepNothing, keepNames));
      assert.ok([10, 20].includes(after.newest!.index));
      assert.equal(await stateOf(after), after.newest!.index === 10 ? "old" : "new");
    }
  }
});

const DAMAGES: [string, (disk: MemoryDisk, path: string) => void | Promise<void>, RegExp][] = [
  ["a flipped bit", (disk, path) => disk.patch(`${path}/state.bin`, (bytes) => bytes.fill(0, 2, 3)), /CRC-64/],
  ["a cut state", (disk, path) => disk.patch(`${path}/state.bin`, (bytes) => bytes.subarray(1)), /meta.json says/],
  ["a state that is gone", (disk, path) => disk.remove(`${path}/state.bin`), /it is not there/],
  ["a meta that is gone", (disk, path) => disk.remove(`${path}/meta.json`), /meta.json is not there/],
  ["a meta without sense", (disk, path) => disk.patch(`${path}/meta.json`, (bytes) => bytes.subarray(9)), /not JSON/],
];

test("a damaged newest snapshot is passed over only when the log gives what it held", async () => {
  for (const [name, damage, expected] of DAMAGES) {
    const disk = new MemoryDisk();
    const { store } = await open(disk);
    await save(store, at(10), "older");
    const newest = await save(store, at(20), "newest");
    await damage(disk, `${DIRECTORY}/${newest.id}`);

    const covered = await open(disk, { firstIndex: 11, lastIndex: 20 });
    assert.equal(await stateOf(covered.store), "older", name);
    assert.equal(covered.findings.length, 1);
    assert.match(covered.findings[0]!, expected, name);

    for (const log of [
      { firstIndex: 12, lastIndex: 20 },
      { firstIndex: 11, lastIndex: 19 },
      { firstIndex: 21, lastIndex: 20 },
    ])
      await assert.rejects(
        open(disk, log),
        (error) =>
          error instanceof SnapshotDamagedError &&
          /cannot all be had\. Nothing was changed\. If the other servers/.test(error.message),
        name,
      );
    assert.equal(disk.openFiles, 0, name);
    await save(covered.store, at(30), "after");
    assert.equal((await disk.list(DIRECTORY)).length, 2, "a damaged one goes when its turn comes");
  }
});

test("without any good snapshot the log must start at its beginning", async () => {
  const disk = new MemoryDisk();
  const { store } = await open(disk);
  const only = await save(store, at(20), "only");
  disk.patch(`${DIRECTORY}/${only.id}/state.bin`, (bytes) => bytes.fill(1));
  assert.equal((await open(disk, WHOLE_LOG)).store.newest, undefined);
  await assert.rejects(open(disk, { firstIndex: 2, lastIndex: 30 }), /there is no other snapshot/);
  await assert.rejects(open(new MemoryDisk(), { firstIndex: 2, lastIndex: 30 }), /there is none, and the log holds/);
  await open(new MemoryDisk(), { firstIndex: 1, lastIndex: 0 });
  const sound = new MemoryDisk();
  await save((await open(sound)).store, at(20), "sound");
  await open(sound, { firstIndex: 21, lastIndex: 30 });
  await assert.rejects(open(sound, { firstIndex: 22, lastIndex: 30 }), /the newest ends at entry 20, and the log/);
});

test("a large state goes through in slices and is synced on the way", async () => {
  const disk = new MemoryDisk();
  const { store } = await open(disk);
  const state = Buffer.from(seededRng(3).bytes(1_000_003));
  const large = Buffer.concat(Array.from({ length: 10 }, () => state));
  const writer = await store.create(at(50));
  const syncs = disk.syncCount;
  const writes = disk.writeCount;
  await writer.write(large);
  assert.equal(writer.sizeBytes, large.length);
  assert.equal(disk.syncCount - syncs, 1);
  const writeBytesMean = Math.ceil(large.length / (disk.writeCount - writes));
  assert.ok(writeBytesMean <= 256 * 1_024);
  await writer.commit();
  const parts: Uint8Array[] = [];
  for await (const part of store.read(store.newest!)) parts.push(part);
  assert.ok(Buffer.concat(parts).equals(large));
});

test("of two that are written at once neither takes the other for a leftover", async () => {
  const disk = new MemoryDisk();
  const { store } = await open(disk);
  await save(store, at(1), "a");
  await save(store, at(2), "b");
  const [older, newer] = [await store.create(at(10)), await store.create(at(20))];
  const rename = disk.rename.bind(disk);
  let overtaken = false;
  disk.rename = async (from, to) => {
    await rename(from, to);
    if (overtaken || !to.endsWith(newer.id)) return;
    overtaken = true;
    await older.commit(); // the newer one has its name, and is not in the list
  };
  await newer.commit();
  assert.ok(overtaken);
  assert.deepEqual(
    store.list().map(({ index }) => index),
    [20, 10],
  );
  assert.deepEqual(await disk.list(DIRECTORY), [older.id, newer.id]);
  assert.equal(await stateOf(store), "");
});
