import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DataDirLock } from "./data-dir-lock.ts";

function inDirectory(run: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), "tribune-lock-"));
  try {
    run(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("one owner at a time, and nothing is left after it", () =>
  inDirectory((directory) => {
    const lock = DataDirLock.acquire(directory);
    assert.throws(() => DataDirLock.acquire(directory), /in use by this process/);
    lock.release();
    assert.deepEqual(readdirSync(directory), []);
    DataDirLock.acquire(directory).release();
  }));

test("another process keeps it until it dies, however it dies", () =>
  inDirectory((directory) => {
    // A process that took the lock and was killed: only its file is left.
    const url = new URL("./data-dir-lock.js", import.meta.url).href;
    const program = `import { DataDirLock } from ${JSON.stringify(url)}; DataDirLock.acquire(${JSON.stringify(directory)}); process.kill(process.pid, "SIGKILL");`;
    const child = spawnSync(process.execPath, ["--input-type=module", "--eval", program]);
    assert.equal(child.signal, "SIGKILL");
    assert.deepEqual(readdirSync(directory), ["agent.lock"]);
    DataDirLock.acquire(directory).release();
  }));

test("a living owner is named; a recycled process ID is none", { skip: process.platform !== "linux" }, () =>
  inDirectory((directory) => {
    const own = DataDirLock.acquire(directory);
    const [, start, boot] = readFileSync(join(directory, "agent.lock"), "utf8").split(" ");
    own.release();
    const stat = readFileSync(`/proc/${process.ppid}/stat`, "utf8");
    const parentStart = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    writeFileSync(join(directory, "agent.lock"), `${process.ppid} ${parentStart} ${boot}`);
    assert.throws(() => DataDirLock.acquire(directory), new RegExp(`in use by process ${process.ppid};`));
    writeFileSync(join(directory, "agent.lock"), `${process.ppid} ${Number(start) + 99999} ${boot}`);
    DataDirLock.acquire(directory).release();
  }),
);

test("an empty lock file, as a crash may leave one, locks nobody out", () =>
  inDirectory((directory) => {
    writeFileSync(join(directory, "agent.lock"), "");
    DataDirLock.acquire(directory).release();
  }));
