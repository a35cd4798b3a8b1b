// What of a page only shows itself once somebody does something: forms, dialogs, bars. Each satisfies axe and fits.
import assert from "node:assert/strict";
import { assertAccessibleInBoth, assertFits, browserTest, filledSite, watchedPage } from "./harness.mjs";
import { call } from "./world.mjs";

const site = filledSite("127.0.98.29");

const forms = [
  {
    name: "rules of an intention, with one that cannot be sent",
    at: "intentions/edit?exact=1&source=web&destination=checkout",
    open: async (page, button) => {
      await page.getByLabel("By rules").check();
      await button("Add a rule").click();
      const second = page.getByLabel("Rule 2", { exact: true });
      await second.getByRole("button", { name: /Add a header/ }).click();
      await second.getByLabel("Test of header 1").selectOption("Regex");
      await page.getByText("Rule 2: a header has no name").waitFor();
    },
  },
  {
    name: "an intention that others have changed",
    at: "intentions/edit?exact=1&source=web&destination=postgres",
    open: async (page) => {
      await page.getByLabel("Description").fill("mine");
      const body = { Action: "deny", Description: `theirs ${Math.random()}` };
      await call(site.agent.url, "PUT", "connect/intentions/exact?source=web&destination=postgres", body);
      await page.locator("#conflict").waitFor();
    },
  },
  {
    name: "maintenance",
    at: "nodes/fra-server-1",
    open: async (page, button) => {
      await button("Maintenance").click();
      await page.getByRole("dialog").getByLabel("Reason").waitFor();
    },
  },
  {
    name: "marked keys",
    at: "kv?folder=app/",
    open: async (page, button) => {
      await button("Select").click();
      await page.locator('[data-key="app/db/"]').getByRole("checkbox").check();
      await page.getByText("1 of 4 marked").waitFor();
    },
  },
  {
    name: "marked keys, to be deleted",
    at: "kv?folder=app/",
    open: async (page, button) => {
      await button("Select").click();
      await page.getByLabel("All", { exact: true }).check();
      await button("Delete").click();
      await page.getByRole("dialog").getByText("app/db/").waitFor();
    },
  },
  {
    name: "deregistering",
    at: "services/postgres/instances/fra-db-1/postgres-1",
    open: async (page, button) => {
      await button("Deregister").click();
      await page.getByRole("dialog").getByText("leaves the catalog").waitFor();
    },
  },
  {
    name: "what an action says",
    at: "services/postgres/instances/fra-db-1/postgres-1",
    open: async (page, button) => {
      await button("Copy the ID").click();
      await page.locator(".toast").waitFor();
    },
  },
];

browserTest("what shows itself by an action satisfies axe, light and dark, and fits", async (t) => {
  const { page, faults, close } = await watchedPage(site.browser, site.agent.url, {
    bypassCSP: true,
    reducedMotion: "reduce",
    permissions: ["clipboard-write"],
  });
  const button = (name) => page.getByRole("button", { name, exact: true });
  for (const { name, at, open } of forms) {
    await t.test(name, async () => {
      for (const width of [1280, 360]) {
        await page.setViewportSize({ width, height: 740 });
        await page.goto(`${site.agent.url}/ui/dc1/${at}`);
        await open(page, button);
        await assertAccessibleInBoth(page, `${name}, ${width} wide`);
        await assertFits(page);
      }
      assert.deepEqual(faults.splice(0), []);
    });
  }
  await close();
});

browserTest("whoever goes back from a dialog is not asked on the page that comes", async () => {
  const { page, close } = await watchedPage(site.browser, site.agent.url);
  const button = page.getByRole("button", { name: "Maintenance", exact: true });
  await page.goto(`${site.agent.url}/ui/dc1/nodes`);
  await page.locator('[data-node="fra-server-1"]').click();
  await button.press("Enter");
  await page.getByRole("dialog").waitFor();
  // Escape leaves it, and the keyboard is where it was.
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.locator("button:focus", { hasText: "Maintenance" }).waitFor();
  await button.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.goBack();
  await page.getByRole("heading", { name: "Nodes" }).waitFor();
  assert.equal(await page.getByRole("dialog").count(), 0);
  await page.goForward();
  await page.getByRole("heading", { name: "fra-server-1" }).waitFor();
  assert.equal(await page.getByRole("dialog").count(), 0);
  // Before a frame is drawn, too.
  const dialogs = await button.evaluate(async (opens) => {
    const drawnAnew = async () => {
      for (let i = 0; i < 5; i++) await Promise.resolve();
      return document.querySelectorAll("dialog").length;
    };
    opens.click();
    const before = await drawnAnew();
    dispatchEvent(new PopStateEvent("popstate"));
    return [before, await drawnAnew()];
  });
  assert.deepEqual(dialogs, [1, 0]);
  await close();
});
