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

for (const colorScheme of ["light", "dark"]) {
  browserTest(`every page shows its data and satisfies axe, ${colorScheme}`, async (t) => {
    // axe is put into the page by the test: only for that the policy is set aside.
    const { page, faults, close } = await watchedPage(browser, agent.url, { colorScheme, bypassCSP: true, reducedMotion: "reduce" });
    for (const each of pages) {
      await t.test(each.name, async () => {
        await open(page, each);
        await assertAccessible(page, `${each.name} in ${colorScheme}`);
        assert.deepEqual(faults.splice(0), []);
      });
    }
    await close();
  });
}

browserTest("every page keeps to the policy: one host, nothing inline", async (t) => {
  const { page, faults, close } = await watchedPage(browser, agent.url);
  for (const each of pages) {
    await t.test(each.name, async () => {
      await open(page, each);
      assert.deepEqual(faults.splice(0), []);
    });
  }
  const policy = (await page.request.get(`${agent.url}/ui/`)).headers()["content-security-policy"];
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
  await close();
});

browserTest("no page is wider than a phone, nor than a screen at 200 %", async (t) => {
  for (const [what, width, height] of [
    ["phone", 360, 740],
    ["200 %", 640, 450],
  ]) {
    const { page, close } = await watchedPage(browser, agent.url, { viewport: { width, height } });
    for (const each of pages) {
      await t.test(`${each.name}, ${what}`, async () => {
        await page.goto(`${agent.url}/ui/dc1/${each.at}`);
        await page.locator(each.shows).first().waitFor({ state: "attached" });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(wide, 0);
      });
    }
    await close();
  }
});

test("every page of the list has a name of its own", () => {
  assert.equal(new Set(pages.map(({ name }) => name)).size, pages.length);
});
