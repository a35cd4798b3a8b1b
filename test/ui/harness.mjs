// An agent and a browser for one test file, and what every page must keep to.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { AgentProcess } from "../e2e/agent-process.mjs";

export const chromium = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";
const require = createRequire(new URL("../../packages/ui/package.json", import.meta.url));

/** Why there is nothing to test with, or false. */
export const missing = existsSync(chromium) ? false : `no browser at ${chromium}: install chromium or set CHROMIUM_BIN`;

export const browserTest = (name, run) => test(name, { skip: missing, timeout: 120_000 }, run);

export const axeSource = () => require.resolve("axe-core/axe.min.js");

export async function startBrowser() {
  const { chromium: engine } = require("playwright-core");
  return engine.launch({ executablePath: chromium, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** A development agent that leads. */
export function devAgent(address, { args = [], ...rest } = {}) {
  return new AgentProcess({ address, args: ["-dev", "-ui", "-node=fra-server-1", ...args], ...rest }).ready();
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
  page.setDefaultTimeout(15_000);
  const faults = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`error: ${error.stack}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith("http") && url.origin !== origin) faults.push(`request to ${url.origin}`);
  });
  return { page, faults, close: () => context.close() };
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
