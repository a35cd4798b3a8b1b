// What an agent has said that does not answer any more is called old on every page, and all is live when it is back.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { AgentProcess, until } from "../e2e/agent-process.mjs";
import { browserTest, devAgent, missing, startBrowser, watchedPage } from "./harness.mjs";
import { pages } from "./pages.mjs";
import { fill } from "./world.mjs";

const address = "127.0.98.28";
/** Where it answers too: a browser holds six connections to an address, and each tab wants two. */
const doors = Array.from({ length: 12 }, (_, i) => `127.0.98.${110 + i}`);
let agent;
let browser;
let directory;
const startAgent = async () => {
  agent = await devAgent(address, { args: [`-hcl=addresses { http = "${[address, ...doors].join(" ")}" }`] });
  await fill(agent.url);
};
before(async () => {
  if (missing) return;
  directory = mkdtempSync(join(tmpdir(), "tribune-ui-away-"));
  await startAgent();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await agent?.kill();
  if (directory) rmSync(directory, { recursive: true, force: true });
});

const freshness = (page, state) => page.locator(`.freshness[data-state="${state}"]`);
const placeOf = ({ at }, door = address) => `http://${door}:8500/ui/dc1/${at}`;
const aged = /^As of (now|\d+ (s|min) ago)$/;

browserTest("without a leader what is known stays with its age, and the agent's reason", async () => {
  const { page, close } = await watchedPage(browser, agent.url);
  await page.goto(placeOf({ at: "services" }));
  await page.locator('[data-service="web"]').waitFor();
  await agent.kill();
  agent = new AgentProcess({
    address,
    args: [
      "-ui",
      "-server",
      "-bootstrap-expect=2",
      `-data-dir=${directory}`,
      '-hcl=performance { rpc_hold_timeout = "50ms" }',
    ],
  });
  await page.locator("main .banner", { hasText: /No cluster leader.*as of (now|\d+ (s|min) ago)/ }).waitFor();
  assert.match(await freshness(page, "error").textContent(), aged);
  assert.equal(await page.locator('[data-service="web"]').count(), 1);
  await page.getByRole("link", { name: "Nodes" }).click();
  await page.locator("main .note", { hasText: "No cluster leader" }).waitFor();
  await agent.kill();
  await startAgent();
  await page.locator('[data-node="fra-web-2"]').waitFor();
  await close();
});

// So many tabs look at once: what they wait for they wait for together.
for (let from = 0; from < pages.length; from += doors.length) {
  const some = pages.slice(from, from + doors.length);
  const next = (i) => pages[(from + doors.length + i) % pages.length];
  const names = `${some[0].name} to ${some.at(-1).name}`;
  browserTest(`no page calls fresh what an agent said that is away; all come back with it: ${names}`, async () => {
    const opened = await Promise.all(some.map(() => watchedPage(browser, agent.url)));
    // A dozen of them redraw at once.
    for (const { page } of opened) page.setDefaultTimeout(240_000);
    const each = (run) => Promise.all(opened.map(({ page }, i) => run(page, some[i], next(i), doors[i])));
    // One after the other: a dozen pages that load at once are slow on any machine.
    for (const [i, { page }] of opened.entries()) {
      await page.goto(placeOf(some[i], doors[i]));
      await page.locator(some[i].shows).first().waitFor({ state: "attached" });
      await freshness(page, "loading").waitFor({ state: "detached" });
    }
    await agent.kill();
    await each(async (page, now) => {
      // A last word of the agent's may still be on its way when the first question fails.
      let texts;
      await until(
        async () => {
          await page.locator("#away", { hasText: /What is shown is as of (now|\d+ (s|min) ago)/ }).waitFor();
          texts = await page.locator(".freshness").allTextContents();
          return texts.every((text) => aged.test(text));
        },
        () => `${now.name} says "${texts}" of its age while the agent is away`,
        240_000,
      );
      assert.ok((await page.locator(now.shows).count()) > 0, `${now.name} is still shown`);
    });
    // Gone on to by a link, without a new document.
    await each(async (page, _, then, door) => {
      await page.evaluate(
        (to) => {
          const link = document.createElement("a");
          link.href = to;
          document.querySelector("main").append(link);
          link.click();
          link.remove();
        },
        placeOf(then, door),
      );
      await until(
        async () => {
          const texts = await page.locator(".freshness").allTextContents();
          const said = await page.locator("main .note", { hasText: "The agent does not answer" }).count();
          return then.standing || said > 0 || (texts.length === 1 && aged.test(texts[0]));
        },
        () => `${then.name} does not say that the agent is away`,
        240_000,
      );
      assert.equal(await page.locator("#away").count(), 1, then.name);
      assert.equal(await freshness(page, "fresh").count(), 0, then.name);
    });
    await startAgent();
    await each(async (page, _, then) => {
      await page.locator(then.shows).first().waitFor({ state: "attached" });
      await page.locator("#away").waitFor({ state: "detached" });
      await freshness(page, "away").waitFor({ state: "detached" });
    });
    for (const { close } of opened) await close();
  });
}
