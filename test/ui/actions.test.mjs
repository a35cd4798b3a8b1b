// Each thing that can be done by the page, looked at by the API afterwards.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { until } from "../e2e/agent-process.mjs";
import { browserTest, filledSite, watchedPage } from "./harness.mjs";
import { call, files, register } from "./world.mjs";

const site = filledSite("127.0.98.13");

const session = async (at) => {
  const watched = await watchedPage(site.browser, site.agent.url);
  await watched.page.goto(`${site.agent.url}/ui/dc1/${at}`);
  const go = (to) => watched.page.goto(`${site.agent.url}/ui/dc1/${to}`);
  const button = (name) => watched.page.getByRole("button", { name, exact: true });
  return { ...watched, go, button };
};
const json = async (path) => JSON.parse(await call(site.agent.url, "GET", path));
const raw = (key) => call(site.agent.url, "GET", `kv/${key}?raw`);
const absent = (path) =>
  until(
    async () => (await fetch(`${site.agent.url}/v1/${path}`)).status === 404,
    () => `${path} is still there`,
  );
const editor = (page) => page.locator(".editor textarea");

browserTest("a key is created, changed and deleted", async () => {
  const { page, faults, button, close } = await session("kv");
  await page.getByRole("link", { name: "Create" }).click();
  await page.getByLabel("Key", { exact: true }).fill("made/by-hand.json");
  await editor(page).fill('{"a": 1,}');
  await page.locator("#validity .critical").waitFor();
  await editor(page).fill('{"a":1}');
  await page.locator("#validity >> text=Valid JSON").waitFor();
  await button("Create").click();
  await page.getByText("Saved made/by-hand.json").waitFor();
  assert.equal(await raw("made/by-hand.json"), '{"a":1}');
  await button("Lay out").click();
  await editor(page).press("Control+Enter");
  await until(
    async () => (await raw("made/by-hand.json")) === '{\n  "a": 1\n}',
    () => "not laid out",
  );
  await until(
    () => button("Save").isDisabled(),
    () => "what is saved can be saved again",
  );
  await button("Delete").click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await absent("kv/made/by-hand.json");
  assert.deepEqual(
    faults.filter((fault) => !fault.includes("404")),
    [],
  );
  await close();
});

browserTest(
  "somebody else's change in between is shown as a difference, and nothing is overwritten unasked",
  async () => {
    const { page, go, button, close } = await session("kv/edit?key=app/config.yaml");
    await page.locator("#validity >> text=Valid YAML").waitFor();
    await editor(page).fill("limit: 7\n");
    await call(site.agent.url, "PUT", "kv/app/config.yaml", "limit: 8\nmine: no\n");
    await page.locator("#conflict .diff-old >> text=limit: 8").waitFor();
    await page.locator("#conflict .diff-new >> text=limit: 7").waitFor();
    assert.equal(await button("Save").isDisabled(), true);
    await button("Save mine over it").click();
    await until(
      async () => (await raw("app/config.yaml")) === "limit: 7\n",
      () => "not saved",
    );
    await page.locator("#conflict").waitFor({ state: "detached" });

    await editor(page).fill("limit: 9\n");
    await call(site.agent.url, "PUT", "kv/app/config.yaml", "limit: 10\n");
    await button("Take theirs").click();
    assert.equal(await editor(page).inputValue(), "limit: 10\n");
    // A change by others shows itself where nobody is writing.
    await call(site.agent.url, "PUT", "kv/app/config.yaml", files["app/config.yaml"]);
    await until(
      async () => (await editor(page).inputValue()) === files["app/config.yaml"],
      () => "old text is shown",
    );
    await go("kv/edit?key=app/policy.hcl");
    await page.locator("#validity >> text=Valid HCL").waitFor();
    await editor(page).fill('service "web" {');
    await page.locator("#validity .critical").waitFor();
    await close();
  },
);

