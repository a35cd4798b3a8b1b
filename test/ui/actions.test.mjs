// Each thing that can be done by the page, looked at by the API afterwards.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before } from "node:test";
import { until } from "../e2e/agent-process.mjs";
import { browserTest, devAgent, missing, startBrowser, watchedPage } from "./harness.mjs";
import { call, files, fill } from "./world.mjs";

const address = "127.0.39.13";
let agent;
let browser;
before(async () => {
  if (missing) return;
  agent = await devAgent(address);
  await fill(agent.url);
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await agent?.kill();
});

const session = async (at) => {
  const watched = await watchedPage(browser, agent.url);
  await watched.page.goto(`${agent.url}/ui/dc1/${at}`);
  const go = (to) => watched.page.goto(`${agent.url}/ui/dc1/${to}`);
  const button = (name) => watched.page.getByRole("button", { name, exact: true });
  return { ...watched, go, button };
};
const json = async (path) => JSON.parse(await call(agent.url, "GET", path));
const raw = (key) => call(agent.url, "GET", `kv/${key}?raw`);
const absent = (path) =>
  until(
    async () => (await fetch(`${agent.url}/v1/${path}`)).status === 404,
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
  await page.getByText("Save", { exact: true }).isDisabled();
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
    await call(agent.url, "PUT", "kv/app/config.yaml", "limit: 8\nmine: no\n");
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
    await call(agent.url, "PUT", "kv/app/config.yaml", "limit: 10\n");
    await button("Take theirs").click();
    assert.equal(await editor(page).inputValue(), "limit: 10\n");
    // A change by others shows itself where nobody is writing.
    await call(agent.url, "PUT", "kv/app/config.yaml", files["app/config.yaml"]);
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
    await page.locator(`text=${verb === "Copy" ? "Copied" : "Moved"} to ${to}`).waitFor();
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
  await page.locator(".toast .critical").waitFor();
  await close();
});

browserTest("keys are found by name and by value", async () => {
  const { page, close } = await session("kv");
  await page.keyboard.press("/");
  await page.keyboard.type("policy");
  await page.locator('[data-key="app/policy.hcl"]').waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.type("is:locked");
  await page.locator('[data-key="locks/leader"]').waitFor();
  assert.equal(await page.locator(".keys [data-key]").count(), 1);
  await close();
});

browserTest("a value that is no text is shown as bytes", async () => {
  await fetch(`${agent.url}/v1/kv/bytes`, { method: "PUT", body: Uint8Array.of(255, 0, 65) });
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

browserTest("config entries are created, changed and deleted", async () => {
  const { page, button, close } = await session("config-entries/edit");
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
  // A refusal is said, and what was written stays.
  await page.getByRole("link", { name: "Create" }).click();
  await editor(page).fill('{"Kind": "nonsense"}');
  await button("Create").click();
  await page.locator(".toast .critical").waitFor();
  assert.equal(await editor(page).inputValue(), '{"Kind": "nonsense"}');
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

browserTest("the palette finds pages, services and actions; g and a letter goes to a page", async () => {
  const { page, close } = await session("services");
  await page.locator('[data-service="web"]').waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("postgr");
  await page.getByRole("option", { name: /postgres/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "postgres" }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("k");
  await page.getByRole("heading", { name: "Key/value" }).waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("dark theme");
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
