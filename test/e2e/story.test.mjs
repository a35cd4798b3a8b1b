// What somebody does who starts Tribune instead of Consul.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { Resolver } from "node:dns/promises";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import {
  AgentProcess,
  get,
  getJson,
  program,
  put,
  serverProcess,
  temporaryDirectory,
  until,
} from "./agent-process.mjs";

const address = "127.77.6.1";

/** @returns {Promise<{code: number, stdout: string, stderr: string}>} */
function cli(agent, ...args) {
  const env = { ...process.env, CONSUL_HTTP_ADDR: agent.url };
  return new Promise((resolve) =>
    execFile(process.execPath, [program, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    ),
  );
}

async function resolve(name) {
  const resolver = new Resolver({ timeout: 20_000 });
  resolver.setServers([`${address}:8600`]);
  try {
    return await resolver.resolve4(name);
  } catch (error) {
    if (error.code === "ENOTFOUND") return [];
    throw error;
  }
}

test("a service with an HTTP check passes, fails, comes back and goes, over HTTP and DNS", async (t) => {
  const agent = await new AgentProcess({ address, args: ["-dev"] }).ready();
  t.after(() => agent.kill());
  let healthy = true;
  const web = createServer((_, response) => response.writeHead(healthy ? 200 : 500).end("hello"));
  await new Promise((listening) => web.listen(8081, address, listening));
  t.after(() => web.close());
  const service = {
    name: "datastorage",
    id: "datastorage-1",
    address,
    port: 8081,
    tags: ["filestorage"],
    check: { http: `http://${address}:8081/`, interval: "100ms" },
  };
  assert.equal((await put(agent, "/v1/agent/service/register", service)).status, 200);
  const passing = async () => (await getJson(agent, "/v1/health/service/datastorage?passing")).length;
  await until(
    async () => (await passing()) === 1,
    () => "not passing",
  );
  assert.deepEqual(await resolve("filestorage.datastorage.service.consul"), [address]);
  const page = await get(agent, "/ui/");
  assert.equal(page.status, 200);
  assert.match(page.text, /<title>Tribune/);
  healthy = false;
  await until(
    async () => (await passing()) === 0,
    () => "still passing",
  );
  assert.deepEqual(await resolve("datastorage.service.consul"), []);
  healthy = true;
  await until(
    async () => (await passing()) === 1,
    () => "did not come back",
  );
  assert.equal((await put(agent, "/v1/agent/service/deregister/datastorage-1")).status, 200);
  await until(
    async () => (await getJson(agent, "/v1/catalog/service/datastorage")).length === 0,
    () => "still there",
  );
});

test("the command line speaks to the agent, and a link named consul is the same program", async (t) => {
  const agent = await new AgentProcess({ address, args: ["-dev", "-node=desk"] }).ready();
  t.after(() => agent.kill());
  const members = await cli(agent, "members");
  assert.equal(members.code, 0, members.stderr);
  assert.match(members.stdout, /^Node +Address +Status/);
  assert.match(members.stdout, /^desk +127\.77\.6\.1:8301 +alive/m);
  assert.equal((await cli(agent, "kv", "put", "a/b", "text")).stdout, "Success! Data written to: a/b\n");
  assert.equal((await cli(agent, "kv", "get", "a/b")).stdout, "text\n");
  const missing = await cli(agent, "kv", "get", "nothing");
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /No key exists at: nothing/);
  const directory = temporaryDirectory();
  const archive = join(directory, "saved.snap");
  assert.equal((await cli(agent, "snapshot", "save", archive)).code, 0);
  await put(agent, "/v1/kv/a/b", "changed");
  assert.equal((await cli(agent, "snapshot", "restore", archive)).code, 0);
  assert.equal((await get(agent, "/v1/kv/a/b?raw")).text, "text");
  symlinkSync(program, join(directory, "consul"));
  const version = await new Promise((done) =>
    execFile(join(directory, "consul"), ["version"], (_, stdout) => done(stdout)),
  );
  assert.match(version, /^Consul v1\.10\.11/);
  assert.equal((await cli(agent, "leave")).code, 0);
  await agent.exitedWithin(60_000);
});

test("a server with configuration files keeps its services over a restart and takes a reload", async (t) => {
  const directory = temporaryDirectory();
  const [dataDir, conf] = [join(directory, "data"), join(directory, "conf")];
  mkdirSync(conf);
  const write = (tags) =>
    writeFileSync(join(conf, "web.hcl"), `service { name = "web" port = 80 tags = ${JSON.stringify(tags)} }`);
  write(["one"]);
  const start = () => serverProcess({ address, dataDir, env: {}, wrap: [], config: {} });
  const withFiles = () =>
    new AgentProcess({
      address,
      args: ["-server", "-bootstrap-expect=1", `-data-dir=${dataDir}`, `-config-dir=${conf}`],
    });
  const tagsOf = async (agent) => (await getJson(agent, "/v1/catalog/service/web"))[0]?.ServiceTags.join();
  const agent = await withFiles().ready();
  t.after(() => agent.kill());
  await until(
    async () => (await tagsOf(agent)) === "one",
    () => "the service of the file is not in the catalog",
  );
  write(["two"]);
  assert.equal((await cli(agent, "reload")).code, 0);
  await until(
    async () => (await tagsOf(agent)) === "two",
    () => "the reload changed nothing",
  );
  await put(agent, "/v1/agent/service/register", { Name: "kept", Port: 1 });
  agent.signal("SIGTERM");
  assert.equal((await agent.exitedWithin(60_000)).code, 1);
  const again = await start().ready();
  t.after(() => again.kill());
  const services = await getJson(again, "/v1/agent/services");
  assert.deepEqual(Object.keys(services), ["kept"]);
  await until(
    async () => (await tagsOf(again)) === undefined,
    () => "the file's service outlived its file",
  );
});

test("two agents cannot use one data directory", async (t) => {
  const dataDir = join(temporaryDirectory(), "data");
  const first = await serverProcess({ address, dataDir }).ready();
  t.after(() => first.kill());
  const second = serverProcess({ address: "127.77.6.2", dataDir });
  const { code } = await second.exitedWithin(60_000);
  assert.equal(code, 1, second.output);
});
