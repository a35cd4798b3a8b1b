// A pool of several agents, and a server of a second datacenter: the map, who fails and is made to leave.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { AgentProcess, until } from "../e2e/agent-process.mjs";
import { assertAccessible, browserTest, devAgent, missing, startBrowser, watchedPage } from "./harness.mjs";

const [server, first, second, other] = ["127.0.98.20", "127.0.98.21", "127.0.98.22", "127.0.98.23"];
const agents = [];
let agent;
let far;
let browser;
let directory;
before(async () => {
  if (missing) return;
  directory = mkdtempSync(join(tmpdir(), "tribune-ui-members-"));
  agent = await devAgent(server);
  far = await devAgent(other, { args: ["-datacenter=dc2", "-node=nyc-server-1", `-retry-join-wan=${server}`] });
  for (const [i, address] of [first, second].entries()) {
    const name = `fra-client-${i + 1}`;
    const args = [`-node=${name}`, `-data-dir=${join(directory, name)}`, `-retry-join=${server}`];
    agents.push(new AgentProcess({ address, args }));
  }
  await until(
    async () => (await (await fetch(`${agent.url}/v1/agent/members`)).json()).length === 3,
    () => "not all have joined",
  );
  await until(
    async () => (await (await fetch(`${agent.url}/v1/catalog/datacenters`)).json()).length === 2,
    () => "the other datacenter is not known",
  );
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  for (const each of [agent, far, ...agents]) await each?.kill();
  if (directory) rmSync(directory, { recursive: true, force: true });
});

browserTest("members are drawn where their coordinates put them, in the LAN and in the WAN", async () => {
  const { page, faults, close } = await watchedPage(browser, agent.url, { bypassCSP: true });
  await page.goto(`${agent.url}/ui/dc1/members`);
  // Agents send their coordinates some time after they have joined.
  await page.locator(".map .dot").nth(2).waitFor({ timeout: 60_000 });
  assert.deepEqual((await page.locator(".map .dot text").allTextContents()).sort(), [
    "fra-client-1",
    "fra-client-2",
    "fra-server-1",
  ]);
  assert.equal(await page.locator(".map .dot rect").count(), 1, "squares are servers");
  // Dots move when round trips are measured anew: away from the pointer, too.
  const dot = (name) => page.locator(".map .dot", { hasText: name });
  let said;
  await until(
    async () => {
      await dot("fra-client-1").hover();
      said = await dot("fra-client-2").textContent();
      return /\d ms|µs/.test(said);
    },
    () => `beside the other member stands ${said}, and not how far it is from the one that is pointed at`,
  );
  await assertAccessible(page, "map");
  await page.getByRole("link", { name: /WAN/ }).click();
  await page.locator('[data-member="nyc-server-1.dc2"][data-status="alive"]').waitFor();
  await page.locator(".map .dot").nth(1).waitFor({ timeout: 60_000 });
  // A node knows how far the others are.
  await page.goto(`${agent.url}/ui/dc1/nodes/fra-client-1/rtt`);
  await page.locator(".trips >> text=fra-client-2").waitFor();
  assert.deepEqual(faults, []);
  await close();
});

browserTest("a member that has failed is shown so without reload, and is made to leave", async () => {
  const { page, close } = await watchedPage(browser, agent.url);
  await page.goto(`${agent.url}/ui/dc1/members`);
  await page.locator('[data-member="fra-client-2"][data-status="alive"]').waitFor();
  await agents[1].kill();
  const failed = page.locator('[data-member="fra-client-2"][data-status="failed"]');
  await failed.waitFor({ timeout: 120_000 });
  await page.getByText("1 failed").waitFor();
  await failed.getByRole("button", { name: "Force to leave" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Force to leave" }).click();
  await page.locator('[data-member="fra-client-2"][data-status="left"]').waitFor();
  const members = await (await fetch(`${agent.url}/v1/agent/members`)).json();
  assert.equal(members.find(({ Name }) => Name === "fra-client-2").Status, 3);
  await close();
});
