// An agent and a browser for one test file, and what every page must keep to.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { AgentProcess, until } from "../e2e/agent-process.mjs";
import { fill } from "./world.mjs";

export const chromium = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";
const require = createRequire(new URL("../../packages/ui/package.json", import.meta.url));

/** Why there is nothing to test with, or false. */
export const missing = existsSync(chromium) ? false : `no browser at ${chromium}: install chromium or set CHROMIUM_BIN`;

/** Pages that a test has opened and not closed: what they show says why it failed. */
const opened = new Set();

export const browserTest = (name, run) =>
  test(name, { skip: missing, timeout: 600_000 }, async (t) => {
    try {
      await run(t);
    } catch (error) {
      const shown = await Promise.all([...opened].map(shownBy));
      if (error instanceof Error) error.message = [error.message, ...shown].join("\n");
      throw error;
    } finally {
      // What a test that failed left open would go on asking, under the next one.
      const left = [...opened].map(({ page }) => page.context().close());
      opened.clear();
      await Promise.allSettled(left);
    }
  });

async function shownBy({ page, asked, faults }) {
  const text = await page
    .locator("main")
    // biome-ignore lint/performance/useDomNodeTextContent: as it is seen, line by line
    .evaluate((main) => main.innerText, undefined, { timeout: 5_000 })
    .catch((error) => `nothing to be read: ${error.message}`);
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return [`${page.url()} shows:`, ...lines.slice(0, 20), "asked last:", ...asked.slice(-8), ...faults.slice(-3)].join(
    "\n",
  );
}

export const axeSource = () => require.resolve("axe-core/axe.min.js");

export async function startBrowser() {
  const { chromium: engine } = require("playwright-core");
  const args = ["--no-sandbox", "--disable-dev-shm-usage"];
  return engine.launch({ executablePath: chromium, args, timeout: 120_000 });
}

/** A development agent that leads. */
export function devAgent(address, { args = [], ...rest } = {}) {
  return new AgentProcess({ address, args: ["-dev", "-ui", "-node=fra-server-1", ...args], ...rest }).ready();
}

/** A browser, and an agent that knows the world: both are there while the tests of a file run. */
export function filledSite(address) {
  const site = { agent: undefined, browser: undefined };
  before(async () => {
    if (missing) return;
    site.agent = await devAgent(address);
    await fill(site.agent.url);
    site.browser = await startBrowser();
  });
  after(async () => {
    await site.browser?.close();
    await site.agent?.kill();
  });
  return site;
}

/**
 * A page that remembers what it must not do: `faults` has every message of the console, error and request to another
 * host. A refusal of the agent is on the console too; tests that provoke one expect it.
 */
export async function watchedPage(browser, origin, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    acceptDownloads: true,
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const faults = [];
  const asked = [];
  const one = { page, asked, faults };
  opened.add(one);
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`error: ${error.stack}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    asked.push(`${request.method()} ${url.pathname}${url.search}`);
    if (url.protocol.startsWith("http") && url.origin !== origin) faults.push(`request to ${url.origin}`);
  });
  const close = () => {
    opened.delete(one);
    return context.close();
  };
  page.on("response", async (response) => {
    if (response.status() < 400) return;
    const text = await response.text().catch(() => "");
    asked.push(`${response.url()}: ${response.status()} ${text.slice(0, 200)}`);
  });
  return { page, faults, close };
}

const everything = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** Fails with what axe has found against WCAG 2.2 A and AA, or against the rules given. */
export async function assertAccessible(page, where, runOnly = everything) {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.addScriptTag({ path: axeSource() });
  const violations = await page.evaluate(async (rules) => {
    const { violations: found } = await globalThis.axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
    return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
  }, runOnly);
  assert.deepEqual(violations, [], where);
}

/** The same in both themes. */
export async function assertAccessibleInBoth(page, where) {
  await page.emulateMedia({ colorScheme: "light" });
  await page.locator('html[data-theme="light"]').waitFor();
  await assertAccessible(page, `${where}, light`);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.locator('html[data-theme="dark"]').waitFor();
  await assertAccessible(page, `${where}, dark`, ["color-contrast"]);
}

/** What measures itself may need a frame after its window has another size: what is too wide stays so. */
async function assertNoWider(page, width, where) {
  let over;
  await until(
    async () => {
      const seen = await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth - innerWidth]);
      over = seen[0] === width ? `it is ${seen[1]} too wide` : `the window is ${seen[0]} wide, not ${width}`;
      return seen[0] === width && seen[1] <= 0;
    },
    () => `${where}: ${over}`,
    30_000,
  );
}

const lettersOf = (page) =>
  page.evaluate(() => {
    const probe = document.body.appendChild(document.createElement("p"));
    probe.style.fontSize = "medium";
    const size = Number.parseFloat(getComputedStyle(probe).fontSize);
    probe.remove();
    return size;
  });

/** Names in lists that are cut short. */
const cutNames = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll(".list:not(.virtual) .item .title")]
      .filter((title) =>
        [title, title.parentElement].some(
          ({ clientWidth, scrollWidth }) => clientWidth > 0 && scrollWidth > clientWidth,
        ),
      )
      .map(({ textContent }) => textContent),
  );

/** The smallest window there is: no page is wider, nor with letters twice as large, and names are there to their end. */
export async function assertFitsSmallest(page) {
  const width = 320;
  await page.setViewportSize({ width, height: 640 });
  for (const size of ["", "200%"]) {
    await page.evaluate((to) => document.documentElement.style.setProperty("font-size", to), size);
    const where = `${width} wide${size && `, letters of ${size}`}`;
    await assertNoWider(page, width, where);
    assert.deepEqual(await cutNames(page), [], where);
  }
  await page.evaluate(() => document.documentElement.style.setProperty("font-size", ""));
}

/** No page is wider than its window: as it is, and from a screen on at twice the zoom and with letters twice as large. */
export async function assertFits(page) {
  const { width, height } = page.viewportSize();
  await assertNoWider(page, width, `${width} wide`);
  if (width < 1280) return;
  await page.setViewportSize({ width: width / 2, height: height / 2 });
  await assertNoWider(page, width / 2, "at 200 %");
  await page.setViewportSize({ width, height });
  // As the browser's own setting does it.
  const browser = await page.context().newCDPSession(page);
  const letters = (standard) => browser.send("Page.setFontSizes", { fontSizes: { standard } });
  await letters(32);
  await until(
    async () => (await lettersOf(page)) === 32,
    () => "the letters have not become larger",
  );
  await assertNoWider(page, width, "with letters of 200 %");
  await letters(16);
  await until(
    async () => (await lettersOf(page)) === 16,
    () => "the letters have not become small again",
  );
  await browser.detach();
  // As a zoom of the text alone does it: what the window's width is compared with stays as it was.
  const root = (size) => page.evaluate((to) => document.documentElement.style.setProperty("font-size", to), size);
  await root("200%");
  await assertNoWider(page, width, "with the text alone at 200 %");
  const share = await page.evaluate(() => document.querySelector("main").getBoundingClientRect().width / innerWidth);
  assert.ok(share > 0.9, `with the text alone at 200 % the page has ${share.toFixed(2)} of the window`);
  await root("");
}
