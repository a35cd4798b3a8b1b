import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { Timers } from "../lib/runtime.ts";
import { pretendedAgent } from "./agent.test.support.ts";
import { completions } from "./completion.ts";
import { archiveFolder } from "./debug/archive.ts";
import { commandTree } from "./tree.ts";

let agent: Awaited<ReturnType<typeof pretendedAgent>>;
const directory = mkdtempSync(join(tmpdir(), "tribune-cli-"));
before(async () => {
  agent = await pretendedAgent();
});
after(() => {
  agent.stop();
  rmSync(directory, { recursive: true });
});

test("keyring: pools, keys in order, complaints", async () => {
  const lan = { WAN: false, Datacenter: "dc1", NumNodes: 2 };
  const pools = [
    { ...lan, WAN: true, Segment: "", Keys: { b: 1, a: 2 } },
    { ...lan, Messages: { n1: "no keyring" }, Keys: { a: 2 }, PrimaryKeys: {} },
  ];
  agent.answers.set("GET /v1/operator/keyring?relay-factor=2&local-only=true", [200, pools]);
  const { out } = await agent.run(["keyring", "-list", "-relay-factor=2", "-local-only"]);
  assert.equal(
    out,
    "==> Gathering installed encryption keys...\n\nWAN:\n  a [2/2]\n  b [1/2]\n\ndc1 (LAN):\n  ===> n1: no keyring\n  a [2/2]\n",
  );
  agent.answers.set("DELETE /v1/operator/keyring", [500, "no"]);
  const refused = await agent.run(["keyring", "-remove=k"]);
  assert.deepEqual([refused.code, refused.err], [1, "error: Unexpected response code: 500 (no)\n"]);
  assert.equal(agent.asked.at(-1), 'DELETE /v1/operator/keyring {"Key":"k"}');
  await agent.refuses(["keyring", "-list", "-use=k"], "Only a single action is allowed");
  const local = "Error validating local-only: local-only can only be set for list requests";
  await agent.refuses(["keyring", "-use=k", "-local-only"], local);
});

test("exec: what nodes said, and who failed", async () => {
  agent.answers.set("GET /v1/agent/self", [200, { Config: { Datacenter: "dc1", NodeName: "n" } }]);
  agent.answers.set("PUT /v1/session/create", [200, { ID: "s1" }]);
  agent.answers.set("PUT /v1/session/renew/s1", [200, []]);
  agent.answers.set("PUT /v1/session/destroy/s1", [200, true]);
  agent.answers.set("PUT /v1/kv/_rexec/s1/job?acquire=s1", [200, true]);
  agent.answers.set("PUT /v1/event/fire/_rexec?node=web", [200, { ID: "e1" }]);
  agent.answers.set("DELETE /v1/kv/_rexec/s1?recurse", [200, true]);
  const keys = ["job", "a/ack", "a/exit", "a/out/00000", "a/out/00001", "b/ack", "odd"].map(
    (key) => `_rexec/s1/${key}`,
  );
  const value = (text: string) => [200, [{ Key: "k", Value: Buffer.from(text).toString("base64"), Flags: 0 }]] as const;
  agent.answers.set("GET /v1/kv/_rexec/s1/a/exit", value("3"));
  agent.answers.set("GET /v1/kv/_rexec/s1/a/out/00000", value("one\ntwo\n"));
  agent.answers.set("GET /v1/kv/_rexec/s1/a/out/00001", value(""));
  const before = agent.asked.length;
  agent.answers.set("GET /v1/kv/_rexec/s1/?keys&wait=1000ms", [200, keys]);
  // Quiet is when the list was asked for again: then all of the first is told.
  const again = (): boolean => agent.asked.some((line) => line.startsWith("GET /v1/kv/_rexec/s1/?keys&index="));
  const timers: Timers = {
    soon: (run) => void setImmediate(run),
    after(delayMs, run) {
      let cancelled = false;
      const look = (): void => {
        if (cancelled) return;
        if (delayMs < 1_000 || (delayMs < 5_000 && again())) run();
        else setImmediate(look);
      };
      setImmediate(look);
      return () => {
        cancelled = true;
      };
    },
  };
  const { code, out, err } = await agent.run(["exec", "-node=web", "-wait=1s", "-verbose", "run", "it"], { timers });
  assert.equal(code, 2);
  const said = out.split("\n");
  for (const line of ["==> a: acknowledged", "    a: one", "    a: two", "==> a: finished with exit code 3"])
    assert.ok(said.includes(line) || said.includes(`${line} `), `${line} in ${out}`);
  assert.match(err, /Unknown key 'odd', ignoring\./);
  assert.match(out, /1 \/ 2 node\(s\) completed \/ acknowledged/);
  const asked = agent.asked.slice(before);
  assert.ok(asked.some((line) => line.endsWith('{"Command":"run it","Wait":1000000000}')));
  assert.ok(asked.some((line) => line.includes('{"Prefix":"_rexec","Session":"s1"}')));
  assert.deepEqual(asked.slice(-2), ["PUT /v1/session/destroy/s1", "DELETE /v1/kv/_rexec/s1?recurse"]);
});

