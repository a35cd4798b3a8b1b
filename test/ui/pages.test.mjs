// Every page: it shows its data, keeps to the rules, is readable for machines and on small screens.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertAccessible, browserTest, devAgent, missing, startBrowser, watchedPage } from "./harness.mjs";
import { pages } from "./pages.mjs";
import { fill } from "./world.mjs";

const address = "127.0.39.11";
let agent;
let browser;
before(async () => {
  if (missing) return;
  agent = await devAgent(address);
  await fill(agent.url);
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await agent?.kill();
});

const open = async (page, { at, shows }) => {
  await page.goto(`${agent.url}/ui/dc1/${at}`);
  await page.locator(shows).first().waitFor();
};

browserTest("every page shows its data and satisfies axe, light and dark", async (t) => {
  // axe is put into the page by the test: only for that the policy is set aside.
  const { page, faults, close } = await watchedPage(browser, agent.url, { bypassCSP: true, reducedMotion: "reduce" });
  for (const each of pages) {
    await t.test(each.name, async () => {
      await page.emulateMedia({ colorScheme: "light" });
      await open(page, each);
      await assertAccessible(page, `${each.name}, light`);
      await page.emulateMedia({ colorScheme: "dark" });
      await page.locator('html[data-theme="dark"]').waitFor();
      await assertAccessible(page, `${each.name}, dark`, ["color-contrast"]);
      assert.deepEqual(faults.splice(0), []);
    });
  }
  await close();
});

browserTest("every page keeps to the policy, and is no wider than a phone, nor than a screen at 200 %", async (t) => {
  const { page, faults, close } = await watchedPage(browser, agent.url);
  const tooWide = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  for (const each of pages) {
    await t.test(each.name, async () => {
      await page.setViewportSize({ width: 360, height: 740 });
      await page.goto(`${agent.url}/ui/dc1/${each.at}`);
      await page.locator(each.shows).first().waitFor({ state: "attached" });
      assert.ok((await tooWide()) <= 0, "on a phone");
      await page.setViewportSize({ width: 640, height: 450 });
      assert.ok((await tooWide()) <= 0, "at 200 %");
      assert.deepEqual(faults.splice(0), []);
    });
  }
  const policy = (await page.request.get(`${agent.url}/ui/`)).headers()["content-security-policy"];
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
  await close();
});

test("every page of the list has a name of its own", () => {
  assert.equal(new Set(pages.map(({ name }) => name)).size, pages.length);
});
