// What happens in the datacenter is seen without reloading; what is old is called old.
import assert from "node:assert/strict";
import { browserTest, devAgent, filledSite, watchedPage } from "./harness.mjs";
import { register } from "./world.mjs";

const address = "127.0.98.12";
const site = filledSite(address);

browserTest("a check that turns critical is seen without reload, on every page that shows it", async (t) => {
  const { page, faults, close } = await watchedPage(site.browser, site.agent.url);
  let bad = false;
  // How soon a change is seen is measured by bench.mjs. Here nothing that shows the check is asked for again: it is pushed.
  const asked = [];
  page.on("request", (request) => {
    const { pathname, search } = new URL(request.url());
    if (/^\/v1\/(health|internal|catalog\/(service|node))/.test(pathname) || search.includes("index="))
      asked.push(pathname + search);
  });
  for (const [at, sick] of [
    ["services", '[data-service="auth"][data-health="critical"]'],
    ["services/auth", '[data-health="critical"]'],
    ["services/auth/instances/fra-web-1/auth-1", '[data-check="service:auth-1"][data-health="critical"]'],
    ["nodes/fra-web-1", '[data-check="service:auth-1"][data-health="critical"]'],
    ["nodes", '[data-node="fra-web-1"][data-health="critical"]'],
    ["overview", ".attention >> text=auth-1"],
  ]) {
    await t.test(at, async () => {
      await page.goto(`${site.agent.url}/ui/dc1/${at}`);
      await page.locator('.freshness[data-state="fresh"]').waitFor();
      await page.evaluate(() => (globalThis.mark = "same document"));
      assert.equal(await page.locator(sick).count(), 0);
      assert.deepEqual(asked.splice(0), []);
      bad = true;
      await register(site.agent.url, 0, { id: "auth-1", name: "auth", status: "critical", output: "no answer" });
      await page.locator(sick).first().waitFor();
      assert.equal(await page.evaluate(() => globalThis.mark), "same document");
      await register(site.agent.url, 0, { id: "auth-1", name: "auth" });
      bad = false;
      await page.locator(sick).first().waitFor({ state: "detached" });
      assert.deepEqual(asked.splice(0), []);
    });
  }
  assert.equal(bad, false);
  assert.deepEqual(faults, []);
  await close();
});

browserTest("history grows while it is looked at", async () => {
  const { page, close } = await watchedPage(site.browser, site.agent.url);
  await page.goto(`${site.agent.url}/ui/dc1/services/search/history`);
  await page.locator(".timeline >> text=search-1").first().waitFor();
  await register(site.agent.url, 2, { id: "search-1", name: "search", status: "critical", output: "gone for lunch" });
  await page.locator(".timeline >> text=gone for lunch").waitFor();
  await close();
});

browserTest("all that a page watches comes over one connection", async () => {
  const { page, close } = await watchedPage(site.browser, site.agent.url);
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url())));
  await page.goto(`${site.agent.url}/ui/dc1/overview`);
  await page.locator('.freshness[data-state="fresh"]').waitFor();
  assert.deepEqual(
    asked.filter(({ search }) => search.includes("index=")),
    [],
  );
  assert.ok(
    asked
      .filter(({ pathname }) => pathname === "/v1/stream")
      .at(-1)
      .searchParams.getAll("watch").length >= 4,
  );
  await close();
});

browserTest("an agent that is gone is called away, old data old; when it is back all is live again", async () => {
  const { page, close } = await watchedPage(site.browser, site.agent.url);
  await page.goto(`${site.agent.url}/ui/dc1/services`);
  await page.locator('[data-service="web"]').waitFor();
  await site.agent.kill();
  await page.locator("#away").waitFor();
  await page.locator('.freshness[data-state="away"]').waitFor();
  // What was there is still shown, with its age; a page that never had data says so.
  assert.equal(await page.locator('[data-service="web"]').count(), 1);
  assert.match(await page.locator(".freshness").textContent(), /As of/);
  await page.getByRole("link", { name: "Nodes" }).click();
  await page.getByText("The agent does not answer", { exact: true }).waitFor();

  site.agent = await devAgent(address);
  await register(site.agent.url, 0, { id: "phoenix" });
  await page.locator("#away").waitFor({ state: "detached" });
  await page.locator('[data-node="fra-web-1"]').waitFor();
  await page.getByRole("link", { name: "Services" }).click();
  await page.locator('[data-service="phoenix"]').waitFor();
  assert.equal(await page.locator('[data-service="web"]').count(), 0);
  await close();
});
