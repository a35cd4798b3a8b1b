// Every page in every state: nothing there yet, nothing known yet, refused, not permitted.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { assertAccessibleInBoth, browserTest, devAgent, missing, startBrowser, watchedPage } from "./harness.mjs";
import { pages } from "./pages.mjs";
import { fill } from "./world.mjs";

const [empty, full] = ["127.0.98.26", "127.0.98.27"];
const agents = {};
let browser;
before(async () => {
  if (missing) return;
  agents.empty = await devAgent(empty);
  agents.full = await devAgent(full);
  await fill(agents.full.url);
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  for (const agent of Object.values(agents)) await agent.kill();
});

const reading = pages.filter(({ standing }) => !standing);
const freshness = (page, state) => page.locator(`.freshness[data-state="${state}"]`);
const note = (page, title) => page.locator("main .note h2", { hasText: title }).first();
const address = (agent, { at }) => `${agent.url}/ui/dc1/${at}`;

browserTest("on an agent that knows nothing every page says that there is nothing", async (t) => {
  const { page, faults, close } = await watchedPage(browser, agents.empty.url, {
    bypassCSP: true,
    reducedMotion: "reduce",
  });
  for (const each of reading) {
    await t.test(each.name, async () => {
      await page.goto(address(agents.empty, each));
      await page.locator(each.empty).first().waitFor();
      // What else the page asks for may come later than what it lacks.
      await page.locator(".freshness", { hasText: /^(Live|Updated (now|\d+ s ago))$/ }).waitFor();
      await assertAccessibleInBoth(page, each.name);
      assert.deepEqual(faults.splice(0), []);
    });
  }
  await close();
});

/** How each page looks while the agent answers all its questions like that. */
const answered = (name, answer, look) =>
  browserTest(name, async (t) => {
    const { page, close } = await watchedPage(browser, agents.full.url, { bypassCSP: true, reducedMotion: "reduce" });
    await page.route("**/v1/**", answer);
    for (const each of pages) {
      await t.test(each.name, async () => {
        await page.goto(address(agents.full, each));
        await page.locator("main h1").waitFor();
        if (!each.standing) {
          await look(page);
          assert.equal(await page.locator(".freshness").count(), 1);
          if (!each.shows.startsWith("h1"))
            assert.equal(await page.locator(each.shows).count(), 0, "data from nowhere");
        }
        assert.equal(await freshness(page, "fresh").count(), 0);
        await assertAccessibleInBoth(page, each.name);
      });
    }
    await close();
  });

answered(
  "while nothing is known every page says that it loads, and nothing of what may be",
  () => {}, // never
  async (page) => {
    await freshness(page, "loading").waitFor();
    await page.locator("main .ghost").first().waitFor();
    await page
      .locator("main [role=status]", { hasText: /Loading|Reading/ })
      .first()
      .waitFor({ state: "attached" });
    assert.equal(await page.locator("main .note").count(), 0);
  },
);

answered(
  "what is not permitted is called so on every page, which offers a login",
  (route) => route.fulfill({ status: 403, body: "Permission denied" }),
  async (page) => {
    await freshness(page, "denied").waitFor();
    await note(page, "Not permitted").waitFor();
    await page.locator("main .note").getByRole("button", { name: "Log in" }).first().waitFor();
  },
);

answered(
  "what an agent fails to find out is called so on every page, with its reason",
  (route) => route.fulfill({ status: 500, body: "rpc error: the disk is on fire" }),
  async (page) => {
    await freshness(page, "error").waitFor();
    await note(page, "The agent refused").waitFor();
    await page.locator("main .note", { hasText: "the disk is on fire" }).first().waitFor();
  },
);