test("exec refuses what cannot work before it asks anybody", async () => {
  const cases: readonly (readonly [words: readonly string[], says: string])[] = [
    [["exec"], "Must specify a command to execute"],
    [["exec", "-shell=false", "-"], "Cannot configure -shell=false when reading from stdin"],
    [["exec", "-tag=a", "x"], "Cannot provide tag filter without service filter."],
    [["exec", "-node=[", "x"], "Failed to compile node filter regexp: error parsing regexp: missing closing ]: `[`"],
  ];
  for (const [words, says] of cases) await agent.refuses(words, says);
});

test("config entries are read before they are sent", async () => {
  const file = join(directory, "entry.hcl");
  const write = (text: string, ...flags: string[]) => {
    writeFileSync(file, text);
    return ["config", "write", ...flags, file];
  };
  agent.answers.set("PUT /v1/config?cas=7", [200, "true"]);
  const entry = 'Kind = "service-defaults"\nName = "web"\nProtocol = "http"\nMeta { a = "b" }';
  const done = await agent.run(write(entry, "-cas", "-modify-index=7"));
  assert.equal(done.out, "Config entry written: service-defaults/web\n");
  const sent = JSON.parse((agent.asked.at(-1) as string).replace(/^[^{]*/, "")) as Record<string, unknown>;
  assert.equal(sent.Protocol, "http");
  agent.answers.set("PUT /v1/config", [200, "false"]);
  await agent.refuses(write(entry), "Config entry not updated: service-defaults/web");
  const before = agent.asked.length;
  const wrong = "Failed to decode config entry input: ";
  await agent.refuses(write('Kind = "nope"'), `${wrong}invalid config entry kind: nope`);
  await agent.refuses(write('Kind = "mesh"\nBogus = 1'), `${wrong}1 error occurred:\n\t* invalid config key "Bogus"`);
  await agent.refuses(write("Name = 1"), `${wrong}Payload does not contain a kind/Kind key at the top level`);
  await agent.refuses(write('{"Kind": '), `${wrong}${wrong}unexpected end of JSON input`);
  assert.equal(agent.asked.length, before);
});

test("a config entry is deleted as it was read, or the command says that it was not", async () => {
  const command = ["config", "delete", "-kind", "service-defaults", "-name", "web"];
  const conditional = [...command, "-cas", "-modify-index", "18446744073709551615"];
  const target = "DELETE /v1/config/service-defaults/web?cas=18446744073709551615";
  agent.answers.set(target, [200, "true"]);
  assert.equal((await agent.run(conditional)).out, "Config entry deleted: service-defaults/web\n");
  const not = "Config entry not deleted: service-defaults/web";
  agent.answers.set(target, [200, "false"]);
  await agent.refuses(conditional, not);
  agent.answers.set(target, [200, "{}"]);
  await agent.refuses(conditional, `${not}; but its agent did not look at the condition, and may have deleted it`);
  const before = agent.asked.length;
  await agent.refuses([...command, "-cas"], "Must specify a -modify-index greater than 0 with -cas");
  await agent.refuses([...command, "-modify-index", "1"], "Cannot specify -modify-index without -cas");
  assert.equal(agent.asked.length, before);
});

test("what a file holds is deleted, and a filter goes to the servers", async () => {
  const file = join(directory, "gone.hcl");
  writeFileSync(file, 'Kind = "service-defaults"\nName = "web"');
  agent.answers.set("DELETE /v1/config/service-defaults/web", [200, "{}"]);
  const done = await agent.run(["config", "delete", "-filename", file]);
  assert.equal(done.out, "Config entry deleted: service-defaults/web\n");
  const both = "filename can't be used with kind or name";
  await agent.refuses(["config", "delete", "-filename", file, "-kind", "mesh"], both);
  agent.answers.set("GET /v1/config/service-defaults?filter=Protocol%20%3D%3D%20http", [200, '[{"Name":"web"}]']);
  const listed = await agent.run(["config", "list", "-kind", "service-defaults", "-filter", "Protocol == http"]);
  assert.equal(listed.out, "web\n");
});

test("a snapshot's name says of which version and datacenter it is, where asked", async () => {
  const state = { Leader: "b", Servers: { a: { Version: "1.9.0" }, b: { Version: "1.10.11" } } };
  agent.answers.set("GET /v1/operator/autopilot/state", [200, JSON.stringify(state)]);
  agent.answers.set("GET /v1/agent/self", [200, '{"Config":{"Datacenter":"east"}}']);
  agent.answers.set("GET /v1/snapshot", [200, "no archive"]);
  const into = (name: string) => join(directory, "nowhere", name);
  const saved = await agent.run(["snapshot", "save", "-append-filename=version,dc", into("b.snap")]);
  assert.ok(saved.err.includes(`open ${into("b-1.10.11-east.snap")}.unverified`), saved.err);
  const plain = await agent.run(["snapshot", "save", into("b.snap")]);
  assert.ok(plain.err.includes(`open ${into("b.snap")}.unverified`), plain.err);
  agent.answers.set("GET /v1/agent/self", [500, "no"]);
  const failed = await agent.run(["snapshot", "save", "-append-filename=dc", into("b.snap")]);
  assert.match(failed.err, /^Error connecting to Consul agent and fetching datacenter\/version: /);
});

test("config write leaves namespaces to the servers", async () => {
  const file = join(directory, "spaced.hcl");
  writeFileSync(file, 'Kind = "service-defaults"\nName = "web"\nNamespace = "x"');
  const answer = [400, "namespaces are a consul enterprise feature"] as const;
  agent.answers.set("PUT /v1/config", answer);
  const { err } = await agent.run(["config", "write", file]);
  assert.match(err, /^Error writing config entry service-defaults\/web: Unexpected response code: 400 \(namespaces/);
});

test("config read prints what Consul's client makes of an entry", async () => {
  const path = "GET /v1/config/service-defaults/web";
  agent.answers.set(path, [
    200,
    {
      ...{ Kind: "service-defaults", Name: "web", Protocol: "", TransparentProxy: {}, MeshGateway: {} },
      Expose: { Paths: [{ Path: "/a" }] },
      UpstreamConfig: {
        Overrides: [{ Name: "x", Limits: { MaxConnections: 3 } }],
        Defaults: { PassiveHealthCheck: {} },
      },
      ...{ CreateIndex: 1, ModifyIndex: 2 },
    },
  ]);
  const { out } = await agent.run(["config", "read", "-kind=service-defaults", "-name=web"]);
  const limits = { MaxConnections: 3, MaxPendingRequests: null, MaxConcurrentRequests: null };
  assert.equal(
    JSON.stringify(JSON.parse(out)),
    JSON.stringify({
      ...{ Kind: "service-defaults", Name: "web", TransparentProxy: {}, MeshGateway: {} },
      Expose: { Paths: [{ Path: "/a", ParsedFromCheck: false }] },
      UpstreamConfig: {
        Overrides: [{ Name: "x", Limits: limits }],
        Defaults: { PassiveHealthCheck: { MaxFailures: 0 } },
      },
      ...{ CreateIndex: 1, ModifyIndex: 2 },
    }),
  );
  const global = { Kind: "proxy-defaults", Name: "global", Config: { a: 1 }, TransparentProxy: {} };
  agent.answers.set("GET /v1/config/proxy-defaults/global", [200, global]);
  const read = await agent.run(["config", "read", "-kind=proxy-defaults", "-name=global"]);
  assert.deepEqual(Object.keys(JSON.parse(read.out) as object), ["Kind", "Name", "TransparentProxy", "Config"]);
});

test("an import counts for who watches, and says nothing to a script", async () => {
  const entries = Array.from({ length: 120 }, (_, at) => ({ key: `k${at}`, flags: 0, value: "" }));
  for (const { key } of entries) agent.answers.set(`PUT /v1/kv/${key}`, [200, "true"]);
  const stdin = JSON.stringify(entries);
  const watched = await agent.run(["kv", "import", "-"], { stdin, interactive: true });
  assert.equal(watched.err, "\rImported 50 of 120\rImported 100 of 120\rImported 120 of 120\n");
  assert.equal((await agent.run(["kv", "import", "-"], { stdin })).err, "");
});

test("completion: commands, then flags", async () => {
  const tree = commandTree(() => Promise.reject(new Error("no agent in this test")));
  const cases: readonly (readonly [line: string, words: readonly string[]])[] = [
    ["consul me", ["members"]],
    ["consul kv ", ["delete", "export", "get", "import", "put"]],
    ["consul operator raft l", ["list-peers"]],
    ["consul kv get -de", ["-detailed"]],
    ["consul kv get --de", ["-detailed"]],
    ["consul kv get a", []],
    ["consul nosuch x", []],
    ["consul nosuch kv g", ["get"]],
    ["consul -a", ["-autocomplete-install", "-autocomplete-uninstall"]],
  ];
  for (const [line, words] of cases) assert.deepEqual(await completions(tree, line), words, line);
  const asked = await agent.run([], { env: { COMP_LINE: "consul lo" } });
  assert.deepEqual([asked.code, asked.out], [0, "lock\nlogin\nlogout\n"]);
});

test("completion goes into the shells that are there, and out again", async () => {
  const home = join(directory, "home");
  mkdirSync(join(home, ".config/fish"), { recursive: true });
  writeFileSync(join(home, ".bashrc"), "alias x=y");
  const options = { env: { HOME: home } };
  assert.equal((await agent.run(["-autocomplete-install"], options)).code, 0);
  const bash = () => readFileSync(join(home, ".bashrc"), "utf8");
  assert.equal(bash(), "alias x=y\ncomplete -C /opt/consul consul\n");
  const fish = join(home, ".config/fish/completions/consul.fish");
  assert.match(readFileSync(fish, "utf8"), /complete -f -c consul -a "\(__complete_consul\)"/);
  const again = await agent.run(["-autocomplete-install"], options);
  assert.match(again.err, /^Error installing autocompletion: already installed in /);
  assert.equal((await agent.run(["-autocomplete-uninstall"], options)).code, 0);
  assert.equal(bash(), "alias x=y\n");
  assert.throws(() => readFileSync(fish));
  assert.equal((await agent.run(["-autocomplete-install"], { env: {} })).code, 1);
});

test("debug gathers what there is and packs it", async () => {
  agent.answers.set("GET /v1/agent/self", [200, { Config: { Version: "1.10.11" } }]);
  agent.answers.set("GET /v1/agent/host", [403, "Permission denied"]);
  agent.answers.set("GET /v1/agent/members?wan=1", [200, []]);
  agent.answers.set("GET /v1/agent/metrics", [200, { Gauges: [] }]);
  const output = join(directory, "bundle");
  const words = ["debug", `-output=${output}`, "-capture=metrics", "-capture=agent", "-capture=host"];
  const { code, out, err } = await agent.run([...words, "-duration=10s", "-interval=5s"]);
  assert.equal(code, 0, err);
  assert.match(out, /Agent Version: '1\.10\.11'\n +Interval: '5s'\n +Duration: '10s'\n/);
  assert.equal(err, "Static capture failed: Unexpected response code: 403 (Permission denied)\n");
  const tar = gunzipSync(readFileSync(`${output}.tar.gz`)).toString("latin1");
  for (const name of ["bundle/agent.json", "bundle/index.json", "/metrics.json"]) assert.ok(tar.includes(name), name);
  assert.ok(!tar.includes("host.json"));
  const why = (reason: string): string => `==> Capture validation failed: ${reason}`;
  await agent.refuses(["debug", "-duration=1s"], why("duration must be longer than 10s"));
  await agent.refuses(["debug", "-capture=x", `-output=${output}x`], why("target not found: x"));
  await agent.refuses(["debug", `-output=${directory}`], why(`output directory already exists: ${directory}`));
});

test("an archive keeps every byte of its files", async () => {
  const folder = join(directory, "pack");
  mkdirSync(join(folder, "1"), { recursive: true });
  writeFileSync(join(folder, "1/a"), Buffer.alloc(1_000, 7));
  writeFileSync(join(folder, "b"), "");
  await archiveFolder(folder, `${folder}.tar.gz`, 5);
  const tar = gunzipSync(readFileSync(`${folder}.tar.gz`));
  assert.equal(tar.length, 512 * (1 + 2 + 1 + 2));
  assert.deepEqual(tar.subarray(512, 1_512), Buffer.alloc(1_000, 7));
  assert.throws(() => readFileSync(join(folder, "b")));
});