browserTest("a folder is copied, moved, exported, deleted and imported again", async () => {
  const { page, go, button, close } = await session("kv?folder=app/");
  const transfer = async (verb, to) => {
    await button(`${verb} this folder`).click();
    await page.getByRole("textbox", { name: /^To/ }).fill(to);
    await page.getByRole("dialog").getByRole("button", { name: verb }).click();
    // What is said of it stands for seconds only; the page goes to where it is now.
    await page.waitForURL((url) => url.searchParams.get("folder") === to);
  };
  await transfer("Copy", "copy/");
  assert.deepEqual(await json("kv/copy?keys"), [
    "copy/config.json",
    "copy/config.yaml",
    "copy/db/host",
    "copy/policy.hcl",
  ]);
  assert.equal(await raw("copy/config.json"), files["app/config.json"]);
  await page.locator('[data-key="copy/db/"]').waitFor();
  await transfer("Move", "moved/");
  await absent("kv/copy?keys");
  const [download] = await Promise.all([page.waitForEvent("download"), button("Export as JSON").click()]);
  const exported = await download.path();
  assert.deepEqual(
    JSON.parse(readFileSync(exported, "utf8")).map(({ key }) => key),
    ["moved/config.json", "moved/config.yaml", "moved/db/host", "moved/policy.hcl"],
  );
  await button("Delete this folder").click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete folder" }).click();
  await absent("kv/moved?keys");
  await go("kv");
  await page.getByLabel("File to import").setInputFiles(exported);
  await page.getByRole("dialog").getByRole("button", { name: "Import" }).click();
  await page.locator('[data-key="moved/"]').waitFor();
  assert.equal(await raw("moved/config.json"), files["app/config.json"]);
  // Nothing that exists is overwritten.
  await go("kv?folder=moved/");
  await button("Copy this folder").click();
  await page.getByRole("textbox", { name: /^To/ }).fill("app/");
  await page.getByRole("dialog").getByRole("button", { name: "Copy" }).click();
  await page.locator(".toast .status.critical").waitFor();
  await close();
});

browserTest(
  "keys are found by name, by what their values hold and by their locks, and the search is in the address",
  async () => {
    const { page, go, close } = await session("kv");
    const search = page.getByLabel("Search keys");
    /** Waits until exactly these keys are found, which a reader is told too. */
    const found = async (...keys) => {
      const shown = () => page.locator(".keys [data-key]").evaluateAll((rows) => rows.map((row) => row.dataset.key));
      let last;
      await until(
        async () => {
          last = (await shown()).join();
          return last === keys.join();
        },
        () => `found ${last}, not ${keys}`,
      );
      await page
        .getByRole("status")
        .filter({ hasText: new RegExp(`^${keys.length} keys?`) })
        .waitFor();
    };
    await search.waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("app/policy");
    await found("app/policy.hcl");
    await page.keyboard.press("Escape");
    await page.keyboard.type("is:locked");
    await found("locks/leader");

    await go("kv?folder=app/");
    await search.fill("value:limit");
    await found("app/config.json", "app/config.yaml");
    // Case makes no difference; several words must all be there; what a row shows is the value it was found by.
    await search.fill("value:TRIBUNE");
    await found("app/config.yaml");
    assert.match(await page.locator('[data-key="app/config.yaml"]').textContent(), /name: "tribune"/);
    await search.fill("json value:limit");
    await found("app/config.json");
    // A value that changes while one looks is found, and not any more.
    await search.fill("value:needle");
    await page.getByText("No key fits the search").waitFor();
    await call(site.agent.url, "PUT", "kv/app/hay/stack", "a needle in it");
    await found("app/hay/stack");
    await page.locator('[data-key="app/hay/stack"]').click();
    await page.getByRole("heading", { name: "stack" }).waitFor();
    await page.goBack();
    await found("app/hay/stack");
    await call(site.agent.url, "PUT", "kv/app/hay/stack", "nothing in it");
    await page.getByText("No key fits the search").waitFor();
    await call(site.agent.url, "DELETE", "kv/app/hay/stack");
    // Below a folder only that is looked through; a link with a search in it leads to what it found.
    await go("kv?folder=app%2F&q=value%3A10");
    await found("app/config.json", "app/config.yaml", "app/db/host");
    await go("kv?folder=app%2Fdb%2F&q=value%3A10");
    await found("app/db/host");
    await close();
  },
);

