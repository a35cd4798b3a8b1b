import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { pretendedAgent } from "./agent.test.support.ts";

let agent: Awaited<ReturnType<typeof pretendedAgent>>;
const directory = mkdtempSync(join(tmpdir(), "tribune-connect-"));
before(async () => {
  agent = await pretendedAgent();
});
beforeEach(() => {
  agent.answers.clear();
  agent.asked.length = 0;
});
after(() => {
  agent.stop();
  rmSync(directory, { recursive: true });
});

const run = (words: string) => agent.run(["connect", ...words.split(" ")]);
const refuses = (words: string, says: string) => agent.refuses(["connect", ...words.split(" ")], says);
const EXPOSE = "expose -service=web -ingress-gateway=edge";
const ENTRY = "/v1/config/ingress-gateway/edge";
const INTENTION = "/v1/connect/intentions/exact?source=edge&destination=web";

/** Answers what is there, takes every write, and returns what was written: the entry with its URL, the intention. */
async function exposed(words: string, { entry, intention }: { entry?: object; intention?: object } = {}) {
  agent.asked.length = 0;
  agent.answers.get = (line: string) => {
    if (line === `GET ${ENTRY}`)
      return entry === undefined ? [404, 'Config entry not found for "ingress-gateway" / "edge"'] : [200, entry];
    if (line.startsWith("GET /v1/connect")) return intention === undefined ? [404, "not found"] : [200, intention];
    return line.startsWith("PUT /v1/config") ? [200, "true"] : [200, {}];
  };
  try {
    const { code, out, err } = await run(`${EXPOSE} ${words}`);
    assert.deepEqual([code, err], [0, ""]);
    const writes = agent.asked.filter((line) => line.startsWith("PUT"));
    const bodies = writes.map((line) => JSON.parse(line.slice(line.indexOf("{"))) as Record<string, unknown>);
    return { out, to: writes.map((line) => line.slice(4, line.indexOf(" {"))), bodies };
  } finally {
    delete (agent.answers as { get?: unknown }).get;
  }
}

test("expose makes the gateway's entry and the intention", async () => {
  const { out, to, bodies } = await exposed("-port=8080 -protocol=http -host=a.io -host=b.io");
  assert.equal(
    out,
    'Successfully updated config entry for ingress service "edge"\n' +
      'Successfully set up intention for "edge" -> "web"\n',
  );
  assert.deepEqual(to, ["/v1/config?cas=0", INTENTION]);
  const Services = [{ Name: "web", Hosts: ["a.io", "b.io"] }];
  assert.deepEqual(bodies, [
    { Kind: "ingress-gateway", Name: "edge", Listeners: [{ Port: 8080, Protocol: "http", Services }] },
    { SourceName: "edge", DestinationName: "web", SourceType: "consul", Action: "allow" },
  ]);
});

test("expose keeps what the entry says, replaces its own service, and writes only over what it read", async () => {
  const other = { Name: "api", Hosts: null };
  const listener = { Port: 8080, Protocol: "tcp", Services: [other] };
  const entry = {
    Kind: "ingress-gateway",
    Name: "edge",
    TLS: { Enabled: true },
    Listeners: [listener],
    ModifyIndex: 7,
  };
  const added = await exposed("-port=8080", { entry, intention: { Action: "allow" } });
  assert.equal(added.out.split("\n")[1], 'Intention already exists for "edge" -> "web"');
  assert.deepEqual(added.to, ["/v1/config?cas=7"]);
  const both = [other, { Name: "web", Hosts: null }];
  assert.deepEqual(added.bodies, [{ ...entry, Listeners: [{ ...listener, Services: both }] }]);

  const again = await exposed("-port=8080", { entry: added.bodies[0] ?? {}, intention: { Action: "deny" } });
  assert.equal(again.out.split("\n")[0], 'Updating service definition for "web" on listener with port 8080');
  assert.deepEqual(again.bodies[0], added.bodies[0]);
  assert.equal(again.to[1], INTENTION);

  const elsewhere = await exposed("-port=9090", { entry });
  assert.deepEqual(elsewhere.bodies[0]?.Listeners, [listener, { Port: 9090, Protocol: "tcp", Services: [both[1]] }]);
});

