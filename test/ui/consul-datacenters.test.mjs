// Two datacenters of a real Consul, whose servers pass requests on to each other, behind the same page.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { until } from "../e2e/agent-process.mjs";
import { devAgent, missing, startBrowser, watchedPage } from "./harness.mjs";
import { register } from "./world.mjs";

const consul = process.env.CONSUL_BIN ?? "";
const noConsul = existsSync(consul) ? false : "no Consul: set CONSUL_BIN to one";
const consulTest = (name, run) => test(name, { skip: missing || noConsul, timeout: 300_000 }, run);
const site = fileURLToPath(new URL("../../packages/ui/dist", import.meta.url));
const [near, distant] = ["127.0.98.24", "127.0.98.25"];
let agent;
let far;
let browser;
before(async () => {
  if (missing || noConsul) return;
  const common = { command: [consul] };
  const args = [`-ui-dir=${site}`, "-log-level=err"];
  agent = await devAgent(near, { ...common, args });
  far = await devAgent(distant, {
    ...common,
    args: [...args, "-datacenter=dc2", "-node=nyc-server-1", `-retry-join-wan=${near}`],
  });
  await until(
    async () => (await fetch(`${agent.url}/v1/catalog/nodes?dc=dc2`)).ok,
    () => "the other datacenter is not reached",
  );
  await register(far.url, 0, { id: "far-away" });
  await register(agent.url, 0, { id: "near" });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  for (const each of [agent, far]) await each?.kill();
});

consulTest("the datacenter is changed, and what is shown is the other one's", async () => {
  const { page, faults, close } = await watchedPage(browser, agent.url);
  await page.goto(`${agent.url}/ui/dc1/services`);
  await page.locator('[data-service="near"]').waitFor();
  await page.getByLabel("Datacenter").selectOption("dc2");
  await page.locator('[data-service="far-away"][data-health="passing"]').waitFor();
  assert.equal(await page.locator('[data-service="near"]').count(), 0);
  assert.equal(new URL(page.url()).pathname, "/ui/dc2/services");
  await register(far.url, 0, { id: "far-away", status: "critical" });
  await page.locator('[data-service="far-away"][data-health="critical"]').waitFor();
  await page.locator('[data-service="far-away"]').click();
  await page.getByRole("heading", { name: "far-away" }).waitFor();
  await page.getByLabel("Datacenter").selectOption("dc1");
  await page.locator('[data-service="near"]').waitFor();
  // A place of two parts is one in the other datacenter, too.
  await page.goto(`${agent.url}/ui/dc1/acls/policies`);
  await page.getByLabel("Datacenter").selectOption("dc2");
  await page.waitForURL("**/ui/dc2/acls/policies");
  // What Consul has no answer to is asked once: the stream.
  assert.deepEqual(
    faults.filter((fault) => !fault.includes("404")),
    [],
  );
  await close();
});
