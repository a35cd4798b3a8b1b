// The client in other runtimes, against an agent of ours: Deno and Bun, where `npm install --prefix .scratch/runtimes deno
// bun` has put them, or where DENO_BIN and BUN_BIN say.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startAgent } from "../../../packages/tribune/dist/index.js";

const program = fileURLToPath(new URL("everywhere.mjs", import.meta.url));
const installed = fileURLToPath(new URL("../../../.scratch/runtimes/node_modules/.bin/", import.meta.url));
const RUNTIMES = {
  node: [process.execPath],
  deno: [process.env.DENO_BIN ?? `${installed}deno`, "run", "--allow-all", "--no-prompt"],
  bun: [process.env.BUN_BIN ?? `${installed}bun`, "run"],
};

let agent;
/** Nobody listens there. */
let closed;
before(async () => {
  agent = await startAgent();
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  closed = `http://127.0.0.1:${server.address().port}`;
  await new Promise((resolve) => server.close(resolve));
});
after(() => agent.stop());

for (const [name, [command, ...args]] of Object.entries(RUNTIMES)) {
  const there = spawnSync(command, ["--version"]).status === 0;
  test(`the client runs in ${name}`, { skip: there ? false : `NO ${name.toUpperCase()}` }, async () => {
    for (const entry of ["index", "browser"]) {
      const child = spawn(command, [...args, program, agent.url, closed, entry], { timeout: 60_000 });
      let output = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
      const code = await new Promise((resolve) => child.once("close", resolve));
      assert.equal(code, 0, output);
      assert.match(output, /all well/);
    }
  });
}
