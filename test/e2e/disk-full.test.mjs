// A disk that fills up under load: no write is acknowledged that is not on it, and the agent says which file it was.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { get, put, serverProcess } from "./agent-process.mjs";

const address = "127.77.3.1";
const run = (command, ...args) => spawnSync(command, args, { encoding: "utf8" });

test("a full disk: acknowledged writes stay, the file is named, more room brings the agent back", async (t) => {
  const disk = mkdtempSync(join(tmpdir(), "tribune-small-disk-"));
  t.after(() => {
    run("umount", disk);
    rmSync(disk, { recursive: true, force: true });
  });
  const mounted = run("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk);
  if (mounted.status !== 0) {
    t.skip(`NO SMALL DISK HERE, so that nothing was tested: ${mounted.stderr || mounted.error}`);
    return;
  }
  const dataDir = join(disk, "data");
  const agent = await serverProcess({ address, dataDir }).ready();
  const value = "x".repeat(16_384);
  const acknowledged = [];
  t.after(() => agent.kill());
  const ended = agent.exited.then(() => "ended");
  for (let at = 0; at < 1_000; at++) {
    const answer = await Promise.race([put(agent, `/v1/kv/${at}`, `${at}${value}`).catch(() => undefined), ended]);
    if (answer === "ended" || answer?.status !== 200) break;
    acknowledged.push(at);
  }
  assert.ok(acknowledged.length > 10 && acknowledged.length < 1_000, `${acknowledged.length} writes until it was full`);
  const { code } = await agent.exitedWithin(60_000);
  assert.equal(code, 1, agent.output);
  assert.match(agent.output, /ENOSPC|no space left/i);
  assert.match(agent.output, /\.wal/);
  assert.match(agent.output, /make room on the disk of that file, then start this agent again/);

  assert.equal(run("mount", "-o", "remount,size=64m", disk).status, 0);
  const again = await serverProcess({ address, dataDir }).ready();
  for (const at of acknowledged) assert.equal((await get(again, `/v1/kv/${at}?raw`)).text, `${at}${value}`);
  assert.equal((await put(again, "/v1/kv/more", "fits")).status, 200);
  await again.kill();
});