browserTest("several keys and folders are marked and deleted at once", async () => {
  for (const key of ["a", "b", "c", "d/e", "d/f"]) await call(site.agent.url, "PUT", `kv/many/${key}`, "x");
  const { page, faults, button, close } = await session("kv?folder=many/");
  const row = (key) => page.locator(`[data-key="many/${key}"]`);
  await row("a").waitFor();
  await button("Select").click();
  await page.getByText("0 of 4 marked").waitFor();
  assert.equal(await button("Delete").isDisabled(), true);
  await row("a").getByRole("checkbox").check();
  await row("d/").click();
  await page.getByText("2 of 4 marked").waitFor();
  // What somebody else has deleted is not marked any more.
  await call(site.agent.url, "DELETE", "kv/many/a");
  await page.getByText("1 of 3 marked").waitFor();
  await row("b").getByRole("checkbox").check();
  await button("Delete").click();
  await page.getByRole("dialog").getByText("many/d/").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await until(
    async () => (await json("kv/many/?keys")).join() === "many/c",
    () => "not only what was not marked is left",
  );
  await row("b").waitFor({ state: "detached" });
  await page.locator("a", { hasText: "c" }).and(row("c")).waitFor();
  assert.deepEqual(faults, []);
  await call(site.agent.url, "DELETE", "kv/many?recurse");
  await close();
});

browserTest("what has a name that browsers make another of is deleted by itself, and nothing else is", async () => {
  const set = (Key) => ({ KV: { Verb: "set", Key, Value: "eA==" } });
  const odd = ["dots/../a", "dots/./b", "dots/c", "dots/d/", "dots/d/e"];
  await call(site.agent.url, "PUT", "txn", odd.map(set));
  const all = async () => json("kv/?keys");
  const before = await all();
  const { page, faults, go, button, close } = await session("kv?folder=dots/");
  const remove = async (...keys) => {
    await button("Select").click();
    for (const key of keys) await page.locator(`[data-key="${key}"]`).getByRole("checkbox").check();
    await button("Delete").click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    for (const key of keys) await page.locator(`[data-key="${key}"]`).waitFor({ state: "detached" });
  };
  await remove("dots/../", "dots/./");
  assert.deepEqual(
    await all(),
    before.filter((key) => !/\/\.+\//.test(key)),
  );
  // The bar is gone: the keyboard is where it can be asked for again.
  await page.locator("#select:focus").waitFor();
  // What a search finds is a key, also where it is called like a folder.
  await go("kv?folder=dots/&q=d");
  await remove("dots/d/");
  assert.equal((await all()).includes("dots/d/e"), true);
  await go("kv?folder=dots%2F..%2F");
  await page.getByRole("heading", { name: "Browsers cannot ask for this name" }).waitFor();
  await go("kv/edit?key=dots%2F..%2FREADME");
  await page.getByRole("heading", { name: "Browsers cannot ask for this name" }).waitFor();
  assert.deepEqual(faults, []);
  await call(site.agent.url, "DELETE", "kv/dots?recurse");
  await close();
});

browserTest("keys are marked by keyboard", async () => {
  const { page, button, close } = await session("kv?folder=app/");
  await page.locator('[data-key="app/config.json"]').waitFor();
  await button("Select").press("Enter");
  await page.locator('[data-key="app/config.json"]').getByRole("checkbox").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await page.locator('[data-key="app/config.yaml"] input:checked').waitFor();
  await page.getByText("1 of 4 marked").waitFor();
  await close();
});

browserTest("what an action says stands until somebody goes on, and a dialog gives the keyboard back", async () => {
  const { page, button, close } = await session("kv/edit?key=flags/beta");
  await page.clock.install();
  await page.locator("#validity").waitFor();
  await editor(page).fill("on");
  await button("Save").press("Enter");
  const said = page.locator(".toast", { hasText: "Saved flags/beta" });
  await said.waitFor();
  await page.clock.fastForward("10:00");
  // A key that looks for something is none that goes on.
  await page.keyboard.press("Tab");
  assert.equal(await said.count(), 1);
  await page.locator("h1").click();
  await said.waitFor({ state: "detached" });
  await button("Delete").press("Enter");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).press("Enter");
  await page.locator("button:focus", { hasText: "Delete" }).waitFor();
  await call(site.agent.url, "PUT", "kv/flags/beta", files["flags/beta"]);
  await close();
});

browserTest("a value that is no text is shown as bytes", async () => {
  await fetch(`${site.agent.url}/v1/kv/bytes`, { method: "PUT", body: Uint8Array.of(255, 0, 65) });
  const { page, close } = await session("kv/edit?key=bytes");
  await page.locator("text=ff 00 41").waitFor();
  await close();
});

