// Ten thousand services: few of them are in the document, and wherever one scrolls to the right ones are.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { until } from "../e2e/agent-process.mjs";
import { assertAccessible, browserTest, devAgent, missing, startBrowser, watchedPage } from "./harness.mjs";
import { register, registerMany } from "./world.mjs";

const services = 10_000;
/** Twice what a window of 900 pixels shows, and some more. */
const rowsMax = 60;
const names = ["consul", ...Array.from({ length: services }, (_, i) => `service-${i}`)].sort();
let agent;
let browser;
before(async () => {
  if (missing) return;
  agent = await devAgent("127.0.98.19");
  await registerMany(agent.url, services);
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await agent?.kill();
});

async function openList() {
  const watched = await watchedPage(browser, agent.url, { bypassCSP: true, reducedMotion: "reduce" });
  await watched.page.goto(`${agent.url}/ui/dc1/services?sort=name`);
  await watched.page.locator("[data-service]").first().waitFor();
  return watched;
}

/** The rows that are drawn, what covers the window from below the top bar to its end, and how long the page is. */
const look = (page) =>
  page.evaluate(() => {
    const rows = [...document.querySelectorAll("[data-service]")].map((row) => {
      const item = row.closest("li");
      const { top, bottom } = item.getBoundingClientRect();
      const { at } = item.dataset;
      return {
        name: row.dataset.service,
        at: Number(at),
        position: item.ariaPosInSet,
        of: item.ariaSetSize,
        top,
        bottom,
      };
    });
    const list = document.querySelector(".list").getBoundingClientRect();
    const from = Math.max(list.top, document.querySelector(".top").getBoundingClientRect().bottom);
    return { rows, from, to: Math.min(list.bottom, innerHeight), height: list.height };
  });

/** Waits until the window is covered by rows, then looks whether they are the ones that belong there. */
async function assertRight(page, where) {
  let seen;
  await until(
    async () => {
      seen = await look(page);
      return seen.rows.length > 0 && seen.rows[0].top <= seen.from + 2 && seen.rows.at(-1).bottom >= seen.to - 1;
    },
    () =>
      `${where}: rows from ${seen?.rows[0]?.top} to ${seen?.rows.at(-1)?.bottom}, window ${seen?.from} to ${seen?.to}`,
  );
  const { rows, height } = seen;
  assert.ok(rows.length <= rowsMax, `${where}: ${rows.length} rows are in the document`);
  const rowHeight = height / names.length;
  const [first] = rows;
  for (const [i, row] of rows.entries()) {
    assert.equal(row.at, first.at + i, where);
    assert.equal(row.name, names[row.at], where);
    assert.equal(row.position, String(row.at + 1), where);
    assert.equal(row.of, String(names.length), where);
    assert.ok(Math.abs(row.top - first.top - i * rowHeight) < 2, `${where}: ${row.name} is at ${row.top}`);
  }
  return rows;
}

browserTest("at every position the right rows are there, and few", async () => {
  const { page, faults, close } = await openList();
  await assertRight(page, "at the start");
  const end = await page.evaluate(() => document.documentElement.scrollHeight - innerHeight);
  for (const part of [0.0001, 0.01, 0.25, 0.5, 0.7331, 0.99, 1, 0.3, 0]) {
    await page.evaluate((y) => scrollTo(0, y), part * end);
    const rows = await assertRight(page, `at ${part}`);
    // Not only in place but under the eye: nothing lies over the middle of the window.
    const middle = await page.evaluate(
      () => document.elementFromPoint(innerWidth / 2, innerHeight / 2).closest("li")?.dataset.at,
    );
    assert.ok(
      rows.some(({ at }) => at === Number(middle)),
      `at ${part}: ${middle} is in the middle`,
    );
  }
  // Step by step, as a wheel does it.
  for (let i = 0; i < 20; i++) {
    await page.mouse.wheel(0, 400);
    await assertRight(page, `after ${i + 1} turns of the wheel`);
  }
  await assertAccessible(page, "a long list");
  assert.deepEqual(faults, []);
  await close();
});

browserTest("the keyboard walks to the ends and over the edge of what is drawn", async () => {
  const { page, close } = await openList();
  const focused = (name) =>
    until(
      () => page.evaluate((wanted) => document.activeElement?.dataset?.service === wanted, name),
      () => `${name} has not the focus`,
    );
  await page.keyboard.press("/");
  await page.keyboard.press("ArrowDown");
  await focused(names[0]);
  // Rows that go take the keyboard along; it is on the next one before another key can be pressed.
  await page.evaluate(() => {
    globalThis.nowhere = 0;
    new MutationObserver(() => {
      if (document.activeElement === document.body) globalThis.nowhere++;
    }).observe(document.querySelector(".list"), { childList: true });
  });
  await page.keyboard.press("End");
  await focused(names.at(-1));
  await assertRight(page, "at the end");
  for (let i = 2; i < 40; i++) {
    await page.keyboard.press("k");
    await focused(names.at(-i));
  }
  await assertRight(page, "above the end");
  await page.keyboard.press("Home");
  await focused(names[0]);
  assert.equal(await page.evaluate(() => globalThis.nowhere), 0);
  await close();
});

browserTest("letters that become larger make higher rows, of which none lies over the next", async () => {
  const { page, close } = await openList();
  const [small] = await assertRight(page, "at first");
  await page.evaluate(() => document.documentElement.style.setProperty("font-size", "200%"));
  let seen;
  await until(
    async () => {
      const { rows } = await look(page);
      seen = rows.slice(0, 2);
      const higher = seen.every(({ top, bottom }) => bottom - top > 1.5 * (small.bottom - small.top));
      return higher && seen.length === 2 && Math.abs(seen[1].top - seen[0].bottom) < 2;
    },
    () => JSON.stringify(seen),
  );
  await assertRight(page, "with larger letters");
  await close();
});

browserTest("a search finds one of all, and a change is seen at the place where one is", async () => {
  const { page, close } = await openList();
  const at = names.indexOf("service-7000");
  await page.evaluate((part) => scrollTo(0, part * document.querySelector(".list").scrollHeight), at / names.length);
  await page.locator('[data-service="service-7000"][data-health="passing"]').waitFor();
  await register(agent.url, 0, { id: "service-7000", status: "critical", Meta: {}, TaggedAddresses: {} });
  await page.locator('[data-service="service-7000"][data-health="critical"]').waitFor();
  await assertRight(page, "after the change");
  await page.getByLabel("Search services").fill("service-7000");
  await page.getByText("1 match", { exact: true }).waitFor();
  assert.deepEqual(await page.locator("[data-service]").evaluateAll((rows) => rows.map((row) => row.dataset.service)), [
    "service-7000",
  ]);
  await page.getByLabel("Search services").fill("is:failing");
  await page.getByText("1 match", { exact: true }).waitFor();
  await page.getByLabel("Search services").fill("service-70");
  await page.getByText("111 matches", { exact: true }).waitFor();
  await close();
});

test("the whole site is below 250 kB compressed", () => {
  const assets = fileURLToPath(new URL("../../packages/ui/dist/assets/", import.meta.url));
  const bytes = readdirSync(assets).map((name) => gzipSync(readFileSync(assets + name)).length);
  const sum = bytes.reduce((a, b) => a + b, 0);
  assert.ok(sum > 0 && sum < 250_000, `${sum} bytes`);
});
