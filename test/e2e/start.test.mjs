// How the program is loaded: with the code that was compiled when it was built, and without where that does not fit.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { program } from "./agent-process.mjs";

const loader = join(dirname(program), "load.js");
const run = (...args) => execFileSync(process.execPath, args, { encoding: "utf8" });
const rejected = (name, ...flags) =>
  run(
    ...flags,
    "-e",
    `process.argv = ["node", "tribune", "version"];
     const { script, exports } = require(${JSON.stringify(loader)}).load(${JSON.stringify(name)});
     process.on("exit", () => console.log("rejected:", script.cachedDataRejected));
     exports.runProgram();`,
  );

for (const name of ["main", "cli"]) {
  test(`${name}: the code cache that was built is taken`, () => {
    assert.match(rejected(name), /^Consul v[\s\S]*rejected: false\n$/);
  });

  test(`${name}: where V8 refuses it, the program is compiled and runs`, () => {
    assert.match(rejected(name, "--no-opt"), /^Consul v[\s\S]*rejected: true\n$/);
  });
}

test("the command runs with flags that the code cache was not built for", () => {
  assert.match(run("--no-opt", program, "version"), /^Consul v/);
});