browserTest("the lock of a key is taken away by ending its session", async () => {
  const { page, button, close } = await session("kv/edit?key=locks/leader");
  await button("End session").click();
  await page.getByRole("dialog").getByRole("button", { name: "End session" }).click();
  await page.locator("#lock").waitFor({ state: "detached" });
  const [pair] = await json("kv/locks/leader");
  assert.equal(pair.Session, undefined);
  await page.getByRole("link", { name: "Sessions" }).click();
  await page.getByText("No sessions", { exact: true }).waitFor();
  await close();
});

browserTest("intentions are created, changed and deleted", async () => {
  const { page, button, close } = await session("intentions");
  await page.getByRole("link", { name: "Create" }).click();
  await page.getByLabel("From service").fill("search");
  await page.getByLabel("To service").fill("images");
  await page.getByLabel("Deny").check();
  await button("Save").click();
  const exact = "connect/intentions/exact?source=search&destination=images";
  await page.getByRole("link", { name: "Change the intention search to images" }).click();
  await until(
    async () => (await json(exact)).Action === "deny",
    () => "not denied",
  );
  await until(
    () => page.getByLabel("Deny").isChecked(),
    () => "the form does not show what is set",
  );
  await page.getByLabel("Allow").check();
  await button("Save").click();
  await until(
    async () => (await json(exact)).Action === "allow",
    () => "not allowed",
  );
  await button("Delete the intention search to images").click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await absent(exact);
  await page.getByText("search", { exact: true }).waitFor({ state: "detached" });
  await close();
});

browserTest("rules for HTTP are written by a form, and what others do meanwhile is shown as a difference", async () => {
  const entry = () => json("config/service-intentions/checkout");
  const source = async () => (await entry()).Sources.find(({ Name }) => Name === "catalogue");
  const { page, faults, go, button, close } = await session("intentions/edit?source=catalogue&destination=checkout");
  await page.getByText("Precedence 9").waitFor();
  await page.getByLabel("By rules").check();
  await page.getByLabel("Path of rule 1", { exact: true }).fill("v1");
  await page.getByText("Rule 1: a path begins with a slash").waitFor();
  assert.equal(await button("Save").isDisabled(), true);
  await page.getByLabel("Path of rule 1", { exact: true }).fill("/v1/");
  await button("Add a rule").click();
  const second = page.getByLabel("Rule 2", { exact: true });
  await second.getByLabel("Action of rule 2").selectOption("deny");
  await second.getByLabel("Path of rule 2, how").selectOption("");
  await page.getByText("Rule 2 says nothing of a request").waitFor();
  await second.getByLabel("POST").check();
  await second.getByRole("button", { name: /Add a header/ }).click();
  await second.getByLabel("Name of header 1").fill("x-debug");
  await second.getByLabel("Negation of header 1").selectOption("not");
  await second.getByLabel("Test of header 1").selectOption("Prefix");
  await second.getByLabel("Value of header 1").fill("no");
  await button("Try rule 2 earlier").press("Enter");
  // The keyboard has gone along: it stands on what moves the same rule back.
  await page.locator('[aria-label="Try rule 1 later"]:focus').waitFor();
  await button("Save").click();
  await page.getByText("deny POST with not x-debug begins with no · allow GET, HEAD /v1/…").waitFor();
  assert.deepEqual((await source()).Permissions, [
    { Action: "deny", HTTP: { Methods: ["POST"], Header: [{ Name: "x-debug", Prefix: "no", Invert: true }] } },
    { Action: "allow", HTTP: { PathPrefix: "/v1/", Methods: ["GET", "HEAD"] } },
  ]);
  // The other intentions of the destination are as they were.
  assert.equal((await entry()).Sources.find(({ Name }) => Name === "web").Description, "The shop calls checkout");
  assert.deepEqual(
    faults.filter((fault) => !fault.includes("404")),
    [],
  );

  // Made a second time it is not written over.
  await go("intentions/edit?source=catalogue&destination=checkout");
  await button("Save").click();
  await page.locator(".toast", { hasText: "There is such an intention already" }).waitFor();

  const others = (body) =>
    call(
      site.agent.url,
      "PUT",
      "connect/intentions/exact?source=catalogue&destination=checkout",
      JSON.stringify({ SourceName: "catalogue", DestinationName: "checkout", ...body }),
    );
  await go("intentions/edit?exact=1&source=catalogue&destination=checkout");
  await button("Take out rule 1").click();
  await page.getByLabel("Description").fill("mine");
  await others({ Action: "deny", Description: "theirs" });
  await page.locator("#conflict .diff-old >> text=theirs").waitFor();
  await page.locator("#conflict .diff-new >> text=mine").waitFor();
  assert.equal(await button("Save").isDisabled(), true);
  await button("Keep mine").click();
  await page.locator("#conflict").waitFor({ state: "detached" });
  await button("Save").click();
  await until(
    async () => (await source()).Description === "mine" && (await source()).Permissions.length === 1,
    () => "mine is not saved",
  );
  // Where nobody writes the change of somebody else shows itself.
  await go("intentions/edit?exact=1&source=catalogue&destination=checkout");
  await page.getByLabel("Rule 1", { exact: true }).waitFor();
  await others({ Action: "deny", Description: "again" });
  await until(
    async () =>
      (await page.getByLabel("Deny").isChecked()) && (await page.getByLabel("Description").inputValue()) === "again",
    () => "the form shows what was",
  );
  await button("Delete").click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await absent("connect/intentions/exact?source=catalogue&destination=checkout");
  await close();
});

