// How the program is loaded: with the code that was compiled when it was built, and without where that does not fit.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { replaceFiles } from "../../scripts/lib/replace-files.mjs";
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

test("what is built takes the place of an earlier build, and nothing of that is left", (t) => {
  const home = mkdtempSync(join(tmpdir(), "tribune-build-"));
  t.after(() => rmSync(home, { recursive: true }));
  const [bundle, made] = ["bundle", "made"].map((name) => join(home, name));
  for (const number of [1, 2]) {
    mkdirSync(join(made, "assets"), { recursive: true });
    writeFileSync(join(made, "assets", `${number}.js`), "");
    writeFileSync(join(made, "index.html"), String(number));
    replaceFiles(made, bundle, ["index.html", "absent"]);
    assert.equal(readFileSync(join(bundle, "index.html"), "utf8"), String(number));
  }
  assert.deepEqual([existsSync(made), readdirSync(join(bundle, "assets"))], [false, ["2.js"]]);
});
