// What a crash or a failing disk leaves behind: repaired and said, or refused with the file named. Never a hole.
import assert from "node:assert/strict";
import {
  appendFileSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { get, put, serverProcess, temporaryDirectory, until } from "./agent-process.mjs";

const address = "127.77.2.1";
const SNAPSHOTS_OFTEN = { raft_snapshot_threshold: 100, raft_snapshot_interval: "1s", raft_trailing_logs: 10 };

async function filled(dataDir, count, config = {}) {
  const agent = await serverProcess({ address, dataDir, config }).ready();
  for (let at = 0; at < count; at++) assert.equal((await put(agent, `/v1/kv/k${at}`, `value ${at}`)).status, 200);
  return agent;
}

function newestSegment(dataDir) {
  const directory = join(dataDir, "raft/wal");
  return join(
    directory,
    readdirSync(directory)
      .filter((name) => name.endsWith(".wal"))
      .sort()
      .at(-1),
  );
}

/** Where the data of a segment ends: zeroes are written ahead of it. */
function lengthWithoutZeroes(file) {
  const bytes = readFileSync(file);
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

function flipByte(file, at) {
  const byte = readFileSync(file)[at];
  const handle = openSync(file, "r+");
  writeSync(handle, Uint8Array.of(byte ^ 0xff), 0, 1, at);
}

async function refuses(dataDir, pattern) {
  const agent = serverProcess({ address, dataDir });
  const { code } = await agent.exitedWithin(60_000);
  assert.equal(code, 1, agent.output);
  assert.match(agent.output, pattern);
}

test("a torn write at the end of the log is cut, said, and costs nothing acknowledged", async () => {
  const dataDir = temporaryDirectory();
  await (await filled(dataDir, 20)).kill();
  const file = newestSegment(dataDir);
  const end = lengthWithoutZeroes(file);
  truncateSync(file, end);
  // The beginning of a write that the crash cut short: half of a copy of the last kilobyte.
  appendFileSync(file, readFileSync(file).subarray(-700, -100));
  const agent = await serverProcess({ address, dataDir }).ready();
  assert.match(agent.output, /repaired the raft log/);
  assert.match(agent.output, new RegExp(file.split("/").at(-1)));
  for (let at = 0; at < 20; at++) assert.equal((await get(agent, `/v1/kv/k${at}?raw`)).text, `value ${at}`);
  await agent.kill();
});

test("damage inside the log stops the start with the file named, and changes nothing", async () => {
  const dataDir = temporaryDirectory();
  await (await filled(dataDir, 50)).kill();
  const file = newestSegment(dataDir);
  flipByte(file, Math.floor(lengthWithoutZeroes(file) / 2));
  const before = readFileSync(file);
  await refuses(dataDir, new RegExp(file.split("/").at(-1)));
  assert.ok(readFileSync(file).equals(before));
});

const snapshotsOf = (dataDir) => {
  const directory = join(dataDir, "raft/snapshots");
  return readdirSync(directory)
    .filter((name) => !name.endsWith(".tmp"))
    .map((name) => join(directory, name, "state.bin"));
};

test("a damaged snapshot is passed over while the log still has everything, and said", async () => {
  const dataDir = temporaryDirectory();
  const agent = await filled(dataDir, 300, SNAPSHOTS_OFTEN);
  await until(
    () => snapshotsOf(dataDir).length > 0,
    () => `${agent.output}\nno snapshot was taken`,
  );
  await agent.kill();
  for (const file of snapshotsOf(dataDir)) flipByte(file, Math.floor(statSync(file).size / 2));
  const again = await serverProcess({ address, dataDir }).ready();
  assert.match(again.output, /is damaged and is passed over: .*state\.bin/);
  for (let at = 0; at < 300; at++) assert.equal((await get(again, `/v1/kv/k${at}?raw`)).text, `value ${at}`);
  await again.kill();
});

test("a damaged snapshot that nothing can replace stops the start with the file named", async () => {
  const dataDir = temporaryDirectory();
  const agent = await filled(dataDir, 30);
  // A restored snapshot is where the log begins from then on.
  const archive = await (await fetch(`${agent.url}/v1/snapshot`)).arrayBuffer();
  assert.equal((await fetch(`${agent.url}/v1/snapshot`, { method: "PUT", body: archive })).status, 200);
  assert.equal((await get(agent, "/v1/kv/k7?raw")).text, "value 7");
  await agent.kill();
  for (const file of snapshotsOf(dataDir)) flipByte(file, Math.floor(statSync(file).size / 2));
  await refuses(dataDir, /state\.bin/);
});

test("a node ID that is none is refused with its file", async () => {
  const dataDir = temporaryDirectory();
  writeFileSync(join(dataDir, "node-id"), "not an id");
  await refuses(dataDir, /node-id/);
});
