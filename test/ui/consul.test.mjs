// The same page on a real Consul: no streams, no history, tokens checked.
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { until } from "../e2e/agent-process.mjs";
import { assertAccessibleInBoth, assertFits, devAgent, missing, startBrowser, watchedPage } from "./harness.mjs";
import { aclPages } from "./pages.mjs";
import { assertCalm, watchShifts } from "./shifts.mjs";
import { call } from "./world.mjs";

const site = fileURLToPath(new URL("../../packages/ui/dist", import.meta.url));
const consul = process.env.CONSUL_BIN ?? "";
const secret = "5f0c2d2e-9d3b-4f0e-8f5e-1c1b1c1d1e1f";
const noConsul = existsSync(consul) ? false : "no Consul: set CONSUL_BIN to one";
const consulTest = (name, run) => test(name, { skip: missing || noConsul, timeout: 300_000 }, run);

let agent;
let browser;
before(async () => {
  if (missing || noConsul) return;
  const acl = `acl { enabled = true default_policy = "deny" tokens { master = "${secret}" agent = "${secret}" } }`;
  agent = await devAgent("127.0.98.15", {
    command: [consul],
    args: [`-ui-dir=${site}`, `-hcl=${acl}`, "-log-level=err"],
  });
  await until(
    async () => (await fetch(`${agent.url}/v1/acl/tokens`, { headers })).ok,
    () => "no ACLs yet",
  );
  for (const id of ["web", "db"]) await registerAs(id, "passing");
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await agent?.kill();
});

const headers = { "X-Consul-Token": secret };
const registerAs = (id, status) =>
  call(
    agent.url,
    "PUT",
    "catalog/register",
    {
      Node: "n1",
      Address: "10.0.0.1",
      Service: { ID: id, Service: id },
      Check: { Node: "n1", CheckID: `service:${id}`, Name: id, ServiceID: id, Status: status, Output: "" },
    },
    headers,
  );

async function loggedIn(at) {
  const watched = await watchedPage(browser, agent.url);
  await watched.page.addInitScript((token) => sessionStorage.setItem("tribune:token", token), secret);
  await watched.page.goto(`${agent.url}/ui/dc1/${at}`);
  return watched;
}

consulTest("without a token pages say what is not permitted, and a login opens them", async () => {
  const { page, close } = await watchedPage(browser, agent.url);
  await page.goto(`${agent.url}/ui/dc1/acls/tokens`);
  await page.getByText("Not permitted").first().waitFor();
  // Lists leave out what may not be read: that nothing bad is in them is no good news.
  await page.goto(`${agent.url}/ui/dc1/overview`);
  await page.getByText("The checks may not be read").waitFor();
  await page.goto(`${agent.url}/ui/dc1/acls/tokens`);
  await page.getByRole("button", { name: "Log in" }).first().click();
  await page.getByLabel("Secret of the token").fill("00000000-1111-2222-3333-444444444444");
  await page.getByRole("dialog").getByRole("button", { name: "Log in" }).click();
  await page.getByText("The agent does not know this token.").waitFor();
  await page.getByLabel("Secret of the token").fill(secret);
  await page.getByRole("dialog").getByRole("button", { name: "Log in" }).click();
  await page.locator(".entries >> text=Master Token").waitFor();
  await page.getByRole("link", { name: "Overview" }).click();
  await page.getByText("All checks that may be read are passing").waitFor();
  await close();
});

consulTest("changes come by blocking queries; history says that there is none", async () => {
  const { page, close } = await loggedIn("services");
  await page.locator('[data-service="web"][data-health="passing"]').waitFor();
  await registerAs("web", "critical");
  await page.locator('[data-service="web"][data-health="critical"]').waitFor();
  await page.goto(`${agent.url}/ui/dc1/services/web/history`);
  await page.getByText("This agent keeps no history of changes").waitFor();
  await page.goto(`${agent.url}/ui/dc1/settings`);
  await page.getByText("by blocking queries").waitFor();
  await page.goto(`${agent.url}/ui/dc1/overview`);
  await page.getByText("1 check is critical").waitFor();
  await close();
});

