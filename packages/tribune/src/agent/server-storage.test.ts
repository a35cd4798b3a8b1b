import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startAgent } from "../index.ts";

test("the data directory of a Consul server is refused, untouched; one of ours with a leftover is not", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "tribune-foreign-"));
  try {
    const raft = join(dataDir, "raft");
    mkdirSync(join(raft, "snapshots"), { recursive: true });
    writeFileSync(join(raft, "raft.db"), "");
    await assert.rejects(startAgent({ dataDir }), /raft\.db is the Raft log of a Consul server.*snapshot save/);
    assert.deepEqual(readdirSync(raft), ["raft.db", "snapshots"]);
    rmSync(join(raft, "raft.db"));
    await (await startAgent({ dataDir })).stop();
    writeFileSync(join(raft, "raft.db"), "");
    await (await startAgent({ dataDir })).stop();
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test("a data directory that is in use is refused until its agent has stopped", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "tribune-twice-"));
  try {
    const first = await startAgent({ dataDir });
    await assert.rejects(startAgent({ dataDir }), /is in use by another agent/);
    await first.stop();
    await (await startAgent({ dataDir })).stop();
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});
