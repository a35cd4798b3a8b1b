// Runs a server for a moment, as `tribune agent` does, and keeps what V8 compiled for it: `main.cjs.cache`.
const { once } = require("node:events");
const { mkdtempSync, rmSync, writeFileSync, renameSync } = require("node:fs");
const { createServer } = require("node:net");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { cache, load } = require("../../packages/tribune/bin/load.js");

const DEADLINE_MS = 20_000;
const directory = mkdtempSync(join(tmpdir(), "tribune-code-cache-"));
rmSync(cache, { force: true });

let output = "";
const finish = (code) => {
  rmSync(directory, { recursive: true, force: true });
  process.exit(code);
};
const fail = (reason) => {
  process.stderr.write(`${reason}\n${output.slice(-1000)}`);
  finish(1);
};
process.stdout.write = (chunk) => {
  output += chunk;
  return true;
};

async function freePorts(names) {
  const servers = names.map(() => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return Object.fromEntries(names.map((name, at) => [name, ports[at]]));
}

async function run() {
  setTimeout(() => fail("the server did not become the leader"), DEADLINE_MS);
  const ports = await freePorts(["http", "dns", "server", "serf_lan", "serf_wan"]);
  const config = { server: true, bootstrap: true, data_dir: directory, bind_addr: "127.0.0.1", ports };
  process.argv = [process.argv[0], process.argv[1], "agent", `-hcl=${JSON.stringify(config)}`];
  const script = load();
  while (!output.includes("cluster leadership acquired")) await new Promise((resolve) => setTimeout(resolve, 50));
  for (const path of ["/v1/kv/a", "/v1/agent/service/register"])
    await fetch(`http://127.0.0.1:${ports.http}${path}`, { method: "PUT", body: '{"Name":"web"}' });
  for (const path of ["/v1/kv/a", "/v1/health/service/web", "/v1/agent/members"])
    await fetch(`http://127.0.0.1:${ports.http}${path}`);
  writeFileSync(`${cache}.new`, script.createCachedData());
  renameSync(`${cache}.new`, cache);
  finish(0);
}

run().catch((error) => fail(error.stack));