const api = async (path) => JSON.parse(await call(agent.url, "GET", path, undefined, headers));
const make = async (path, body) => JSON.parse(await call(agent.url, "PUT", path, body, headers));
const buttons = (page) => (name) => page.getByRole("button", { name, exact: true });

consulTest(
  "a policy's rules are checked while they are written; it is created, changed, cloned and deleted",
  async () => {
    const { page, close } = await loggedIn("acls/policies/create");
    const button = buttons(page);
    const rules = page.getByLabel("Rules of the policy");
    await page.getByLabel("Name").fill("web-read");
    for (const [text, said] of [
      ['service "web" {', /At 1:/],
      ['sevrice "web" { policy = "read" }', /no resource "sevrice"/],
      ['service "web" { policy = "list" }', /only rules of keys/],
    ]) {
      await rules.fill(text);
      await page.locator("#validity .critical", { hasText: said }).waitFor();
      assert.equal(await button("Create").isDisabled(), true);
    }
    await rules.fill('service "web" { policy = "read" }');
    await page.getByText("Valid, 1 rule").waitFor();
    assert.ok((await page.locator(".editor .code-string").count()) >= 2, "rules are coloured");
    await button("Create").click();
    await page.getByRole("heading", { name: "web-read" }).waitFor();
    await page.getByText("No token has it").waitFor();
    await rules.fill('service "web" { policy = "write" }');
    // Somebody else saves in between: nothing is overwritten unasked.
    const { ID } = (await api("acl/policies")).find(({ Name }) => Name === "web-read");
    await make(`acl/policy/${ID}`, { ID, Name: "web-read", Rules: 'service "web" { policy = "deny" }' });
    await page.locator(".diff-old >> text=deny").waitFor();
    assert.equal(await button("Save").isDisabled(), true);
    await button("Keep mine").click();
    await button("Save").click();
    await until(
      async () => /write/.test((await api(`acl/policy/${ID}`)).Rules),
      () => "not saved",
    );
    await page.getByRole("link", { name: "Clone" }).click();
    await page.getByRole("heading", { name: "Create a policy" }).waitFor();
    await until(
      async () => (await page.getByLabel("Name").inputValue()) === "web-read-copy",
      () => "no name",
    );
    await button("Create").click();
    await page.getByRole("heading", { name: "web-read-copy" }).waitFor();
    await button("Delete").click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("link", { name: /global-management/ }).click();
    await page.getByText("is built in").waitFor();
    assert.equal(await button("Delete").count(), 0);
    assert.equal(
      (await api("acl/policies")).some(({ Name }) => Name === "web-read-copy"),
      false,
    );
    await close();
  },
);

consulTest("a role and a token are put together from policies and identities, cloned and deleted", async () => {
  await make("acl/policy", { Name: "kv-read", Rules: 'key_prefix "" { policy = "read" }' });
  const { page, close } = await loggedIn("acls/roles/create");
  const button = buttons(page);
  const choose = async (label, text) => {
    await page.getByLabel(label, { exact: true }).fill(text);
    await page.keyboard.press("Enter");
    await page
      .getByLabel(label)
      .locator(`.chip >> text=${text}`)
      .first()
      .or(page.locator(`.chip >> text=${text}`))
      .first()
      .waitFor();
  };
  await page.getByLabel("Name").fill("readers");
  await choose("Policies", "kv-read");
  await choose("Service identities", "web@dc1");
  await button("Create").click();
  await page.getByRole("heading", { name: "readers" }).waitFor();
  const role = (await api("acl/roles")).find(({ Name }) => Name === "readers");
  assert.deepEqual(role.ServiceIdentities, [{ ServiceName: "web", Datacenters: ["dc1"] }]);

  await page.getByRole("link", { name: "Tokens", exact: true }).click();
  await page.getByRole("link", { name: "Create" }).click();
  await page.getByLabel("Description").fill("by hand");
  await choose("Roles", "readers");
  await choose("Policies", "kv-read");
  await choose("Node identities", "n1@dc1");
  await page.getByLabel("Ends after").fill("2h");
  await button("Create").click();
  await page.getByRole("heading", { name: "by hand" }).waitFor();
  const found = (await api("acl/tokens")).find(({ Description }) => Description === "by hand");
  const { SecretID, Roles, Policies, NodeIdentities, ExpirationTime } = await api(`acl/token/${found.AccessorID}`);
  assert.deepEqual(
    [Roles[0].Name, Policies[0].Name, NodeIdentities],
    ["readers", "kv-read", [{ NodeName: "n1", Datacenter: "dc1" }]],
  );
  assert.ok(ExpirationTime);
  assert.equal(await page.getByText(SecretID).count(), 0, "secrets are shown when asked for");
  await button("Show the secret").click();
  await page.getByText(SecretID).waitFor();
  await button("Take out kv-read").click();
  await button("Save").click();
  await until(
    async () => ((await api(`acl/token/${found.AccessorID}`)).Policies ?? []).length === 0,
    () => "still there",
  );
  await button("Clone").click();
  await page.getByRole("heading", { name: "Clone of by hand" }).waitFor();
  await button("Delete").click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.locator(".entries >> text=Master Token").waitFor();
  await page.locator(".entries >> text=Clone of by hand").waitFor({ state: "detached" });
  // The role says who has it.
  await page.goto(`${agent.url}/ui/dc1/acls/roles/${role.ID}`);
  await page.locator(".entries >> text=by hand").waitFor();
  await close();
});

