import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { testIo } from "./io.test.support.ts";
import { runCli } from "./run.ts";
import { commandTree } from "./tree.ts";

const TREE = commandTree(() => Promise.reject(new Error("no agent in this test")));

/** What the pretended agent answers, by `METHOD path`, and what it was asked. */
const ANSWERS = new Map<string, readonly [status: number, body: string]>();
const asked: string[] = [];
let server: Server;
let address = "";

before(async () => {
  server = createServer((request, response) => {
    void readAll(request).then((body) => {
      const line = `${request.method} ${request.url}`;
      asked.push(body === "" ? line : `${line} ${body}`);
      const [status, text] = ANSWERS.get(line) ?? [404, ""];
      response.writeHead(status).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function run(words: string, options: { env?: Record<string, string>; stdin?: string } = {}) {
  const io = testIo({ ...options, env: { CONSUL_HTTP_ADDR: address, ...options.env } });
  const code = await runCli("consul", TREE, words.split(" "), io);
  return { code, out: io.out(), err: io.err() };
}

test("help, unknown commands, version", async () => {
  const cases: readonly (readonly [words: string, code: number, stream: "out" | "err", start: RegExp])[] = [
    ["nosuch", 127, "err", /^Usage: consul \[--version\]/],
    ["-h", 0, "out", /^Usage: consul \[--version\]/],
    ["kv", 1, "err", /^Usage: consul kv <subcommand>.*Subcommands:\n {4}delete {4}Deletes/s],
    ["kv nosuch", 1, "err", /^Usage: consul kv <subcommand>/],
    ["operator raft -h", 0, "out", /^Usage: consul operator raft <subcommand>/],
    ["kv get x --help", 0, "out", /^Usage: consul kv get \[options\]/],
    ["--version", 0, "out", /^Consul v\d/],
    ["version -format=json", 0, "out", /"Version": "1\.10\./],
    ["-x kv get a", 1, "err", /^Invalid flags before the subcommand/],
    ["kv get -x", 1, "err", /^flag provided but not defined: -x\nUsage:\n/],
  ];
  for (const [words, code, stream, start] of cases) {
    const result = await run(words);
    assert.equal(result.code, code, words);
    assert.match(result[stream], start, words);
    assert.equal(result[stream === "out" ? "err" : "out"], "", words);
  }
});

test("every command has a help page", async () => {
  const visit = async (nodes: typeof TREE, path: readonly string[]): Promise<void> => {
    for (const node of nodes) {
      if (node.name === "agent") continue; // loads the agent, which this test has not
      const words = [...path, node.name];
      const { code, out } = await run([...words, "-h"].join(" "));
      assert.equal(code, 0, words.join(" "));
      assert.ok(out.startsWith(`Usage: consul ${words.join(" ")}`), out);
      if ("commands" in node) await visit(node.commands, words);
    }
  };
  await visit(TREE, []);
});

test("kv: bytes, 64-bit flags, conditions", async () => {
  const pair =
    '{"Key":"a/b","Flags":18446744073709551615,"Value":"/wA=","CreateIndex":3,"ModifyIndex":4,"LockIndex":0}';
  ANSWERS.set("GET /v1/kv/a/b", [200, `[${pair}]`]);
  ANSWERS.set("GET /v1/kv/a/?recurse", [200, `[${pair}]`]);
  ANSWERS.set("GET /v1/kv/pretty", [200, `[\n${pair.replaceAll(":", ": ")}]`]);
  assert.match((await run("kv get -detailed pretty")).out, /\nFlags {12}18446744073709551615\n/);
  ANSWERS.set("PUT /v1/kv/x%20y?flags=7", [200, "true"]);
  ANSWERS.set("PUT /v1/kv/x?cas=0", [200, "false"]);
  assert.match((await run("kv get -detailed -base64 a/b")).out, /^CreateIndex {6}3\nFlags {12}18446744073709551615\n/);
  assert.match((await run("kv export a/")).out, /"flags": 18446744073709551615,\n\t\t"value": "\/wA="/);
  const io = testIo({ env: { CONSUL_HTTP_ADDR: address }, stdin: "in" });
  assert.equal(await runCli("consul", TREE, ["kv", "put", "-flags=7", "x y", "-"], io), 0);
  assert.equal(asked.at(-1), "PUT /v1/kv/x%20y?flags=7 in");
  const refused = await run("kv put -cas x 1");
  assert.deepEqual(
    [refused.code, refused.err],
    [1, "Error! Did not write to x: CAS performed with index=0 and key already exists.\n"],
  );
  assert.equal((await run("kv get nosuch")).err, "Error! No key exists at: nosuch\n");
  const imported = await run("kv import -", { stdin: '[{"key":"k","flags":18446744073709551615,"value":"%"}]' });
  assert.equal(imported.err, "Error base 64 decoding value for key k: illegal base64 data at input byte 0\n");
  const before = asked.length;
  const unfit: readonly (readonly [data: string, why: string])[] = [
    ['[{"key":"k"},{"key":5}]', "number into Go struct field Entry.key of type string"],
    ['[{"key":"k","flags":"5"}]', "string into Go struct field Entry.flags of type uint64"],
    ['[{"key":"k","flags":-1}]', "number -1 into Go struct field Entry.flags of type uint64"],
    ["[7]", "number into Go value of type impexp.Entry"],
    ["{}", "object into Go value of type []*impexp.Entry"],
  ];
  for (const [stdin, why] of unfit) {
    const { err } = await run("kv import -", { stdin });
    assert.equal(err, `Cannot unmarshal data: json: cannot unmarshal ${why}\n`);
  }
  assert.equal((await run("kv import -", { stdin: "null" })).code, 0);
  assert.equal(asked.length, before);
});

test("tables, tokens, refusals", async () => {
  const members = [
    {
      Name: "s",
      Addr: "10.0.0.1",
      Port: 8301,
      Status: 1,
      Tags: { role: "consul", build: "1.10.11:x", vsn: "2", dc: "dc1" },
    },
    {
      Name: "long-name",
      Addr: "fd00::1",
      Port: 8301,
      Status: 4,
      Tags: { role: "node", build: "1.9.0", vsn: "2", dc: "dc1" },
    },
  ];
  ANSWERS.set("GET /v1/agent/members?segment=_all", [200, JSON.stringify(members)]);
  assert.equal(
    (await run("members")).out,
    "Node       Address         Status  Type    Build    Protocol  DC   Segment\n" +
      "s          10.0.0.1:8301   alive   server  1.10.11  2         dc1  <all>\n" +
      "long-name  [fd00::1]:8301  failed  client  1.9.0    2         dc1  <default>\n",
  );
  assert.equal((await run("members -status=^left$")).code, 2);
  ANSWERS.set("PUT /v1/agent/reload", [200, ""]);
  ANSWERS.set("PUT /v1/agent/reload?verbose", [200, ""]);
  for (const words of ["reload", "reload -verbose"])
    assert.equal((await run(words)).out, "Configuration reload triggered\n");
  const report = { Applied: ["log_level", "services"], NeedsRestart: ["ports.http"], Unchanged: 300 };
  ANSWERS.set("PUT /v1/agent/reload?verbose", [200, JSON.stringify(report)]);
  assert.equal(
    (await run("reload -verbose")).out,
    "Configuration reload triggered\nApplied: log_level, services\nWaiting for a restart: ports.http\n",
  );
  ANSWERS.set("PUT /v1/agent/reload", [403, "Permission denied"]);
  assert.equal((await run("reload")).err, "Error reloading: Unexpected response code: 403 (Permission denied)\n");
  const refused = await run("reload -http-addr=127.0.0.1:1");
  assert.equal(
    refused.err,
    'Error reloading: Put "http://127.0.0.1:1/v1/agent/reload": dial tcp 127.0.0.1:1: connect: connection refused\n',
  );
});
