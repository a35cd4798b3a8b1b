// What somebody writes stays theirs until they save it or throw it away, and the keyboard stays where they are.
import assert from "node:assert/strict";
import { until } from "../e2e/agent-process.mjs";
import { browserTest, filledSite, watchedPage } from "./harness.mjs";
import { drawn } from "./shifts.mjs";
import { call, registerMany } from "./world.mjs";

const site = filledSite("127.0.98.37");

const session = async (at) => {
  const watched = await watchedPage(site.browser, site.agent.url);
  const go = (to) => watched.page.goto(`${site.agent.url}/ui/dc1/${to}`);
  await go(at);
  const button = (name) => watched.page.getByRole("button", { name, exact: true });
  const link = (name) => watched.page.getByRole("link", { name, exact: true });
  return { ...watched, go, button, link };
};
/** What is asked for from now on is answered when the returned function is called. */
const holdStream = async (page) => {
  let answer;
  const held = new Promise((done) => {
    answer = done;
  });
  await page.route("**/v1/stream*", async (route) => {
    await held;
    await route.continue().catch(() => {}); // of a page that has been left meanwhile
  });
  return answer;
};
const raw = (key) => call(site.agent.url, "GET", `kv/${key}?raw`);
const editor = (page) => page.locator(".editor textarea");
const set = (Key, value) => ({ KV: { Verb: "set", Key, Value: Buffer.from(value).toString("base64") } });
const focused = (page, selector) => page.locator(`${selector}:focus`).waitFor();

browserTest("a key that agents would take for another one is not opened, written or deleted as that", async () => {
  await call(site.agent.url, "PUT", "txn", [
    set("odd/b", "plain"),
    set("odd//b", "two slashes"),
    set("odd/a\tb", "a tab"),
    set("odd/100%", "per cent"),
    set("odd/😀 &?#+", "all sorts"),
  ]);
  const { page, faults, go, button, close } = await session("kv/edit?key=odd%2F%2Fb");
  const refusal = page.getByRole("heading", { name: "Browsers cannot ask for this name" });
  await refusal.waitFor();
  assert.equal(await editor(page).count(), 0);
  for (const to of ["kv?folder=odd%2F%2F", "kv/edit?key=odd%2Fa%09b", "kv/edit?key=%2Fodd%2Fb"]) {
    await go(to);
    await refusal.waitFor();
  }
  await go("kv/edit?folder=odd%2F");
  await page.getByLabel("Key", { exact: true }).fill("odd//b");
  await page.getByText("have no address on the web").waitFor();
  assert.equal(await button("Create").isDisabled(), true);
  // What looks as odd and has an address is written as it is called.
  for (const [key, value] of [
    ["odd/100%", "per cent"],
    ["odd/😀 &?#+", "all sorts"],
  ]) {
    await go("kv?folder=odd%2F");
    await page.locator(`[data-key="${key}"]`).click();
    await editor(page).waitFor();
    assert.equal(await editor(page).inputValue(), value);
    await editor(page).fill(`${value}, changed`);
    await button("Save").click();
    await page.getByText(`Saved ${key}`).waitFor();
    assert.equal(await raw(key.split("/").map(encodeURIComponent).join("/")), `${value}, changed`);
  }
  // By a transaction the others are reached: one goes, its neighbour stays.
  await go("kv?folder=odd%2F");
  await button("Select").click();
  await page.locator('[data-key="odd//"]').getByRole("checkbox").check();
  await button("Delete").click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.locator('[data-key="odd//"]').waitFor({ state: "detached" });
  assert.equal(await raw("odd/b"), "plain");
  assert.deepEqual(faults, []);
  await close();
});

browserTest("who goes on writing while it is saved is in no conflict with what was saved", async () => {
  const { page, button, close } = await session("kv/edit?key=flags/beta");
  await editor(page).fill("one");
  // The agent's news of the change come before its answer.
  let answer;
  const held = new Promise((done) => {
    answer = done;
  });
  await page.route("**/v1/kv/flags/beta?cas=*", async (route) => {
    const response = await route.fetch();
    await held;
    await route.fulfill({ response });
  });
  await editor(page).press("Control+Enter");
  await until(
    async () => (await raw("flags/beta")) === "one",
    () => "not saved",
  );
  await page.keyboard.type(" and more");
  answer();
  await page.getByText("Saved flags/beta").waitFor();
  await button("Save").and(page.locator(":enabled")).waitFor();
  assert.equal(await page.locator("#conflict").count(), 0);
  assert.equal(await editor(page).inputValue(), "one and more");
  await page.unroute("**/v1/kv/flags/beta?cas=*");
  await button("Save").click();
  await until(
    async () => (await raw("flags/beta")) === "one and more",
    () => "the rest was not saved",
  );
  await close();
});

