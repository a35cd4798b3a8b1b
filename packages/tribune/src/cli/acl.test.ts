import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { goTime, twoBlanks } from "./acl/format.ts";
import { pretendedAgent } from "./agent.test.support.ts";

let agent: Awaited<ReturnType<typeof pretendedAgent>>;
const directory = mkdtempSync(join(tmpdir(), "tribune-acl-"));
before(async () => {
  agent = await pretendedAgent();
});
after(() => {
  agent.stop();
  rmSync(directory, { recursive: true });
});

const A = "aaaaaaaa-0000-0000-0000-000000000001";
const B = "aaaaaaab-0000-0000-0000-000000000002";
const META = { CreateIndex: 3, ModifyIndex: 4, Hash: "/wA=" };
const TOKEN = {
  ...META,
  AccessorID: A,
  SecretID: B,
  Description: "d",
  Policies: [{ ID: A, Name: "p" }],
  Roles: [{ ID: B, Name: "r" }],
  ServiceIdentities: [{ ServiceName: "web", Datacenters: ["a", "b"] }, { ServiceName: "db" }],
  NodeIdentities: [{ NodeName: "n", Datacenter: "a" }],
  Local: false,
  AuthMethod: "ci",
  CreateTime: "2026-01-02T03:04:05.120000000Z",
  ExpirationTime: "2026-01-03T00:00:00+02:00",
  Unknown: 1,
};

/** Bodies of what was asked, without their lines. */
const bodyOf = (line: string): unknown => JSON.parse(line.slice(line.indexOf("{")));

test("a token is shown whole", async () => {
  agent.answers.set(`GET /v1/acl/token/${A}`, [200, TOKEN]);
  const { out } = await agent.run(["acl", "token", "read", "-meta", `-id=${A}`]);
  assert.equal(
    out,
    `AccessorID:       ${A}
SecretID:         ${B}
Description:      d
Local:            false
Auth Method:      ci
Create Time:      2026-01-02 03:04:05.12 +0000 UTC
Expiration Time:  2026-01-03 00:00:00 +0200 +0200
Hash:             ff00
Create Index:     3
Modify Index:     4
Policies:
   ${A} - p
Roles:
   ${B} - r
Service Identities:
   web (Datacenters: a, b)
   db (Datacenters: all)
Node Identities:
   n (Datacenter: a)

`,
  );
  const json = await agent.run(["acl", "token", "read", "-format=json", `-id=${A}`]);
  const { Unknown, ...known } = TOKEN;
  assert.deepEqual(JSON.parse(json.out), known);
  assert.ok(json.out.startsWith('{\n    "CreateIndex": 3,\n'), json.out);
  await agent.refuses(["acl", "token", "read", "-format=xml", `-id=${A}`], "Unknown format: xml");
});

test("lists: blank lines between tokens, none between policies", async () => {
  agent.answers.set("GET /v1/acl/tokens", [200, [TOKEN, { ...TOKEN, AccessorID: B, Legacy: true }]]);
  const tokens = await agent.run(["acl", "token", "list"]);
  assert.match(tokens.out, /Legacy: {11}false\n.*\n\nAccessorID: {7}aaaaaaab.*Legacy: {11}true\n/s);
  const policy = { ...META, ID: A, Name: "p", Description: "d", Datacenters: ["a", "b"] };
  agent.answers.set("GET /v1/acl/policies", [200, [policy]]);
  assert.equal(
    (await agent.run(["acl", "policy", "list"])).out,
    `p:\n   ID:           ${A}\n   Description:  d\n   Datacenters:  a, b\n\n`,
  );
});

test("IDs may be given by their beginning", async () => {
  agent.answers.set("GET /v1/acl/tokens", [200, [TOKEN, { ...TOKEN, AccessorID: B }]]);
  assert.equal((await agent.run(["acl", "token", "read", "-id=aaaaaaaa"])).code, 0);
  const prefix = "Error determining token ID: ";
  await agent.refuses(["acl", "token", "read", "-id=aaaa"], `${prefix}Partial token ID is not unique`);
  await agent.refuses(["acl", "token", "read", "-id=b"], `${prefix}No such token ID with prefix: b`);
  await agent.refuses(["acl", "policy", "read", "-name=x"], "Error determining policy ID: No such policy with name x");
  await agent.refuses(["acl", "token", "read"], "Must specify the -id parameter");
});

test("a token is made with all it may have", async () => {
  agent.answers.set("PUT /v1/acl/token", [200, TOKEN]);
  const grants = ["-policy-name=p", "-role-name=r", "-service-identity=web:a,b", "-node-identity=n:a"];
  const words = ["acl", "token", "create", "-description=d", "-local", "-expires-ttl=90s", ...grants];
  assert.equal((await agent.run(words)).code, 0);
  assert.deepEqual(bodyOf(agent.asked.at(-1) as string), {
    Description: "d",
    Local: true,
    AccessorID: "",
    SecretID: "",
    ExpirationTTL: 90e9,
    ServiceIdentities: [{ ServiceName: "web", Datacenters: ["a", "b"] }],
    NodeIdentities: [{ NodeName: "n", Datacenter: "a" }],
    Policies: [{ Name: "p" }],
    Roles: [{ Name: "r" }],
  });
  const bad = 'Malformed -node-identity argument: "n"';
  await agent.refuses(["acl", "token", "create", "-node-identity=n"], bad);
});

