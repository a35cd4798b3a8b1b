// Pictures of the pages in both themes, for docs/screenshots: `npm run screenshots`. Those of access need CONSUL_BIN.
// `node test/ui/screenshots.mjs DIRECTORY WIDTH HEIGHT` puts them elsewhere, in another size.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AgentProcess, until } from "../e2e/agent-process.mjs";
import { devAgent, missing, startBrowser, watchedPage } from "./harness.mjs";
import { aclPages, pages } from "./pages.mjs";
import { importMesh, metricsSettings, noVictoria, startVictoria } from "./victoria.mjs";
import { call, fill } from "./world.mjs";

if (missing) throw new Error(missing);
const docs = fileURLToPath(new URL("../../docs/screenshots/", import.meta.url));
const [directory = docs, width = "1120", height = "700"] = process.argv.slice(2);
mkdirSync(directory, { recursive: true });
const started = [];
let victoria;
const scratch = mkdtempSync(join(tmpdir(), "tribune-screenshots-"));
const browser = await startBrowser();
try {
  if (noVictoria) console.log(`WITHOUT FIGURES IN THE TOPOLOGY: ${noVictoria}`);
  else victoria = await startVictoria("127.0.98.16");
  const agent = await devAgent("127.0.98.16", { args: victoria ? metricsSettings(victoria.url) : [] });
  started.push(agent);
  // Two more members, so that there is a map to draw.
  for (const [name, address] of [
    ["fra-client-1", "127.0.98.33"],
    ["fra-client-2", "127.0.98.34"],
  ]) {
    const args = [`-node=${name}`, `-data-dir=${join(scratch, name)}`, "-retry-join=127.0.98.16"];
    started.push(new AgentProcess({ address, args }));
  }
  // And a server elsewhere, for the other map.
  const far = ["-datacenter=dc2", "-node=nyc-server-1", "-retry-join-wan=127.0.98.16"];
  started.push(await devAgent("127.0.98.36", { args: far }));
  await fill(agent.url);
  await until(
    async () => JSON.parse(await call(agent.url, "GET", "coordinate/nodes")).length === 3,
    () => "not all have coordinates",
    60_000,
  );
  if (victoria) await importMesh(victoria.url);
  await picture(agent, pages);
  const consul = process.env.CONSUL_BIN ?? "";
  if (existsSync(consul)) {
    const { consul: checked, secret } = await withAcls(consul);
    await picture(checked, aclPages, secret);
  } else console.log("SKIPPED, THE PAGES OF ACCESS: set CONSUL_BIN to a Consul");
} finally {
  await browser.close();
  for (const each of started) await each.kill();
  await victoria?.stop();
  rmSync(scratch, { recursive: true, force: true });
}

async function picture(agent, list, secret = "") {
  for (const colorScheme of ["light", "dark"]) {
    const viewport = { width: Number(width), height: Number(height) };
    const { page, close } = await watchedPage(browser, agent.url, { colorScheme, viewport });
    if (secret !== "") await page.addInitScript((token) => sessionStorage.setItem("tribune:token", token), secret);
    for (const { name, at, shows } of list) {
      await page.goto(`${agent.url}/ui/dc1/${at}`);
      await page.locator(shows).first().waitFor({ state: "attached" });
      if (name.startsWith("members")) await page.locator(".map .dot").nth(1).waitFor({ timeout: 60_000 });
      if (victoria && name === "service-topology") await page.locator(".topology-measures >> text=P99").waitFor();
      // On a busy machine some of it may still be asked for.
      await page.locator('.freshness[data-state="loading"]').waitFor({ state: "detached" });
      await page.evaluate(() => document.fonts.ready);
      await page.screenshot({ path: join(directory, `${name}-${colorScheme}.png`) });
    }
    await close();
  }
}

/** A Consul that checks tokens, with some of everything. */
async function withAcls(command) {
  const secret = "5f0c2d2e-9d3b-4f0e-8f5e-1c1b1c1d1e1f";
  const site = fileURLToPath(new URL("../../packages/ui/dist", import.meta.url));
  const acl = `acl { enabled = true default_policy = "deny" tokens { master = "${secret}" agent = "${secret}" } }`;
  const consul = await devAgent("127.0.98.35", {
    command: [command],
    args: [`-ui-dir=${site}`, `-hcl=${acl}`, "-log-level=err"],
  });
  started.push(consul);
  const make = (path, body) => call(consul.url, "PUT", path, body, { "X-Consul-Token": secret });
  const rules = 'service "web" {\n  policy = "write"\n}\nkey_prefix "app/" {\n  policy = "read"\n}\n';
  await until(
    () =>
      make("acl/policy", { Name: "web-deploy", Description: "What the pipeline needs", Rules: rules }).then(
        () => true,
        () => false,
      ),
    () => "no ACLs yet",
  );
  await make("acl/role", {
    Name: "deployers",
    Policies: [{ Name: "web-deploy" }],
    ServiceIdentities: [{ ServiceName: "web" }],
  });
  await make("acl/token", { Description: "Pipeline of web", Roles: [{ Name: "deployers" }] });
  await make("acl/token", { Description: "Dashboard", Policies: [{ Name: "web-deploy" }] });
  return { consul, secret };
}
