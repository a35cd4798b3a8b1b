import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLogger } from "../lib/log.ts";
import type { Timers } from "../lib/runtime.ts";
import { type Child, type ChildEnd, type ChildSpec, startChild } from "../process/child.ts";
import { REMOTE_EXEC_JOBS_MAX, RemoteExec, type RemoteExecPorts, spillScript } from "./remote-exec.ts";
import { OUTPUT_CHUNK_BYTES, OUTPUT_CHUNKS_MAX, OutputQueue } from "./remote-exec-output.ts";

/** Timers that run when the test says so. */
function handTimers() {
  const due = new Set<{ readonly delayMs: number; readonly run: () => void }>();
  const timers: Timers = {
    after(delayMs, run) {
      const timer = { delayMs, run };
      due.add(timer);
      return () => void due.delete(timer);
    },
    soon: (run) => void setImmediate(run),
  };
  /** Runs the timers that wait so long. */
  const fire = (delayMs: number): number => {
    const now = [...due].filter((timer) => timer.delayMs === delayMs);
    for (const timer of now) {
      due.delete(timer);
      timer.run();
    }
    return now.length;
  };
  return { timers, fire };
}

const turn = (): Promise<void> => new Promise(setImmediate);

/** A program that prints and ends when the test says so. */
function fakeProgram() {
  let started: ChildSpec | undefined;
  let finish: (end: ChildEnd) => void = () => {};
  const start = (spec: ChildSpec): Child => {
    started = spec;
    return { pid: 1, signal: () => true, ended: new Promise((resolve) => (finish = resolve)) };
  };
  return {
    start,
    spec: () => started,
    print: (text: string) => (started!.output as (chunk: Uint8Array) => void)(Buffer.from(text)),
    finish: (end: ChildEnd) => finish(end),
  };
}

function remote(spec: unknown, over: Partial<RemoteExecPorts> = {}) {
  const written: (readonly [key: string, value: string])[] = [];
  const hand = handTimers();
  const program = fakeProgram();
  const exec = new RemoteExec({
    nodeName: "n1",
    env: {},
    readKey: async (key) => (key === "_rexec/s1/job" ? Buffer.from(JSON.stringify(spec)) : undefined),
    lockKey: async (key, value, session) => {
      assert.equal(session, "s1");
      written.push([key, Buffer.from(value).toString()]);
      return true;
    },
    start: program.start,
    spill: () => Promise.reject(new Error("no script here")),
    timers: hand.timers,
    logger: silentLogger,
    ...over,
  });
  const event = { id: "e", payload: Buffer.from('{"Prefix":"_rexec","Session":"s1"}') };
  return { exec, event, written, program, hand };
}

test("a job is acknowledged, followed and ended", async () => {
  const { exec, event, written, program, hand } = remote({ Command: "uptime -p", Wait: 2e9 });
  const done = exec.handle(event);
  await turn();
  assert.deepEqual(program.spec()?.args, ["/bin/sh", "-c", "uptime -p"]);
  assert.equal(hand.fire(2_000), 1); // quiet for the job's wait: a heartbeat
  await turn();
  program.print("up ");
  program.print("1 day\n");
  assert.equal(hand.fire(500), 1); // idle: what there is goes
  await turn();
  program.print("bye");
  program.finish({ kind: "exited", code: 3 });
  await done;
  assert.deepEqual(written, [
    ["_rexec/s1/n1/ack", ""],
    ["_rexec/s1/n1/out/00000", ""],
    ["_rexec/s1/n1/out/00001", "up 1 day\n"],
    ["_rexec/s1/n1/out/00002", "bye"],
    ["_rexec/s1/n1/exit", "3"],
  ]);
});

test("arguments run without a shell; ends that are no exit have codes of their own", async () => {
  const cases: readonly (readonly [end: ChildEnd, code: string])[] = [
    [{ kind: "signalled", signal: "SIGKILL" }, "-1"],
    [{ kind: "notStarted", reason: "no such file" }, "255"],
  ];
  for (const [end, code] of cases) {
    const { exec, event, written, program } = remote({ Args: ["echo", "a  b"], Wait: 1e9 });
    const done = exec.handle(event);
    await turn();
    assert.deepEqual(program.spec()?.args, ["echo", "a  b"]);
    program.finish(end);
    await done;
    assert.deepEqual(written.at(-1), ["_rexec/s1/n1/exit", code]);
  }
});

test("a server that is behind is asked again, consistently; no job, no acknowledgement", async () => {
  const asked: boolean[] = [];
  const { exec, event, written } = remote(null, {
    readKey: async (_key, stale) => void asked.push(stale) as undefined,
  });
  await exec.handle(event);
  assert.deepEqual(asked, [true, false]);
  assert.deepEqual(written, []);
});