test("updates take away what is not given, unless told to merge", async () => {
  agent.answers.set(`GET /v1/acl/token/${A}`, [200, TOKEN]);
  agent.answers.set(`PUT /v1/acl/token/${A}`, [200, TOKEN]);
  await agent.run(["acl", "token", "update", `-id=${A}`, "-policy-name=q", "-merge-roles", "-role-name=s"]);
  const body = bodyOf(agent.asked.at(-1) as string) as typeof TOKEN;
  assert.deepEqual(body.Policies, [{ ID: "", Name: "q" }]);
  assert.deepEqual(body.Roles, [
    { ID: B, Name: "r" },
    { ID: "", Name: "s" },
  ]);
  assert.deepEqual([body.ServiceIdentities, body.Description, body.SecretID], [undefined, "d", B]);
});

test("policies keep what no flag names", async () => {
  const policy = { ID: A, Name: "p", Description: "d", Rules: "r", Datacenters: ["a"] };
  agent.answers.set(`GET /v1/acl/policy/${A}`, [200, policy]);
  agent.answers.set(`PUT /v1/acl/policy/${A}`, [200, policy]);
  const file = join(directory, "rules.hcl");
  writeFileSync(file, "rules");
  const merged = await agent.run(["acl", "policy", "update", `-id=${A}`, "-description=", `-rules=@${file}`]);
  assert.equal(merged.out, `ID:           ${A}\nName:         p\nDescription:  d\nDatacenters:  a\nRules:\nr\n`);
  assert.deepEqual(bodyOf(agent.asked.at(-1) as string), { ...policy, Description: "", Rules: "rules" });
  await agent.run(["acl", "policy", "update", `-id=${A}`, "-no-merge", "-name=n"]);
  const empty = { Description: "", Rules: "", Datacenters: [] };
  assert.deepEqual(bodyOf(agent.asked.at(-1) as string), { ID: A, Name: "n", ...empty });
});

test("auth methods and binding rules", async () => {
  const method = { Name: "ci", Type: "jwt", Description: "d", MaxTokenTTL: "5m0s", Config: { b: 1, a: [2] } };
  agent.answers.set("GET /v1/acl/auth-method/ci", [200, method]);
  agent.answers.set("PUT /v1/acl/auth-method/ci", [200, method]);
  assert.equal(
    (await agent.run(["acl", "auth-method", "read", "-name=ci"])).out,
    `Name:          ci\nType:          jwt\nDescription:   d\nMaxTokenTTL:   5m0s\nConfig:\n${twoBlanks({ a: [2], b: 1 })}\n`,
  );
  await agent.refuses(["acl", "auth-method", "read", "-name=x"], 'Auth method not found with name "x"');
  await agent.run(["acl", "auth-method", "update", "-name=ci", '-config={"c":3}', "-max-token-ttl=0s"]);
  const sent = bodyOf(agent.asked.at(-1) as string) as typeof method;
  assert.deepEqual([sent.Config, sent.MaxTokenTTL, sent.Description], [{ c: 3 }, "5m0s", "d"]);
  const lacking = "Missing required '-kubernetes-ca-cert' flag";
  await agent.refuses(["acl", "auth-method", "create", "-type=kubernetes", "-name=k", "-kubernetes-host=h"], lacking);

  const rule = { ID: A, Description: "d", AuthMethod: "ci", Selector: "s", BindType: "role", BindName: "n" };
  agent.answers.set(`GET /v1/acl/binding-rule/${A}`, [200, rule]);
  agent.answers.set(`PUT /v1/acl/binding-rule/${A}`, [200, rule]);
  await agent.run(["acl", "binding-rule", "update", `-id=${A}`, "-selector="]);
  // Consul's flag has a default, which counts as given.
  assert.deepEqual(bodyOf(agent.asked.at(-1) as string), { ...rule, Selector: "", BindType: "service" });
});

test("login writes the token for its owner alone and sends none itself", async () => {
  const [bearer, sink] = [join(directory, "jwt"), join(directory, "deep/token")];
  writeFileSync(bearer, " secret \n");
  agent.answers.set("POST /v1/acl/login", [200, TOKEN]);
  const words = ["login", "-method=ci", `-bearer-token-file=${bearer}`, `-token-sink-file=${sink}`, "-meta=a=b"];
  const { code, out, err } = await agent.run(words, { env: { CONSUL_HTTP_TOKEN: "old" } });
  assert.deepEqual([code, out, err], [0, "", ""]);
  assert.deepEqual(bodyOf(agent.asked.at(-1) as string), { AuthMethod: "ci", BearerToken: "secret", Meta: { a: "b" } });
  assert.equal(readFileSync(sink, "utf8"), B);
  assert.equal(statSync(sink).mode & 0o777, 0o600);
  await agent.refuses(["logout", "x"], "Should have no non-flag arguments.");
});

test("a token file that is not there ends every command in the same words", async () => {
  const reason = "Error loading token file: open nosuch: no such file or directory";
  await agent.refuses(["kv", "get", "-token-file=nosuch", "a"], `Error connecting to Consul agent: ${reason}`);
  await agent.refuses(["acl", "token", "list", "-token-file=nosuch"], `Error connecting to Consul agent: ${reason}`);
  await agent.refuses(["config", "list", "-kind=a", "-token-file=nosuch"], `Error connect to Consul agent: ${reason}`);
});

test("times as Go prints them", () => {
  assert.equal(goTime("2026-01-02T03:04:05Z"), "2026-01-02 03:04:05 +0000 UTC");
  assert.equal(goTime("0001-01-01T00:00:00Z"), "0001-01-01 00:00:00 +0000 UTC");
  assert.equal(goTime("2026-01-02T03:04:00.500-07:00"), "2026-01-02 03:04:00.5 -0700 -0700");
  assert.equal(goTime("soon"), "soon");
});