browserTest("config entries are created, changed and deleted", async () => {
  const { page, go, button, close } = await session("config-entries/edit");
  await editor(page).fill('{"Kind": "service-defaults", "Name": "images", "Protocol": "grpc"}');
  await button("Create").click();
  await page.getByRole("heading", { name: "images" }).waitFor();
  await page.locator(".editor >> text=grpc").first().waitFor();
  await editor(page).fill('{"Kind": "service-defaults", "Name": "images", "Protocol": "http2"}');
  await button("Save").click();
  await until(
    async () => (await json("config/service-defaults/images")).Protocol === "http2",
    () => "not saved",
  );
  await button("Delete").click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await absent("config/service-defaults/images");
  // One that is there already is not written over.
  await page.getByRole("link", { name: "Create" }).click();
  await editor(page).fill('{"Kind": "service-defaults", "Name": "web", "Protocol": "grpc"}');
  await button("Create").click();
  await page.locator(".toast", { hasText: "There is such an entry already" }).waitFor();
  assert.equal((await json("config/service-defaults/web")).Protocol, "http");
  await go("config-entries");
  // A refusal is said, and what was written stays.
  await page.getByRole("link", { name: "Create" }).click();
  await editor(page).fill('{"Kind": "nonsense"}');
  await button("Create").click();
  await page.locator(".toast .status.critical").waitFor();
  assert.equal(await editor(page).inputValue(), '{"Kind": "nonsense"}');
  await close();
});

browserTest("an entry that others have changed meanwhile is not saved over, by the keyboard neither", async () => {
  const change = (MaxConnections) =>
    call(site.agent.url, "PUT", "config", {
      Kind: "service-defaults",
      Name: "ledger",
      Meta: { n: `${MaxConnections}` },
    });
  await change(1);
  const { page, button, close } = await session("config-entries/edit?kind=service-defaults&name=ledger");
  const put = [];
  page.on("request", (request) => request.method() === "PUT" && put.push(request.url()));
  await page.locator(".editor >> text=Meta").first().waitFor();
  await editor(page).fill('{"Kind": "service-defaults", "Name": "ledger", "Protocol": "http2"}');
  await change(2);
  await page.locator("#conflict").waitFor();
  assert.equal(await button("Save").isDisabled(), true);
  await editor(page).press("Control+Enter");
  await button("Take theirs").click();
  await page.locator("#conflict").waitFor({ state: "detached" });
  assert.deepEqual(put, []);
  await call(site.agent.url, "DELETE", "config/service-defaults/ledger");
  await close();
});

browserTest("config entries are found by their kind, and intentions among them lead to their form", async () => {
  const { page, close } = await session("config-entries");
  await page.getByText("90 % v2 · 10 % checkout").waitFor();
  await page.getByLabel("Kind").selectOption("service-intentions");
  await page.getByText("90 % v2").waitFor({ state: "detached" });
  assert.match(page.url(), /q=kind/);
  await page.locator("a.item", { hasText: "billing" }).click();
  await page.getByRole("link", { name: "intentions to billing" }).click();
  await page.getByRole("link", { name: "Change the intention * to billing" }).click();
  await page.getByText("tried after those that name services more exactly").waitFor();
  await close();
});

