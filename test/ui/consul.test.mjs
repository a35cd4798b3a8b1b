// The same page on a real Consul: no streams, no history, tokens checked.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { until } from "../e2e/agent-process.mjs";
import { devAgent, missing, startBrowser, watchedPage } from "./harness.mjs";
import { call } from "./world.mjs";

const site = fileURLToPath(new URL("../../packages/ui/dist", import.meta.url));
const consul = process.env.CONSUL_BIN ?? "";
const secret = "5f0c2d2e-9d3b-4f0e-8f5e-1c1b1c1d1e1f";
const noConsul = existsSync(consul) ? false : "no Consul: set CONSUL_BIN to one";
const consulTest = (name, run) => test(name, { skip: missing || noConsul, timeout: 120_000 }, run);

let agent;
let browser;
before(async () => {
  if (missing || noConsul) return;
  const acl = `acl { enabled = true default_policy = "deny" tokens { master = "${secret}" agent = "${secret}" } }`;
  agent = await devAgent("127.0.39.15", {
    command: [consul],
    args: [`-ui-dir=${site}`, `-hcl=${acl}`, "-log-level=err"],
  });
  await until(
    async () => (await fetch(`${agent.url}/v1/acl/tokens`, { headers })).ok,
    () => "no ACLs yet",
  );
  for (const id of ["web", "db"]) await registerAs(id, "passing");
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await agent?.kill();
});

const headers = { "X-Consul-Token": secret };
const registerAs = (id, status) =>
  call(
    agent.url,
    "PUT",
    "catalog/register",
    {
      Node: "n1",
      Address: "10.0.0.1",
      Service: { ID: id, Service: id },
      Check: { Node: "n1", CheckID: `service:${id}`, Name: id, ServiceID: id, Status: status, Output: "" },
    },
    headers,
  );

async function loggedIn(at) {
  const watched = await watchedPage(browser, agent.url);
  await watched.page.addInitScript((token) => sessionStorage.setItem("tribune:token", token), secret);
  await watched.page.goto(`${agent.url}/ui/dc1/${at}`);
  return watched;
}

consulTest("without a token pages say what is not permitted, and a login opens them", async () => {
  const { page, close } = await watchedPage(browser, agent.url);
  await page.goto(`${agent.url}/ui/dc1/acls/tokens`);
  await page.getByText("Not permitted").first().waitFor();
  await page.getByRole("button", { name: "Log in" }).first().click();
  await page.getByLabel("Secret of the token").fill("00000000-1111-2222-3333-444444444444");
  await page.getByRole("dialog").getByRole("button", { name: "Log in" }).click();
  await page.getByText("The agent does not know this token.").waitFor();
  await page.getByLabel("Secret of the token").fill(secret);
  await page.getByRole("dialog").getByRole("button", { name: "Log in" }).click();
  await page.locator(".entries >> text=Master Token").waitFor();
  await close();
});

consulTest("changes come by blocking queries; history says that there is none", async () => {
  const { page, close } = await loggedIn("services");
  await page.locator('[data-service="web"][data-health="passing"]').waitFor();
  await registerAs("web", "critical");
  await page.locator('[data-service="web"][data-health="critical"]').waitFor();
  await page.goto(`${agent.url}/ui/dc1/services/web/history`);
  await page.getByText("This agent keeps no history of changes").waitFor();
  await page.goto(`${agent.url}/ui/dc1/settings`);
  await page.getByText("by blocking queries").waitFor();
  await page.goto(`${agent.url}/ui/dc1/overview`);
  await page.getByText("1 check is critical").waitFor();
  await close();
});

consulTest("policies and tokens are created, changed and deleted", async () => {
  const { page, close } = await loggedIn("acls/policies/create");
  const button = (name) => page.getByRole("button", { name, exact: true });
  await page
    .locator(".editor textarea")
    .fill(JSON.stringify({ Name: "web-read", Rules: 'service "web" { policy = "read" }' }));
  await button("Create").click();
  await page.getByRole("heading", { name: "web-read" }).waitFor();
  await page.getByLabel("Rules of the policy").fill('service "web" { policy = "write" }');
  await button("Save rules").click();
  await page.getByText("Rules saved").waitFor();
  const policies = JSON.parse(await call(agent.url, "GET", "acl/policies", undefined, headers));
  const { ID } = policies.find(({ Name }) => Name === "web-read");
  assert.match(await call(agent.url, "GET", `acl/policy/${ID}`, undefined, headers), /write/);
  await page.goto(`${agent.url}/ui/dc1/acls/tokens/create`);
  await page
    .locator(".editor textarea")
    .fill(JSON.stringify({ Description: "by hand", Policies: [{ Name: "web-read" }] }));
  await button("Create").click();
  await page.getByRole("heading", { name: "by hand" }).waitFor();
  await button("Delete").click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.locator(".entries >> text=Master Token").waitFor();
  assert.equal(await page.locator(".entries >> text=by hand").count(), 0);
  await close();
});
