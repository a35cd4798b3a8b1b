// Every page: it shows its data, keeps to the rules, is readable for machines and on small screens.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertAccessibleInBoth,
  assertFits,
  assertFitsSmallest,
  browserTest,
  filledSite,
  watchedPage,
} from "./harness.mjs";
import { pages } from "./pages.mjs";

const site = filledSite("127.0.98.11");

const open = async (page, { at, shows }) => {
  await page.goto(`${site.agent.url}/ui/dc1/${at}`);
  await page.locator(shows).first().waitFor();
};

browserTest("every page shows its data and satisfies axe, light and dark", async (t) => {
  // axe is put into the page by the test: only for that the policy is set aside.
  const { page, faults, close } = await watchedPage(site.browser, site.agent.url, {
    bypassCSP: true,
    reducedMotion: "reduce",
  });
  for (const each of pages) {
    await t.test(each.name, async () => {
      await open(page, each);
      await assertAccessibleInBoth(page, each.name);
      assert.deepEqual(faults.splice(0), []);
    });
  }
  await close();
});

browserTest("every page keeps to the policy, and is no wider than a phone, nor than a screen at 200 %", async (t) => {
  const { page, faults, close } = await watchedPage(site.browser, site.agent.url);
  for (const each of pages) {
    await t.test(each.name, async () => {
      await page.setViewportSize({ width: 360, height: 740 });
      await page.goto(`${site.agent.url}/ui/dc1/${each.at}`);
      await page.locator(each.shows).first().waitFor({ state: "attached" });
      await assertFits(page);
      await assertFitsSmallest(page);
      await page.setViewportSize({ width: 1280, height: 900 });
      await assertFits(page);
      assert.deepEqual(faults.splice(0), []);
    });
  }
  const policy = (await page.request.get(`${site.agent.url}/ui/`)).headers()["content-security-policy"];
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
  await close();
});

test("every page of the list has a name of its own", () => {
  assert.equal(new Set(pages.map(({ name }) => name)).size, pages.length);
});
