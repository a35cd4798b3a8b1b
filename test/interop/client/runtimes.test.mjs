// The client in other runtimes, against an agent of ours: Deno and Bun, where `npm install --prefix .scratch/runtimes deno
// bun` has put them, or where DENO_BIN and BUN_BIN say; and in pages of a browser, from the agent and from elsewhere.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { startAgent } from "../../../packages/tribune/dist/index.js";
import { ownPort } from "../../../packages/tribune/dist/ports.test.support.js";
import { missing, startBrowser } from "../../ui/harness.mjs";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const installed = here("../../../.scratch/runtimes/node_modules/.bin/");
const RUNTIMES = {
  node: [process.execPath],
  deno: [process.env.DENO_BIN ?? `${installed}deno`, "run", "--allow-all", "--no-prompt"],
  bun: [process.env.BUN_BIN ?? `${installed}bun`, "run"],
};
/** What a page that is not the agent's needs: packages/client/README.md. */
const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "GET, PUT, POST, DELETE",
  "Access-Control-Allow-Headers": "X-Consul-Token",
  "Access-Control-Expose-Headers": "*",
};

let agent;
/** Nobody listens there. */
let closed;
/** A server of pages that is not the agent. */
let elsewhere;
let script;

async function serverOf(answer) {
  const server = createServer(answer);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => new Promise((done) => server.close(done)) };
}

before(async () => {
  agent = await startAgent({ config: { ui_config: { enabled: true }, http_config: { response_headers: CORS } } });
  closed = `http://127.0.0.1:${await ownPort()}`;
  const { outputFiles } = await build({
    entryPoints: [here("page.mjs")],
    bundle: true,
    format: "iife",
    platform: "browser",
    write: false,
  });
  script = outputFiles[0].text;
  elsewhere = await serverOf((_, response) => response.setHeader("Content-Type", "text/html").end("<!doctype html>"));
});
after(async () => {
  await elsewhere?.close();
  await agent.stop();
});

for (const [name, [command, ...args]] of Object.entries(RUNTIMES)) {
  const there = spawnSync(command, ["--version"]).status === 0;
  test(`the client runs in ${name}`, { skip: there ? false : `NO ${name.toUpperCase()}` }, async () => {
    for (const entry of ["index", "browser"]) {
      const child = spawn(command, [...args, here("everywhere.mjs"), agent.url, closed, entry], { timeout: 120_000 });
      let output = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
      const code = await new Promise((resolve) => child.once("close", resolve));
      assert.equal(code, 0, output);
      assert.match(output, /all well/);
    }
  });
}

test("the client runs in pages, the agent's own and others", { skip: missing, timeout: 240_000 }, async (t) => {
  const browser = await startBrowser();
  t.after(() => browser.close());
  for (const [origin, url] of [
    [`${agent.url}/ui/`, ""],
    [elsewhere.url, agent.url],
  ]) {
    const page = await browser.newPage();
    await page.goto(origin);
    await page.evaluate(script);
    const outcome = page.evaluate(([to, nobody]) => globalThis.run(to, nobody), [url, closed]);
    assert.equal(await outcome, "all well", origin);
    await page.close();
  }
});
