import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { test } from "node:test";
import { fileOutput, type LogFileOptions, PENDING_BYTES_MAX, streamOutput } from "./log-output.ts";

async function withDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "log-output-"));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

const options = (path: string, rest: Partial<LogFileOptions> = {}): LogFileOptions => ({
  path,
  rotateBytes: 0,
  rotateDurationMs: 86_400_000,
  maxFiles: 0,
  ...rest,
});

test("a stream gets the lines of one turn in one write, in order", async () => {
  const stream = new PassThrough();
  const chunks: string[] = [];
  stream.on("data", (chunk) => chunks.push(String(chunk)));
  const output = streamOutput(stream);
  output.write("a\n", "INFO");
  output.write("b\n", "INFO");
  await output.flush();
  output.write("c\n", "INFO");
  await output.close();
  assert.deepEqual(chunks, ["a\nb\n", "c\n"]);
});

test("a stream that never drains costs bounded memory", async () => {
  const stuck = new Writable({ write() {} });
  const output = streamOutput(stuck);
  const line = "x".repeat(1024 * 1024);
  for (let n = 0; n < 2 * (PENDING_BYTES_MAX / line.length); n++) output.write(line, "INFO");
  assert.ok(output.dropped() > 0);
});

test("files are named and rotated by size, and old ones removed", () =>
  withDirectory(async (directory) => {
    let nowMs = Date.UTC(2026, 0, 2);
    await writeFile(join(directory, "unrelated.log"), "");
    const output = await fileOutput(
      options(join(directory, "agent.log"), { rotateBytes: 10, maxFiles: 2 }),
      () => nowMs,
    );
    for (const line of ["0123456789\n", "second\n", "third\n", "fourth\n", "fifth\n"]) {
      nowMs += 1000;
      output.write(line, "INFO");
      await output.flush();
    }
    await output.close();
    const names = (await readdir(directory)).filter((name) => name !== "unrelated.log").sort();
    assert.deepEqual(
      names.map((name) => /^agent-\d{19}\.log$/.test(name)),
      [true, true, true],
    );
    const contents = await Promise.all(names.map((name) => readFile(join(directory, name), "utf8")));
    assert.deepEqual(contents, ["0123456789\n", "second\nthird\n", "fourth\nfifth\n"]);
    assert.equal((await stat(join(directory, names[0] as string))).mode & 0o007, 0);
    assert.equal(output.dropped(), 0);
  }));

test("files are rotated by age; a directory means consul.log in it; a negative number keeps none", () =>
  withDirectory(async (directory) => {
    let nowMs = Date.UTC(2026, 0, 2);
    const output = await fileOutput(options(`${directory}/`, { rotateDurationMs: 60_000, maxFiles: -1 }), () => nowMs);
    output.write("old\n", "INFO");
    await output.flush();
    nowMs += 60_000;
    output.write("new\n", "INFO");
    await output.close();
    const names = await readdir(directory);
    assert.equal(names.length, 1);
    assert.match(names[0] as string, /^consul-\d+\.log$/);
    assert.equal(await readFile(join(directory, names[0] as string), "utf8"), "new\n");
  }));

test("a directory that is not there is said at start", async () => {
  await assert.rejects(fileOutput(options("/nonexistent/x/agent.log")), /^Error: Failed to setup logging: ENOENT/);
});