browserTest(
  "what is saved and at once deleted is in no conflict with the save, however late its news come",
  async () => {
    await call(site.agent.url, "PUT", "kv/flags/late", "old");
    const { page, button, close } = await session("kv/edit?key=flags/late");
    await page.addInitScript(() => {
      const { read } = ReadableStreamDefaultReader.prototype;
      ReadableStreamDefaultReader.prototype.read = async function (...rest) {
        const got = await read.apply(this, rest);
        while (globalThis.deaf) await new Promise((done) => setTimeout(done, 20));
        return got;
      };
    });
    const hear = (how) => page.evaluate((to) => (globalThis.deaf = !to), how);
    await page.reload();
    await editor(page).waitFor();
    await hear(false);
    await editor(page).fill("new");
    await button("Save").click();
    await page.getByText("Saved flags/late").waitFor();
    assert.equal(await button("Delete").isDisabled(), true, "by the index of before");
    await hear(true);
    await button("Delete").click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("Deleted flags/late").waitFor();
    await close();
  },
);

browserTest("what is typed in the moment in which somebody else's change comes is not written over by it", async () => {
  await call(site.agent.url, "PUT", "kv/flags/moment", "old");
  const change = { Name: "moment", Kind: "service-defaults", Protocol: "http" };
  await call(site.agent.url, "PUT", "config", change);
  const body = { Action: "allow", Description: "old" };
  const intention = "connect/intentions/exact?source=moment&destination=web";
  await call(site.agent.url, "PUT", intention, body);
  for (const [at, field, news] of [
    ["kv/edit?key=flags/moment", "Value of flags/moment", () => call(site.agent.url, "PUT", "kv/flags/moment", "new")],
    [
      "config-entries/edit?kind=service-defaults&name=moment",
      "service-defaults moment, as JSON",
      () => call(site.agent.url, "PUT", "config", { ...change, Protocol: "grpc" }),
    ],
    [
      "intentions/edit?exact=1&source=moment&destination=web",
      "Description",
      () => call(site.agent.url, "PUT", intention, { ...body, Action: "deny" }),
    ],
  ]) {
    const { page, close } = await session(at);
    // Types as soon as the page has taken in what came: before a frame is painted, and whatever is done after it.
    await page.addInitScript(() => {
      const { read } = ReadableStreamDefaultReader.prototype;
      const type = async (input) => {
        for (let i = 0; i < 30; i++) await Promise.resolve();
        input.value = "mine";
        input.dispatchEvent(new InputEvent("input", { bubbles: true }));
        globalThis.typed = true;
      };
      ReadableStreamDefaultReader.prototype.read = async function (...rest) {
        const got = await read.apply(this, rest);
        if (globalThis.field && /^event: ?(change|snapshot)/m.test(got.value)) {
          void type(globalThis.field);
          globalThis.field = undefined;
        }
        return got;
      };
    });
    await page.reload();
    const written = page.locator("main").getByLabel(field).and(page.locator("textarea, input"));
    await page.locator('.freshness[data-state="fresh"]').waitFor();
    await written.evaluate((input) => (globalThis.field = input));
    await news();
    await page.waitForFunction(() => globalThis.typed);
    await drawn(page);
    assert.equal(await written.inputValue(), "mine", at);
    await close();
  }
});

browserTest("an entry that the agent lays out in its own way is saved twice without a conflict", async () => {
  const { page, button, close } = await session("config-entries/edit?kind=service-defaults&name=web");
  await page.getByText("Valid JSON").waitFor();
  assert.equal(await button("Save").isDisabled(), true, "nothing to save");
  for (const team of ["core", "edge"]) {
    await editor(page).fill(`{"Kind":"service-defaults","Name":"web","Protocol":"http","Meta":{"team":"${team}"}}`);
    await button("Save").click();
    await until(
      async () => (await call(site.agent.url, "GET", "config/service-defaults/web")).includes(team),
      () => "not saved",
    );
    await until(
      async () => /\n {2}"Meta"/.test(await editor(page).inputValue()),
      () => "not laid out as the agent has it",
    );
    assert.equal(await page.locator("#conflict").count(), 0);
  }
  await close();
});

