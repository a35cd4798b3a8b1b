// Names and values as long as they may be: no page is wider for them, and what is written is written whole.
import assert from "node:assert/strict";
import { browserTest, filledSite, watchedPage } from "./harness.mjs";
import { call, register } from "./world.mjs";

const site = filledSite("127.0.98.38");
const name = `A-Name-That-Was-Made-From-A-Branch-${"x".repeat(80)}`;
const key = `${"z".repeat(250)}/${"deep/".repeat(20)}leaf`;
const editor = (page) => page.locator(".editor textarea");

browserTest("no page is wider than the window, however long names are", async () => {
  await register(site.agent.url, 0, {
    id: `${name}-1`,
    name,
    status: "critical",
    output: "y".repeat(3000),
    Tags: Array.from({ length: 30 }, (_, i) => `${"tag".repeat(20)}-${i}`),
    Meta: { [`k${"k".repeat(99)}`]: "v".repeat(400) },
  });
  await call(site.agent.url, "PUT", `kv/${key}`, "x");
  for (const width of [390, 1280]) {
    const { page, faults, close } = await watchedPage(site.browser, site.agent.url, {
      viewport: { width, height: 800 },
    });
    for (const [at, shows] of [
      ["overview", `text=${name}-1`],
      ["services", `[data-service="${name}"]`],
      [`services/${name}`, `text=${name}-1`],
      [`services/${name}/instances/fra-web-1/${name}-1`, "text=kkkk"],
      [`services/${name}/history`, ".timeline li"],
      ["nodes/fra-web-1", `[data-check="service:${name}-1"]`],
      [`kv/edit?key=${encodeURIComponent(key)}`, ".editor"],
    ]) {
      await page.goto(`${site.agent.url}/ui/dc1/${at}`);
      await page.locator(shows).first().waitFor();
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${at} at ${width}: ${over} too wide`);
    }
    assert.deepEqual(faults, []);
    await close();
  }
});

browserTest("a value as large as they may be is read, checked, changed and saved whole", async () => {
  const large = (last) => JSON.stringify({ list: Array.from({ length: 30_000 }, (_, i) => `entry ${i}`), last });
  await call(site.agent.url, "PUT", "kv/large.json", large("old"));
  const { page, close } = await watchedPage(site.browser, site.agent.url);
  await page.goto(`${site.agent.url}/ui/dc1/kv/edit?key=large.json`);
  await page.locator("#validity >> text=Valid JSON").waitFor();
  assert.equal(await page.locator(".editor pre").count(), 0, "coloured at each letter");
  assert.equal(await editor(page).inputValue(), large("old"));
  await editor(page).fill(`${large("new").slice(0, -1)},}`);
  await page.locator("#validity .critical").waitFor();
  await editor(page).fill(large("new"));
  await page.locator("#validity >> text=Valid JSON").waitFor();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Saved large.json").waitFor();
  assert.equal(await call(site.agent.url, "GET", "kv/large.json?raw"), large("new"));
  // A short one is coloured, and the field is the same one.
  await editor(page).focus();
  await editor(page).fill("{}");
  await page.locator(".editor pre").waitFor({ state: "attached" });
  await page.locator(".editor textarea:focus").waitFor();
  await close();
});
