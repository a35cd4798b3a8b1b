#!/usr/bin/env node
const isAgent = process.argv[2] === "agent";
// The log's fdatasync shares Node's thread pool with compression, file reads and name look-ups; four threads are few.
// The pool takes its size at its first use, which loading an ES module already is: hence CommonJS here. The setting is
// not for the scripts that checks run.
if (isAgent && process.env.UV_THREADPOOL_SIZE === undefined) {
  process.env.UV_THREADPOOL_SIZE = "8";
  require("node:fs").stat(__filename, () => {});
  delete process.env.UV_THREADPOOL_SIZE;
}
// Most of the program is the agent: all other commands start in half the time without it.
require("./load.js")
  .load(isAgent ? "main" : "cli")
  .exports.runProgram();