browserTest("prepared queries are created, executed and deleted", async () => {
  const { page, button, close } = await session("queries/create");
  await editor(page).fill('{"Name": "by-hand", "Service": {"Service": "web", "OnlyPassing": true}}');
  await button("Create").click();
  await button("Execute").click();
  await page.getByText("4 instances of web from dc1").waitFor();
  await button("Delete").click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await until(
    async () => !(await json("query")).some(({ Name }) => Name === "by-hand"),
    () => "still there",
  );
  await close();
});

browserTest("an event is fired and heard", async () => {
  const { page, button, close } = await session("events");
  await button("Fire").click();
  await page.getByLabel("Name").fill("by-hand");
  await page.getByLabel("Payload").fill("hello");
  await page.getByRole("dialog").getByRole("button", { name: "Fire" }).click();
  await page.locator(".events >> text=hello").waitFor();
  await close();
});

browserTest("services are searched, sorted and walked through by keyboard alone", async () => {
  const { page, close } = await session("services");
  const names = () => page.locator("[data-service]").evaluateAll((rows) => rows.map((row) => row.dataset.service));
  await page.locator('[data-service="web"]').waitFor();
  assert.deepEqual((await names()).slice(0, 3), ["postgres", "web", "checkout"]);
  await page.keyboard.press("/");
  await page.keyboard.type("is:failing tag:v2");
  await until(
    async () => (await names()).join() === "web",
    () => "search",
  );
  assert.match(page.url(), /q=is/);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "web" }).waitFor();
  await page.goBack();
  await page.locator('[data-service="web"]').waitFor();
  await page.getByLabel("Search services").fill("");
  await page.getByRole("button", { name: /Warning/ }).click();
  await until(
    async () => (await names()).join() === "checkout",
    () => "button",
  );
  await page.getByRole("button", { name: /Warning/ }).click();
  await page.getByLabel("Sort").selectOption("instances");
  await until(
    async () => (await names())[0] === "checkout" && (await names())[1] === "web",
    () => "sort",
  );
  await close();
});

browserTest("a dialog has the keyboard before the next key, and gives it back however it ends", async () => {
  const { page, close } = await session("services");
  const row = page.locator('[data-service="web"]');
  /** What has the keyboard once a dialog is drawn, and before a frame is. */
  const opened = (by) =>
    row.evaluate(async (from, how) => {
      if (how === "palette")
        from.dispatchEvent(new KeyboardEvent("keydown", { key: "k", ctrlKey: true, bubbles: true }));
      else [...document.querySelectorAll("button")].find(({ textContent }) => textContent === "Log in").click();
      for (let i = 0; i < 5; i++) await Promise.resolve();
      return document.activeElement.closest("dialog") !== null;
    }, by);
  for (const [by, end] of [
    ["palette", () => page.keyboard.press("Escape")],
    ["palette", () => page.getByRole("option", { name: "Compact rows" }).click()],
    ["login", () => page.keyboard.press("Escape")],
    ["login", () => page.getByRole("button", { name: "Cancel" }).click()],
  ]) {
    await row.focus();
    assert.equal(await opened(by), true, by);
    await end();
    await page.locator("dialog").waitFor({ state: "detached" });
    await page.locator('[data-service="web"]:focus').waitFor();
  }
  await close();
});

browserTest("the palette finds pages, services and actions; g and a letter goes to a page", async () => {
  const { page, close } = await session("services");
  await page.locator('[data-service="web"]').waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("postgr");
  await page.getByRole("option", { name: /postgres/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "postgres" }).waitFor();
  // Where a machine holds up the second key longer than a hand would it is no sequence: then it is pressed again.
  await until(
    async () => {
      await page.keyboard.press("g");
      await page.keyboard.press("k");
      const heading = page.getByRole("heading", { name: "Key/value" });
      return heading.waitFor({ timeout: 5_000 }).then(
        () => true,
        () => false,
      );
    },
    () => "g and k do not lead to the keys",
  );
  await page.keyboard.press("Control+k");
  await page.keyboard.type("dark theme");
  await page.getByRole("option", { name: /Dark theme/ }).waitFor();
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await close();
});

browserTest("a token is kept for the tab and sent with requests, also those of the stream", async () => {
  const { page, button, close } = await session("services");
  await button("Log in").click();
  await page.getByLabel("Secret of the token").fill("11111111-2222-3333-4444-555555555555");
  const sent = page.waitForRequest(
    (request) => request.url().includes("/v1/stream") && request.headers()["x-consul-token"]?.startsWith("1111"),
  );
  await page.getByRole("dialog").getByRole("button", { name: "Log in" }).click();
  await sent;
  await button("Log out").click();
  assert.equal(await page.evaluate(() => sessionStorage.getItem("tribune:token")), null);
  await close();
});

