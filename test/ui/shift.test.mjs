// Nothing jumps: what comes later has its place already, or comes below what is read.
import assert from "node:assert/strict";
import { browserTest, filledSite, watchedPage } from "./harness.mjs";
import { pages } from "./pages.mjs";
import { assertCalm, drawn, watchShifts } from "./shifts.mjs";
import { call, register } from "./world.mjs";

const site = filledSite("127.0.98.18");

for (const [screen, viewport] of [
  ["a screen", { width: 1280, height: 900 }],
  ["a phone", { width: 360, height: 740 }],
]) {
  browserTest(`no page shifts while it loads and while news come, on ${screen}`, async (t) => {
    const { page, close } = await watchedPage(site.browser, site.agent.url, { viewport });
    await watchShifts(page);
    for (const each of pages) {
      await t.test(each.name, async () => {
        await page.goto(`${site.agent.url}/ui/dc1/${each.at}`);
        await page.locator(each.shows).first().waitFor({ state: "attached" });
        await page.locator('.freshness[data-state="loading"]').waitFor({ state: "detached" });
        await assertCalm(page, "loading");
        for (const state of [{}, { status: "critical", output: "HTTP GET: 503 Service Unavailable" }]) {
          await register(site.agent.url, 1, { id: "web-2", name: "web", ...state });
          await call(site.agent.url, "PUT", "kv/app/news", JSON.stringify(state));
          await page.waitForTimeout(150);
          await drawn(page);
        }
        await assertCalm(page, "while news come");
      });
    }
    await close();
  });
}

browserTest("checks stay on their lines when their age is known, and when it becomes longer", async () => {
  for (const viewport of [
    { width: 1280, height: 900 },
    { width: 360, height: 740 },
  ]) {
    const { page, close } = await watchedPage(site.browser, site.agent.url, { viewport });
    for (const at of ["nodes/fra-web-2", "services/web/instances/fra-web-2/web-2"]) {
      await page.goto(`${site.agent.url}/ui/dc1/${at}`);
      await page.locator(".checks .since").nth(1).waitFor();
      const [unknown, short, long] = await page.evaluate(() =>
        ["", "for now", "for over 59 min"].map((text) => {
          for (const since of document.querySelectorAll(".checks .since")) since.textContent = text;
          return [...document.querySelectorAll(".checks li, .checks .copy")].map((each) => {
            const { x, y } = each.getBoundingClientRect();
            return [x, y];
          });
        }),
      );
      assert.deepEqual(unknown, long, `${at}, ${viewport.width} wide`);
      assert.deepEqual(short, long, `${at}, ${viewport.width} wide`);
    }
    await close();
  }
});
