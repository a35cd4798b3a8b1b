import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChildSpec, failureOf, scriptArgs, startChild } from "./child.ts";

async function run(args: readonly string[], over: Partial<ChildSpec> = {}) {
  const out: Uint8Array[] = [];
  const output = (chunk: Uint8Array): void => void out.push(chunk);
  const child = startChild({ args, env: process.env, stdin: "none", output, ...over });
  const end = await child.ended;
  return { end, failure: failureOf(end), out: Buffer.concat(out).toString() };
}
const shell = (script: string): readonly string[] => scriptArgs(script, {});

test("ends read as Go words them", async () => {
  const cases: readonly (readonly [args: readonly string[], failure: string | undefined])[] = [
    [shell("exit 0"), undefined],
    [shell("exit 4"), "exit status 4"],
    [shell("kill -9 $$"), "signal: killed"],
    [["no-such-program-here"], 'exec: "no-such-program-here": executable file not found in $PATH'],
    [["/no/such/program"], "fork/exec /no/such/program: no such file or directory"],
    [["/"], "fork/exec /: permission denied"],
    [[""], "exec: no command"],
    // Node throws these, as the system refuses them before there is a process.
    [["/etc/passwd/program"], "fork/exec /etc/passwd/program: not a directory"],
    [["/bin/true", "x".repeat(1 << 22)], "fork/exec /bin/true: argument list too long"],
  ];
  for (const [args, failure] of cases) assert.equal((await run(args)).failure, failure, args.join(" ").slice(0, 80));
});

test("input, environment and both streams reach the reader", async () => {
  const { out } = await run(shell("cat; echo $MARK >&2"), {
    stdin: Buffer.from("in\n"),
    env: { PATH: process.env.PATH, MARK: "set" },
  });
  assert.deepEqual(out.split("\n").sort(), ["", "in", "set"]);
});

test("a program that ignores its input does no harm", async () => {
  const { failure } = await run(shell("exit 3"), { stdin: Buffer.alloc(1 << 20, 120) });
  assert.equal(failure, "exit status 3");
});

test("output waits for its reader", async () => {
  let reading = 0;
  let most = 0;
  let total = 0;
  await run(shell("head -c 300000 /dev/zero"), {
    output: async (chunk) => {
      most = Math.max(most, ++reading);
      total += chunk.length;
      await new Promise(setImmediate);
      reading--;
    },
  });
  assert.deepEqual([most, total], [1, 300_000]);
});

test("a shell of one's own is used", () => {
  assert.deepEqual(scriptArgs("x y", { SHELL: "/bin/zsh" }), ["/bin/zsh", "-c", "x y"]);
  assert.deepEqual(scriptArgs("x", { SHELL: "" }), ["/bin/sh", "-c", "x"]);
});