/** A token with these rules, in a policy of its own. */
async function tokenWith(name, rules) {
  await make("acl/policy", { Name: name, Rules: rules });
  return make("acl/token", { Description: name, Policies: [{ Name: name }] });
}

consulTest("why denied: from the refusal to the rule that decides and the one that is missing", async () => {
  await call(agent.url, "PUT", "kv/app/limit", "1", headers);
  const limited = await tokenWith(
    "limited",
    'agent_prefix "" { policy = "read" }\nkey_prefix "" { policy = "write" }\nkey_prefix "app/" { policy = "read" }',
  );
  const { page, close } = await loggedIn("kv/edit?key=app/limit");
  const answer = (allowed) => page.locator(`.why-answer[data-allowed="${allowed}"]`);
  await page.evaluate((token) => sessionStorage.setItem("tribune:token", token), limited.SecretID);
  await page.addInitScript((token) => sessionStorage.setItem("tribune:token", token), limited.SecretID);
  await page.reload();
  await page.locator(".editor textarea").fill("2");
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator(".toast").getByRole("link", { name: "Why denied?" }).click();
  // Who is refused may not read policies: it is said what is missing, and that this may not be all.
  await answer("unsure").waitFor();
  await page.getByText("policy limited: Permission denied").waitFor();
  await page.getByText('key "app/limit" {').waitFor();
  await close();

  const { page: admin, close: closeAdmin } = await loggedIn(
    `acls/why?q=${encodeURIComponent("PUT /v1/kv/app/limit?cas=5")}&token=${limited.AccessorID}`,
  );
  const verdict = (allowed) => admin.locator(`.why-answer[data-allowed="${allowed}"]`);
  await verdict("false").waitFor();
  const rows = admin.locator(".table tbody tr");
  const cells = async (row) => (await rows.nth(row).locator("td").allTextContents()).map((text) => text.trim());
  assert.deepEqual(await cells(0), ['key_prefix "app/"', "read", "limited line 3", "", "yes"]);
  assert.deepEqual((await cells(1)).slice(0, 3), ['key_prefix ""', "write", "limited line 2"]);
  // The rule that it names is the rule that is missing.
  const rule = await admin.locator(".output").textContent();
  await make(`acl/policy/${limited.Policies[0].ID}`, {
    ...(await api(`acl/policy/${limited.Policies[0].ID}`)),
    Rules: `${rule}\nkey_prefix "app/" { policy = "read" }`,
  });
  await verdict("true").waitFor();
  await call(agent.url, "PUT", "kv/app/limit", "2", { "X-Consul-Token": limited.SecretID });
  await admin.getByLabel("Resource").selectOption("operator");
  await verdict("false").waitFor();
  await admin.getByText("No rule of the token fits; the default of the servers is to deny.").waitFor();
  await admin.getByText('operator = "write"').waitFor();
  await closeAdmin();
});

