// Runs a joined script (scripts/bundle.mjs) with the code that V8 made of it when it was built, so that a start does not
// compile it again: a third of the time that a server needs to be there. Another version of Node refuses that code, and
// compiles.
const { readFileSync, statSync } = require("node:fs");
const { createRequire, wrap } = require("node:module");
const { dirname, join } = require("node:path");
const { Script } = require("node:vm");

const HOME = join(__dirname, "../dist/bundle");
let directory = HOME;

/** For the build, which runs scripts before they are where they belong; that is still their name, which V8's code holds. */
function setDirectory(path) {
  directory = path;
}

const cacheOf = (name) => join(directory, `${name}.cjs.cache`);

/**
 * @param name `main` for all of the program, `cli` for what there is of it without the agent.
 * @returns what the script exports, and the script: its `cachedDataRejected` says whether it was compiled anew
 */
function load(name) {
  const file = join(HOME, `${name}.cjs`);
  const read = join(directory, `${name}.cjs`);
  const { ino } = statSync(read);
  // It is all ASCII, which the build sees to: so that nothing has to be decoded, and a character takes a byte.
  const source = readFileSync(read, "latin1");
  const code = codeOf(cacheOf(name));
  // A build in these microseconds may have put its script, or its code, in the place of what was there. V8 looks no closer
  // than at the length.
  const cachedData = statSync(read).ino === ino ? code : undefined;
  const script = new Script(wrap(source), { filename: file, cachedData });
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

module.exports = { load, cacheOf, setDirectory };