browserTest("where tokens are not checked, the pages of access and the login say so", async () => {
  const { page, button, close } = await session("acls/tokens");
  for (const at of ["acls/tokens", "acls/policies/create", "acls/why?q=PUT%20%2Fv1%2Fkv%2Fa"]) {
    await page.goto(`${site.agent.url}/ui/dc1/${at}`);
    await page.getByRole("heading", { name: "Tokens are not checked here" }).waitFor();
    assert.equal(await page.locator("main").getByRole("button").count(), 0, at);
  }
  await button("Log in").click();
  await page.getByRole("dialog").getByText("Tokens are not checked here").waitFor();
  await close();
});

browserTest("an instance that nobody announces is deregistered for good", async () => {
  await register(site.agent.url, 3, { id: "old-1", name: "old" });
  const { page, faults, button, close } = await session("services/old/instances/fra-db-2/old-1");
  await page.locator(".since").first().waitFor();
  await button("Deregister").click();
  await page.getByRole("dialog").getByText("No live agent on fra-db-2").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Deregister" }).click();
  await page.getByText("No instance is registered").waitFor();
  assert.deepEqual(await json("catalog/service/old"), []);
  assert.deepEqual(faults, []);
  await close();
});

browserTest("what the agent itself announces is taken out of service, and deregistered there", async () => {
  const id = "own-1";
  await call(site.agent.url, "PUT", "agent/service/register", JSON.stringify({ ID: id, Name: "own", Port: 7 }));
  await until(
    async () => (await json("catalog/service/own")).length === 1,
    () => "not in the catalog",
  );
  const { page, faults, button, close } = await session(`services/own/instances/fra-server-1/${id}`);
  const critical = async () =>
    (await json("health/checks/own")).some(({ Status, Notes }) => Status === "critical" && Notes === "a new disk");
  await button("Maintenance").click();
  await page.getByLabel("Reason").fill("a new disk");
  await button("Begin maintenance").click();
  await page.locator(".maintenance", { hasText: "a new disk" }).waitFor();
  await until(critical, () => "not critical");
  await button("End maintenance").click();
  await page.getByRole("dialog").getByRole("button", { name: "End maintenance" }).click();
  await page.locator(".maintenance").waitFor({ state: "detached" });
  await until(
    async () => !(await critical()),
    () => "still critical",
  );
  await button("Deregister").click();
  await page.getByRole("dialog").getByText("forgets it and its checks").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Deregister" }).click();
  await page.getByText("No instance is registered").waitFor();
  assert.equal(Object.hasOwn(await json("agent/services"), id), false);
  assert.deepEqual(faults, []);
  await close();
});

browserTest("a node is taken out of service, and one without an agent is removed", async () => {
  const { page, faults, go, button, close } = await session("nodes/fra-server-1");
  await button("Maintenance").click();
  await button("Begin maintenance").click();
  await button("End maintenance").click();
  await page.getByRole("dialog").getByRole("button", { name: "End maintenance" }).click();
  await page.locator(".maintenance").waitFor({ state: "detached" });
  assert.equal(await button("Remove").count(), 0);
  const Node = "gone-1";
  await call(site.agent.url, "PUT", "catalog/register", JSON.stringify({ Node, Address: "10.20.0.99" }));
  await go(`nodes/${Node}`);
  await button("Remove").click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await page.getByRole("heading", { name: "Nodes" }).waitFor();
  assert.equal(
    (await json("catalog/nodes")).some((each) => each.Node === Node),
    false,
  );
  assert.deepEqual(faults, []);
  await close();
});

