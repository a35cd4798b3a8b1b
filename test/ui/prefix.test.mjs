// The site stands below any path: one that the agent is told, one that a proxy adds and the agent knows nothing of.
import assert from "node:assert/strict";
import { createServer, request } from "node:http";
import { after, before } from "node:test";
import { browserTest, devAgent, missing, startBrowser, watchedPage } from "./harness.mjs";
import { register } from "./world.mjs";

const address = "127.0.98.14";
let agent;
let browser;
before(async () => {
  if (missing) return;
  agent = await devAgent(address, { args: ['-hcl=ui_config { content_path = "/tools/registry/" }'] });
  await register(agent.url, 0, { id: "web" });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await agent?.kill();
});

/** Passes on what begins with the prefix, without it. */
async function proxy(t, prefix) {
  const server = createServer((incoming, outgoing) => {
    if (!incoming.url.startsWith(`${prefix}/`)) {
      outgoing.writeHead(418, { "Content-Type": "text/plain" }).end("outside of the prefix");
      return;
    }
    const { method, headers } = incoming;
    const inner = request(agent.url + incoming.url.slice(prefix.length), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      outgoing.flushHeaders();
      answer.on("error", () => outgoing.destroy()).pipe(outgoing);
    });
    inner.on("error", () => outgoing.destroy());
    outgoing.on("close", () => inner.destroy());
    incoming.pipe(inner);
  });
  await new Promise((done) => server.listen(0, address, done));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  return `http://${address}:${server.address().port}`;
}

async function walk(origin, root) {
  const { page, faults, close } = await watchedPage(browser, origin);
  await page.goto(`${origin}${root}dc1/services/web`);
  await page.locator('[data-health="passing"]').waitFor();
  await page.reload();
  await page.getByRole("link", { name: "Services" }).first().click();
  await page.locator('[data-service="web"]').click();
  await page.getByRole("heading", { name: "web" }).waitFor();
  assert.equal(new URL(page.url()).pathname, `${root}dc1/services/web`);
  await page.goto(origin + root);
  await page.getByText("All checks are passing").waitFor();
  assert.equal(new URL(page.url()).pathname, `${root}dc1/overview`);
  await close();
  // The page looks for the API from the nearest path upwards: what is not there is on the console.
  return faults.filter((fault) => !/status of (404|418)/.test(fault));
}

browserTest("below the path of ui_config.content_path, with the API at the top", async () => {
  assert.deepEqual(await walk(agent.url, "/tools/registry/"), []);
});

browserTest("behind a proxy that adds a prefix of its own", async (t) => {
  const origin = await proxy(t, "/behind");
  assert.deepEqual(await walk(origin, "/behind/tools/registry/"), []);
});