consulTest("a login by an auth method makes a token, a logout ends it", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  await make("acl/auth-method", {
    Name: "jwt",
    Type: "jwt",
    Config: {
      JWTValidationPubKeys: [publicKey.export({ type: "spki", format: "pem" })],
      JWTSupportedAlgs: ["ES256"],
      BoundAudiences: ["tribune"],
      ClaimMappings: { sub: "user" },
    },
  });
  await make("acl/policy", {
    Name: "jwt-reads",
    Rules:
      'agent_prefix "" { policy = "read" } node_prefix "" { policy = "read" } service_prefix "" { policy = "read" }',
  });
  await make("acl/role", { Name: "jwt-role", Policies: [{ Name: "jwt-reads" }] });
  await make("acl/binding-rule", { AuthMethod: "jwt", BindType: "role", BindName: "jwt-role" });
  const { page, close } = await watchedPage(browser, agent.url);
  await page.goto(`${agent.url}/ui/dc1/services`);
  // Consul leaves out of lists what may not be read: an empty one is not called empty and no more.
  await page.getByText("Nobody is logged in, and lists leave out what may not be read.").waitFor();
  await page.getByRole("button", { name: "Log in" }).first().click();
  await page.getByLabel("Auth method").check();
  await page.getByLabel("Name of the auth method").fill("jwt");
  const enter = async (text) => {
    await page.getByLabel("Bearer token (JWT)").fill(text);
    await page.getByRole("dialog").getByRole("button", { name: "Log in" }).click();
  };
  await enter("no such thing");
  await page.locator("dialog [role=alert]").waitFor();
  await enter(
    jwt(privateKey, {
      sub: "ada",
      aud: "tribune",
      iat: Math.floor(Date.now() / 1000) - 60,
      exp: Math.floor(Date.now() / 1000) + 600,
    }),
  );
  await page.locator('[data-service="web"]').waitFor();
  const made = await page.evaluate(() => sessionStorage.getItem("tribune:token"));
  const self = { headers: { "X-Consul-Token": made } };
  assert.equal((await (await fetch(`${agent.url}/v1/acl/token/self`, self)).json()).Roles[0].Name, "jwt-role");
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByText("Logged out", { exact: true }).waitFor();
  assert.equal((await fetch(`${agent.url}/v1/acl/token/self`, self)).status, 403);
  await close();
});

function jwt(key, claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "ES256", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

consulTest(
  "the pages of access satisfy axe, light and dark, fit on a phone and at 200 %, and do not shift",
  async (t) => {
    const { page, close } = await watchedPage(browser, agent.url, { bypassCSP: true, reducedMotion: "reduce" });
    await page.addInitScript((token) => sessionStorage.setItem("tribune:token", token), secret);
    await watchShifts(page);
    const open = async ({ at, shows }, width, height) => {
      await page.setViewportSize({ width, height });
      await page.goto(`${agent.url}/ui/dc1/${at}`);
      await page.locator(shows).first().waitFor({ state: "attached" });
      await page.locator('.freshness[data-state="loading"]').waitFor({ state: "detached" });
      await assertCalm(page, `${width} wide`);
    };
    for (const each of aclPages) {
      await t.test(each.name, async () => {
        await open(each, 1280, 900);
        await assertAccessibleInBoth(page, each.name);
        await assertFits(page);
        await open(each, 360, 740);
        await assertFits(page);
      });
    }
    await close();
  },
);

consulTest("without a token every page of access says that it is not permitted, and offers a login", async (t) => {
  const { page, close } = await watchedPage(browser, agent.url, { bypassCSP: true, reducedMotion: "reduce" });
  for (const { name, at, standing } of aclPages) {
    await t.test(name, async () => {
      await page.goto(`${agent.url}/ui/dc1/${at}`);
      await page.locator("main h1").waitFor();
      if (!standing) {
        await page.locator('.freshness[data-state="denied"]').waitFor();
        await page.locator("main .note h2", { hasText: "Not permitted" }).first().waitFor();
        await page.locator("main .note").getByRole("button", { name: "Log in" }).first().waitFor();
      }
      await assertAccessibleInBoth(page, name);
    });
  }
  await close();
});