browserTest("what a list shows is exported, a tag leads to who has it, and an address is copied", async () => {
  const context = { permissions: ["clipboard-read", "clipboard-write"] };
  const { page, faults, close } = await watchedPage(site.browser, site.agent.url, context);
  await page.goto(`${site.agent.url}/ui/dc1/services?q=is:failing`);
  await page.locator('[data-service="web"]').waitFor();
  const save = page.getByRole("button", { name: "Export as CSV" });
  const [download] = await Promise.all([page.waitForEvent("download"), save.click()]);
  assert.equal(download.suggestedFilename(), "services.csv");
  const lines = readFileSync(await download.path(), "utf8")
    .trimEnd()
    .split("\r\n");
  assert.deepEqual(
    lines.map((line) => line.split(",").slice(0, 2).join()),
    ["Service,Health", "postgres,critical", "web,critical"],
  );
  await page.goto(`${site.agent.url}/ui/dc1/services/postgres/instances/fra-db-1/postgres-1`);
  await page.getByRole("button", { name: "Copy the address", exact: true }).click();
  await until(
    async () => (await page.evaluate(() => navigator.clipboard.readText())) === "10.20.0.12:8080",
    () => "it is not on the clipboard",
  );
  await page.getByRole("link", { name: "primary", exact: true }).click();
  await page.locator('[data-service="postgres"]').waitFor();
  assert.match(page.url(), /q=tag%3Aprimary/);
  assert.deepEqual(faults, []);
  await close();
});

browserTest("where the clipboard is not given copying works the old way, and says so on its button", async () => {
  const { page, faults, close } = await watchedPage(site.browser, site.agent.url, { permissions: ["clipboard-read"] });
  await page.addInitScript(() => {
    const { clipboard } = navigator;
    globalThis.read = () => clipboard.readText();
    Object.defineProperty(navigator, "clipboard", { value: undefined });
  });
  await page.goto(`${site.agent.url}/ui/dc1/services/postgres/instances/fra-db-1/postgres-1`);
  await page.getByRole("button", { name: "Copy the address", exact: true }).press("Enter");
  await page.locator('[aria-label="Copied the address"]:focus').waitFor();
  assert.equal(await page.evaluate(() => globalThis.read()), "10.20.0.12:8080");
  assert.deepEqual(faults, []);
  await close();
});

browserTest("what an action says covers no button of the page", async () => {
  const { page, button, close } = await session("queries");
  await page.setViewportSize({ width: 720, height: 700 });
  await page.locator("a.item", { hasText: "nearest-web" }).click();
  await button("Execute").click();
  const covered = () =>
    page.evaluate(() => {
      const buttons = [...document.querySelectorAll("main .button")].filter((each) => each.checkVisibility());
      const hidden = buttons.filter((each) => {
        const { x, y, width, height } = each.getBoundingClientRect();
        const top = document.elementFromPoint(x + width / 2, y + height / 2);
        return top?.closest(".toast") !== null && top !== null;
      });
      return { toasts: document.querySelectorAll(".toast").length, hidden: hidden.length, buttons: buttons.length };
    });
  // It stands for some seconds: it is put up anew until it stood while that was looked at.
  await until(
    async () => {
      const { toasts, hidden, buttons } = await covered();
      assert.equal(hidden, 0);
      if (toasts > 0 && buttons >= 3) return true;
      await button("Execute").click();
      return false;
    },
    () => "no message was there to look at",
  );
  await close();
});

browserTest("the browser's tab and the navigation say how many checks are critical", async () => {
  const { page, close } = await session("kv");
  const shown = /^\((\d+)\) Key\/value · Tribune$/;
  const number = async () => Number(shown.exec(await page.title())?.[1] ?? -1);
  const is = (wanted) =>
    until(
      async () => (await number()) === wanted,
      () => `the title does not say ${wanted}`,
    );
  await page.locator(".nav-count").waitFor();
  const before = (await json("health/state/critical")).length;
  await is(before);
  await page.locator('link[rel="icon"][href$="favicon-critical.svg"]').waitFor({ state: "attached" });
  await register(site.agent.url, 4, { id: "ledger-9", name: "ledger", status: "critical" });
  await is(before + 1);
  await register(site.agent.url, 4, { id: "ledger-9", name: "ledger" });
  await is(before);
  await close();
});

browserTest("the services of a node stand with the failing ones first, and are searched", async () => {
  const { page, close } = await session("nodes/fra-db-2/services");
  const ids = () => page.locator(".instances .title").allTextContents();
  const shown = (wanted) =>
    until(
      async () => JSON.stringify(await ids()) === JSON.stringify(wanted),
      () => `they are not ${wanted}`,
    );
  await page.locator(".instances .title").first().waitFor();
  assert.equal((await ids())[0], "postgres-2");
  const search = page.getByLabel("Search the services of this node");
  await search.fill("is:failing");
  await shown(["postgres-2"]);
  await search.fill("name:web");
  await shown(["web-4"]);
  await search.fill("name:nothing");
  await page.getByText("No service fits the search").waitFor();
  await close();
});