test("expose says what is missing, in the way, or was changed meanwhile", async () => {
  await refuses("expose", "A service name must be given via the -service flag.");
  await refuses("expose -service a/b/c", "Invalid service name: target can contain at most one '/'");
  await refuses("expose -service a", "An ingress gateway service must be given via the -ingress-gateway flag.");
  const many = "Invalid ingress gateway name: target can contain at most one '/'";
  await refuses("expose -service a -ingress-gateway a/b/c", many);
  await refuses(EXPOSE, "A port must be provided via the -port flag.");
  agent.answers.set(`GET ${ENTRY}`, [500, "no leader"]);
  const fetching = "Error fetching existing ingress gateway configuration: Unexpected response code: 500 (no leader)";
  await refuses(`${EXPOSE} -port=1`, fetching);
  const Listeners = [{ Port: 1, Protocol: "tcp", Services: null }];
  agent.answers.set(`GET ${ENTRY}`, [200, { Kind: "ingress-gateway", Name: "edge", Listeners, ModifyIndex: 3 }]);
  const conflict = 'Listener on port 1 already configured with conflicting protocol "tcp"';
  await refuses(`${EXPOSE} -port=1 -protocol=http`, conflict);
  agent.answers.set("PUT /v1/config?cas=3", [200, "false"]);
  const changed = "Ingress config entry was changed while attempting to update, please try again.";
  await refuses(`${EXPOSE} -port=1`, changed);
});

test("ca shows the settings as Consul's client knows them, and sets them", async () => {
  const path = "/v1/connect/ca/configuration";
  agent.answers.set(`GET ${path}`, [200, { Provider: "consul", Config: { b: 1, a: "72h" }, CreateIndex: 5, Odd: 1 }]);
  assert.equal(
    (await run("ca get-config")).out,
    `{
\t"Provider": "consul",
\t"Config": {
\t\t"a": "72h",
\t\t"b": 1
\t},
\t"State": null,
\t"ForceWithoutCrossSigning": false,
\t"CreateIndex": 5,
\t"ModifyIndex": 0
}
`,
  );
  await refuses("ca set-config", "The -config-file flag is required");
  const reading = "Error reading config file: open /missing: no such file or directory";
  await refuses("ca set-config -config-file=/missing", reading);
  const file = join(directory, "ca.json");
  writeFileSync(file, '{"Provider": "consul", "Config": {"LeafCertTTL": "1h"}}');
  agent.answers.set(`PUT ${path}`, [200, ""]);
  const args = ["connect", "ca", "set-config", "-force-without-cross-signing", `-config-file=${file}`];
  const set = await agent.run(args);
  assert.deepEqual([set.code, set.out], [0, "Configuration updated!\n"]);
  const sent = JSON.parse((agent.asked.at(-1) ?? "").replace(/^[^{]*/, "")) as Record<string, unknown>;
  assert.deepEqual(
    [sent.Provider, sent.Config, sent.ForceWithoutCrossSigning],
    ["consul", { LeafCertTTL: "1h" }, true],
  );
  agent.answers.set(`GET ${path}`, [500, "not here"]);
  await refuses("ca get-config", "Error querying CA configuration: Unexpected response code: 500 (not here)");
});

test("commands of the mesh say why they cannot be had, whatever their flags, and stand in no list", async () => {
  const why =
    "This version of Tribune does not run the service mesh: it makes no certificates and configures no proxies.";
  for (const words of ["envoy -sidecar-for web -bootstrap", "envoy pipe-bootstrap", "proxy -service=a -upstream=b:1"])
    await refuses(words, why);
  await refuses("redirect-traffic -proxy-uid 1", why);
  const { code, out } = await agent.run(["connect", "-h"]);
  assert.equal(code, 0);
  assert.deepEqual(out.match(/^ {4}\S+/gm), ["    ca", "    expose"]);
  assert.equal((await run("nonsense")).code, 1);
});