browserTest("what is written and not saved is there again after a look elsewhere", async () => {
  const places = [
    ["kv/edit?key=README", editor, "mine"],
    ["config-entries/edit?kind=service-defaults&name=checkout", editor, '{"Kind": "service-defaults"}'],
    ["queries/create", editor, "{}"],
    ["intentions/edit?exact=1&source=web&destination=postgres", (page) => page.getByLabel("Description"), "mine"],
  ];
  for (const [at, field, text] of places) {
    const { page, button, link, close } = await session(at);
    await field(page).waitFor();
    const before = await field(page).inputValue();
    await field(page).fill(text);
    await link("Nodes").click();
    await page.locator("[data-node]").first().waitFor();
    await page.goBack();
    await button("Discard it").waitFor();
    assert.equal(await field(page).inputValue(), text, at);
    await button("Discard it").click();
    assert.equal(await field(page).inputValue(), before, at);
    await link("Nodes").click();
    await page.locator("[data-node]").first().waitFor();
    await page.goBack();
    await field(page).waitFor();
    assert.equal(await button("Discard it").count(), 0, at);
    await close();
  }
});

browserTest("what is written is for one folder and one login, and goes with what is deleted", async () => {
  const { page, button, close } = await session("kv/edit?folder=app%2F");
  const name = page.getByLabel("Key", { exact: true });
  await name.fill("app/draft");
  await editor(page).fill("mine");
  // Of another folder nothing is written.
  await page.keyboard.press("Control+k");
  await page.keyboard.type("create a key");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/kv/edit");
  await until(
    async () => (await name.inputValue()) === "",
    () => "the name of the other folder",
  );
  assert.equal(await editor(page).inputValue(), "");
  await page.goBack();
  await button("Discard it").waitFor();
  assert.equal(await editor(page).inputValue(), "mine");
  await button("Log in").click();
  await page.getByLabel("Secret of the token").fill("11111111-2222-3333-4444-555555555555");
  await page.getByRole("dialog").getByRole("button", { name: "Log in" }).click();
  await button("Log out").waitFor();
  assert.equal(await editor(page).inputValue(), "mine");
  // Whoever logs in next must not see it: that it goes is asked first.
  await button("Log out").click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  assert.equal(await editor(page).inputValue(), "mine");
  await button("Log out").click();
  await page.getByRole("dialog").getByRole("button", { name: "Log out" }).click();
  await button("Log in").waitFor();
  await until(
    async () => (await name.inputValue()) === "app/",
    () => "what was written is still there",
  );
  await name.fill("app/other");
  assert.equal(await editor(page).inputValue(), "");
  await name.fill("app/");
  // A draft of what is deleted would have every reload ask.
  const entry = { Kind: "service-defaults", Name: "gone", Protocol: "http" };
  await call(site.agent.url, "PUT", "config", entry);
  await page.goto(`${site.agent.url}/ui/dc1/config-entries/edit?kind=service-defaults&name=gone`);
  await editor(page).fill("{}");
  await button("Delete").click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.waitForURL("**/config-entries");
  await page.getByText("Entry deleted").waitFor();
  page.on("dialog", (dialog) => {
    assert.fail(`asked: ${dialog.type()}`);
  });
  await page.reload();
  await page.getByRole("heading", { name: "Config entries" }).waitFor();
  await close();
});

browserTest("a browser asks before a reload loses what is written, and only then", async () => {
  const { page, close } = await session("kv/edit?key=README");
  const asked = [];
  page.on("dialog", (dialog) => {
    asked.push(dialog.type());
    void dialog.accept();
  });
  await editor(page).fill("mine");
  await page.reload();
  assert.deepEqual(asked.splice(0), ["beforeunload"]);
  await editor(page).fill("mine");
  await page.getByRole("button", { name: "Undo all" }).click();
  await page.reload();
  assert.deepEqual(asked, []);
  await close();
});

browserTest("the keyboard goes into the folder that was opened, and back to where it came from", async () => {
  const { page, close } = await session("kv");
  await page.locator('[data-key="app/"]').focus();
  await page.keyboard.press("Enter");
  await page.locator('[data-key="app/config.json"]').waitFor();
  await focused(page, "main");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.closest("main") !== null), true);
  await page.locator('[data-key="app/config.json"]').press("Enter");
  await editor(page).waitFor();
  await page.goBack();
  await focused(page, '[data-key="app/config.json"]');
  await page.goBack();
  await focused(page, '[data-key="app/"]');
  await close();
});