test("what cannot be read starts nothing", async () => {
  const payloads = ["", "[]", '{"Prefix":1,"Session":"s1"}', "{"];
  const specs: unknown[] = [[], { Command: 1 }, { Args: "x" }, { Args: [1] }, { Command: "x", Wait: "2s" }];
  for (const payload of payloads) {
    const { exec, written, program } = remote({ Command: "x" });
    await exec.handle({ id: "e", payload: Buffer.from(payload) });
    assert.deepEqual([written, program.spec()], [[], undefined], payload);
  }
  for (const spec of specs) {
    const { exec, event, written, program } = remote(spec);
    await exec.handle(event);
    assert.deepEqual([written, program.spec()], [[], undefined], JSON.stringify(spec));
  }
});

test("without its session a job is not started, and output goes nowhere", async () => {
  const refused = remote({ Command: "x" }, { lockKey: async () => false });
  await refused.exec.handle(refused.event);
  assert.equal(refused.program.spec(), undefined);

  const keys: string[] = [];
  const lost = remote({ Command: "x", Wait: 1e9 }, { lockKey: async (key) => keys.push(key) === 1 });
  const done = lost.exec.handle(lost.event);
  await turn();
  lost.hand.fire(1_000);
  await done;
  assert.deepEqual(keys, ["_rexec/s1/n1/ack", "_rexec/s1/n1/out/00000", "_rexec/s1/n1/exit"]);
  lost.program.print("x".repeat(1 << 20)); // nobody listens, nothing piles up
});

test("jobs at a time are bounded", async () => {
  const { exec, event, written } = remote({ Command: "x" });
  for (let i = 0; i < REMOTE_EXEC_JOBS_MAX + 5; i++) void exec.handle(event);
  await turn();
  assert.equal(written.filter(([key]) => key.endsWith("/ack")).length, REMOTE_EXEC_JOBS_MAX);
});

test("a script is spilled for its owner, run and removed, whatever is in its directory's name", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "it's one; $HOME's "));
  const was = process.env.TMPDIR;
  process.env.TMPDIR = directory;
  t.after(() => {
    if (was === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = was;
    rmSync(directory, { recursive: true });
  });
  let path = "";
  const { exec, event, written } = remote(
    { Script: Buffer.from("#!/bin/sh\necho from $0\n").toString("base64"), Wait: 60e9 },
    {
      env: { PATH: process.env.PATH },
      start: startChild,
      spill: async (script) => {
        const spilled = await spillScript(script);
        path = spilled.path;
        assert.ok(path.startsWith(directory));
        assert.equal(statSync(path).mode & 0o777, 0o700);
        assert.match(readFileSync(path, "utf8"), /echo from/);
        return spilled;
      },
    },
  );
  await exec.handle(event);
  assert.deepEqual(written.slice(1), [
    ["_rexec/s1/n1/out/00000", `from ${path}\n`],
    ["_rexec/s1/n1/exit", "0"],
  ]);
  assert.equal(existsSync(path), false);
});

test("a script that cannot be removed ends its job all the same", async () => {
  const { exec, event, written } = remote(
    { Script: Buffer.from("#!/bin/sh\n").toString("base64"), Wait: 60e9 },
    {
      env: { PATH: process.env.PATH },
      start: startChild,
      spill: async () => ({ path: "/bin/true", remove: () => Promise.reject(new Error("rm: permission denied")) }),
    },
  );
  await exec.handle(event);
  assert.deepEqual(written.at(-1), ["_rexec/s1/n1/exit", "0"]);
});

test("output comes in pieces, and a slow taker slows the writer", async () => {
  const { timers } = handTimers();
  const queue = new OutputQueue(timers);
  assert.equal(queue.write(Buffer.alloc(OUTPUT_CHUNK_BYTES * (OUTPUT_CHUNKS_MAX - 1) + 10)), undefined);
  const wait = queue.write(Buffer.alloc(OUTPUT_CHUNK_BYTES));
  assert.ok(wait instanceof Promise);
  assert.equal(((await queue.next(1)) as Uint8Array).length, OUTPUT_CHUNK_BYTES);
  await wait;
  queue.end();
  let bytes = OUTPUT_CHUNK_BYTES;
  for (let next = await queue.next(1); next !== "end"; next = await queue.next(1)) bytes += (next as Uint8Array).length;
  assert.equal(bytes, OUTPUT_CHUNK_BYTES * OUTPUT_CHUNKS_MAX + 10);
});
