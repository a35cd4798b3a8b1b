// Runs a joined script (scripts/bundle.mjs) with the code that V8 made of it when it was built, so that a start does not
// compile it again: a third of the time that a server needs to be there. Another version of Node refuses that code, and
// compiles.
const { readFileSync } = require("node:fs");
const { createRequire, wrap } = require("node:module");
const { dirname, join } = require("node:path");
const { Script } = require("node:vm");

const fileOf = (name) => join(__dirname, `../dist/bundle/${name}.cjs`);
const cacheOf = (name) => `${fileOf(name)}.cache`;

/**
 * @param name `main` for all of the program, `cli` for what there is of it without the agent.
 * @returns what the script exports, and the script: its `cachedDataRejected` says whether it was compiled anew
 */
function load(name) {
  const file = fileOf(name);
  // It is all ASCII, which the build sees to: so that nothing has to be decoded, and a character takes a byte.
  const script = new Script(wrap(readFileSync(file, "latin1")), { filename: file, cachedData: codeOf(cacheOf(name)) });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
  return { exports: module.exports, script };
}

function codeOf(path) {
  try {
    return readFileSync(path);
  } catch {
    return undefined; // Without it the program is compiled.
  }
}

module.exports = { load, cacheOf };
