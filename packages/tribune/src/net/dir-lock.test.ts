import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { DirLockedError, lockDir } from "./dir-lock.ts";

async function inDirectory(run: (directory: string) => void | Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "tribune-lock-"));
  try {
    await run(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("a directory has one holder at a time, and nothing is left of it", () =>
  inDirectory((directory) => {
    const release = lockDir(directory);
    assert.throws(() => lockDir(directory), DirLockedError);
    release();
    const again = lockDir(directory);
    release(); // late: it must not take the lock from its new holder
    assert.throws(() => lockDir(join(directory, ".")), /is in use by another agent \(process \d+\): stop that one/);
    again();
    assert.deepEqual(readdirSync(directory), []);
  }));

test("the lock of a running process holds, that of a killed one does not", () =>
  inDirectory(async (directory) => {
    const code = `import(${JSON.stringify(new URL("./dir-lock.js", import.meta.url).href)}).then(({ lockDir }) => {
      lockDir(${JSON.stringify(directory)}); console.log("locked"); setInterval(() => {}, 1000); });`;
    const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    assert.throws(() => lockDir(directory), new RegExp(`process ${child.pid}`));
    child.kill("SIGKILL");
    await once(child, "exit");
    lockDir(directory)();
  }));

test("a lock whose pid belongs to a younger process, and one that nobody can have written, are taken over", () =>
  inDirectory((directory) => {
    for (const text of [JSON.stringify({ pid: process.ppid, started: "an-earlier-boot:1" }), "", "{", '{"pid":-1}']) {
      writeFileSync(join(directory, "agent.lock"), text);
      lockDir(directory)();
    }
  }));

test(
  "the lock of a killed process that nobody has asked for its end is taken over",
  {
    skip: process.platform !== "linux" && "ONLY LINUX TELLS",
  },
  () =>
    inDirectory(async (directory) => {
      const parent = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "inherit"] });
      try {
        const pid = Number(String((await once(parent.stdout, "data"))[0]));
        const giveUpMs = performance.now() + 60_000;
        while (!readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ")) {
          assert.ok(performance.now() < giveUpMs, `process ${pid} has not ended within 60 s`);
          await setTimeout(5);
        }
        writeFileSync(join(directory, "agent.lock"), JSON.stringify({ pid, started: "" }));
        lockDir(directory)();
      } finally {
        parent.kill("SIGKILL");
      }
    }),
);
