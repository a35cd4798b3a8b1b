// The runner of all tests here: whatever goes wrong in a file is counted, and the end of the output says what it was.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { temporaryDirectory } from "./agent-process.mjs";

const runner = new URL("../../scripts/lib/run-tests.mjs", import.meta.url);
const head = 'import { after, before, describe, test } from "node:test";\n';
const fine = 'test("fine", () => {});\n';

for (const [what, body, counts, said] of [
  ["passing tests", fine, "1 passed, 0 failed, 0 skipped", undefined],
  ["a failing test", `${fine}test("bad", () => { throw new Error("why") });`, "1 passed, 1 failed, 0 skipped", /why/],
  [
    "a suite whose last hook fails",
    `describe("s", () => { after(() => { throw new Error("of a hook") }); ${fine} });`,
    ...["1 passed, 1 failed, 0 skipped", /of a hook/],
  ],
  [
    "a suite whose first hook fails",
    `describe("s", () => { before(() => { throw new Error("of a hook") }); ${fine} });`,
    ...["0 passed, 2 failed, 0 skipped", /of a hook/],
  ],
  ["a suite that is skipped", `${fine}describe("s", { skip: true }, () => {});`, "1 passed, 0 failed, 1 skipped"],
  [
    "a file that ends before its tests",
    'test("ends", () => process.exit(0));',
    "0 passed, 1 failed, 0 skipped",
    /ended/,
  ],
  [
    "a file that is killed",
    'test("killed", () => { process.kill(process.pid, "SIGKILL"); return new Promise(() => {}) });',
    ...["0 passed, 1 failed, 0 skipped", /ended by SIGKILL/],
  ],
  ["a file that cannot be loaded", 'throw new Error("at load");', "0 passed, 1 failed, 0 skipped", /at load/],
  [
    "what a test leaves behind",
    `test("leaves", () => { setTimeout(() => { throw new Error("left") }) });
     test("waits", () => new Promise((resolve) => setTimeout(resolve, 50)));`,
    ...["2 passed, 1 failed, 0 skipped", /"Error: left"/],
  ],
])
  test(`the runner counts ${what}`, () => {
    const directory = temporaryDirectory();
    const [file, script] = [`${directory}/a.test.mjs`, `${directory}/run.mjs`];
    writeFileSync(file, head + body);
    writeFileSync(
      script,
      `import { runTests } from ${JSON.stringify(runner.href)};
       process.exitCode = (await runTests([${JSON.stringify(file)}])) ? 0 : 1;`,
    );
    const { stdout, status } = spawnSync(process.execPath, [script], { encoding: "utf8", timeout: 60_000 });
    assert.equal(stdout.trimEnd().split("\n").at(-1), counts, stdout);
    assert.equal(status, counts.includes(" 0 failed") ? 0 : 1);
    const report = stdout.slice(stdout.indexOf("---- what failed"));
    if (said === undefined) assert.ok(!stdout.includes("---- what failed"), stdout);
    else assert.match(report, said);
  });

test("the runner lets properties draw from a seed, and what they start know nothing of it", () => {
  const directory = temporaryDirectory();
  const [file, script, drawn] = [`${directory}/a.test.mjs`, `${directory}/run.mjs`, `${directory}/drawn`];
  writeFileSync(
    file,
    `import { spawnSync } from "node:child_process";
     import { appendFileSync } from "node:fs";
     import { test } from "node:test";
     import fc from ${JSON.stringify(import.meta.resolve("fast-check"))};
     test("draws", () => {
       const said = [];
       fc.assert(fc.property(fc.integer(), (value) => void said.push(value)), { numRuns: 20 });
       const { stdout } = spawnSync(process.execPath, ["-p", "process.env.NODE_OPTIONS"], { encoding: "utf8" });
       appendFileSync(${JSON.stringify(drawn)}, JSON.stringify([said, stdout.trim()]) + "\\n");
     });`,
  );
  writeFileSync(
    script,
    `import { runTests } from ${JSON.stringify(runner.href)};
     const seed = process.argv[2];
     await runTests([${JSON.stringify(file)}], seed === undefined ? {} : { propertySeed: Number(seed) });`,
  );
  const env = { ...process.env, NODE_OPTIONS: "--no-deprecation" };
  for (const seed of [["5"], ["5"], ["6"], [], []])
    spawnSync(process.execPath, [script, ...seed], { env, timeout: 60_000 });
  const lines = readFileSync(drawn, "utf8").trimEnd().split("\n");
  const [first, again, other, free, freeAgain] = lines;
  assert.equal(again, first);
  assert.equal(new Set([first, other, free, freeAgain]).size, 4, lines.join("\n"));
  for (const line of lines) assert.equal(JSON.parse(line)[1], "--no-deprecation");
});
