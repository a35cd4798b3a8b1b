import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startAgent } from "../index.ts";

test("a data directory in which a Consul server has run is refused, untouched, ours before it or not", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "tribune-foreign-"));
  try {
    const raft = join(dataDir, "raft");
    mkdirSync(join(raft, "snapshots"), { recursive: true });
    writeFileSync(join(raft, "raft.db"), "");
    await assert.rejects(
      startAgent({ dataDir }),
      /raft\.db is the Raft log of a Consul server.*other servers.*move the directory 'raft' away.*snapshot save/,
    );
    assert.deepEqual(readdirSync(raft), ["raft.db", "snapshots"]);
    rmSync(join(raft, "raft.db"));
    await (await startAgent({ dataDir })).stop();
    // Consul in our directory: our log is older than what it acknowledged.
    writeFileSync(join(raft, "raft.db"), "");
    await assert.rejects(startAgent({ dataDir }), /raft\.db is the Raft log of a Consul server/);
    // A later version's, whose files are where ours are.
    rmSync(join(raft, "raft.db"));
    writeFileSync(join(raft, "wal", "wal-meta.db"), "");
    await assert.rejects(startAgent({ dataDir }), /wal-meta\.db is the Raft log of a Consul server/);
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