browserTest("the keyboard is on a page as soon as it is drawn, and not taken from whoever was quicker", async () => {
  const { page, link, close } = await session("services");
  await page.locator('[data-service="web"]').waitFor();
  const held = await link("Nodes").evaluate(async (to) => {
    to.click();
    for (let i = 0; i < 5; i++) await Promise.resolve();
    const first = document.activeElement.localName;
    document.querySelector("#search").focus();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return [first, document.activeElement.id];
  });
  assert.deepEqual(held, ["main", "search"]);
  await close();
});

browserTest("the keyboard comes back to where it was however late the rows are", async () => {
  const { page, close } = await session("kv");
  await page.locator('[data-key="app/"]').press("Enter");
  await page.locator('[data-key="app/config.json"]').waitFor();
  await page.clock.install();
  await page.reload();
  await page.locator('[data-key="app/config.json"]').waitFor();
  // What was read before the reload is forgotten, and what is asked for now is not answered yet.
  const answer = await holdStream(page);
  await page.goBack();
  await page.locator("main .ghost").first().waitFor();
  await page.clock.fastForward("01:00");
  await page.clock.runFor(100);
  answer();
  await focused(page, '[data-key="app/"]');
  await close();
});

browserTest("going back further, or elsewhere, ends the coming back to a page whose rows are late", async () => {
  const names = Array.from({ length: 240 }, (_, at) => `long/${1000 + at}/in/key`);
  for (let at = 0; at < names.length; at += 60)
    await call(
      site.agent.url,
      "PUT",
      "txn",
      names.slice(at, at + 60).map((name) => set(name, "x")),
    );
  const { page, close } = await session("kv?folder=long/");
  await page.locator('[data-key="long/1000/"]').press("End");
  await focused(page, '[data-key="long/1239/"]');
  const scroll = await page.evaluate(() => scrollY);
  assert.ok(scroll > 1000);
  await page.keyboard.press("Enter");
  await page.locator('[data-key="long/1239/in/"]').press("Enter");
  await page.locator('[data-key="long/1239/in/key"]').waitFor();
  await page.reload();
  await page.locator('[data-key="long/1239/in/key"]').waitFor();
  const answer = await holdStream(page);
  for (const folder of ["long/1239/", "long/"]) {
    await page.goBack();
    await page.waitForURL((url) => url.searchParams.get("folder") === folder);
    await page.locator("main .ghost").first().waitFor();
    await drawn(page);
  }
  answer();
  await focused(page, '[data-key="long/1239/"]');
  await drawn(page);
  assert.ok((await page.evaluate(() => scrollY)) > 1000, "the page above was come back to, and not left at its place");
  await close();
});

browserTest("the keyboard is not taken from where it was moved without a key while rows were late", async () => {
  const { page, link, close } = await session("kv");
  await page.locator('[data-key="app/"]').press("Enter");
  await page.locator('[data-key="app/config.json"]').waitFor();
  await page.reload();
  await page.locator('[data-key="app/config.json"]').waitFor();
  const answer = await holdStream(page);
  await page.goBack();
  await page.locator("main .ghost").first().waitFor();
  await drawn(page);
  await link("Nodes").focus();
  answer();
  await page.locator('[data-key="app/"]').waitFor();
  await drawn(page);
  assert.equal(await link("Nodes").evaluate((it) => it === document.activeElement), true);
  await close();
});

browserTest("whoever walks through a list and searches then is not taken back to the list", async () => {
  const { page, close } = await session("services");
  await page.locator('[data-service="web"]').waitFor();
  for (const key of ["/", "ArrowDown", "ArrowDown", "/"]) await page.keyboard.press(key);
  await page.keyboard.type("er", { delay: 200 });
  assert.equal(await page.locator("#search:focus").inputValue(), "er");
  await close();
});

browserTest("in a long list the keyboard and the eye come back to the row that was opened", async () => {
  await registerMany(site.agent.url, 400);
  const { page, close } = await session("services?q=name:service-");
  await page.locator('[data-service="service-0"]').focus();
  await page.keyboard.press("End");
  const last = await page.evaluate(() => document.activeElement.closest("[data-service]")?.dataset.service);
  await until(
    () => page.evaluate(() => document.activeElement.closest("li")?.dataset.at === "399"),
    () => "not at the end",
  );
  const name = await page.evaluate(() => document.activeElement.dataset.service);
  const scroll = await page.evaluate(() => scrollY);
  assert.ok(scroll > 1000, String(last));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name }).waitFor();
  await page.goBack();
  await focused(page, `[data-service="${name}"]`);
  assert.ok(Math.abs((await page.evaluate(() => scrollY)) - scroll) < 200);
  await close();
});
