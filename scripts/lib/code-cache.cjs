// Runs two servers and an agent in front of them for a moment, as `tribune agent` does, and asks them as clients and other
// commands do; keeps what V8 compiled for all: `main.cjs.cache` and `cli.cjs.cache`, in the directory that is named.
const { once } = require("node:events");
const { mkdtempSync, rmSync, writeFileSync } = require("node:fs");
const { createServer } = require("node:net");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { cacheOf, load, setDirectory } = require("../../packages/tribune/bin/load.js");

const DEADLINE_MS = 20_000;
setDirectory(process.argv[2]);
const directory = mkdtempSync(join(tmpdir(), "tribune-code-cache-"));

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

/** Those that scripts run most. */
const COMMANDS = [
  "kv put a b",
  "kv get a",
  "kv get -keys a",
  "members",
  "catalog services",
  "catalog nodes",
  "info",
  "version",
];

function runCommand({ exports }, ...words) {
  process.argv = [...process.argv.slice(0, 2), ...words];
  return exports.runProgram();
}

function keep(name, { script }) {
  writeFileSync(cacheOf(name), script.createCachedData());
}

/** Its doors open a little after it has been elected. */
async function leads(port) {
  try {
    return (await (await fetch(`http://127.0.0.1:${port}/v1/status/leader`)).text()).includes(":");
  } catch {
    return false;
  }
}

const PORTS = ["http", "dns", "server", "serf_lan", "serf_wan"];

/** What clients do most, with a server and with an agent in front of one. */
async function use(port) {
  const ask = async (method, path, body) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, body });
    return answer.text();
  };
  const put = (path, body) => ask("PUT", path, JSON.stringify(body));
  const get = (path) => ask("GET", path);
  await put("/v1/kv/a", "value");
  await put("/v1/txn", [{ KV: { Verb: "set", Key: "b", Value: "dmFsdWU=" } }]);
  await put("/v1/catalog/register", {
    Node: "n",
    Address: "127.0.0.1",
    Service: { Service: "s" },
    Check: { Name: "c" },
  });
  // Several at once: they go to the servers together.
  const names = ["web", "db", "cache", "mail"];
  await Promise.all(
    names.map((Name) => put("/v1/agent/service/register", { Name, Tags: ["x"], Check: { TTL: "10m" } })),
  );
  await put("/v1/agent/check/pass/service:web");
  for (const path of ["/v1/kv/a", "/v1/kv/?recurse", "/v1/health/service/web?passing", "/v1/health/service/web?cached"])
    await get(path);
  for (const path of ["/v1/catalog/services", "/v1/catalog/service/web", "/v1/catalog/nodes", "/v1/agent/members"])
    await get(path);
  for (const path of ["/v1/agent/services", "/v1/agent/checks"]) await get(path);
  await put("/v1/agent/service/deregister/mail");
}

async function startAgent(main, settings) {
  const ports = await freePorts(PORTS);
  const config = { data_dir: join(directory, settings.node_name), bind_addr: "127.0.0.1", ports, ...settings };
  void runCommand(main, "agent", `-hcl=${JSON.stringify(config)}`);
  while (!(await leads(ports.http))) await new Promise((resolve) => setTimeout(resolve, 50));
  return ports;
}

async function run() {
  setTimeout(() => fail("the server did not become the leader"), DEADLINE_MS);
  const main = load("main");
  const server = await startAgent(main, { node_name: "server", server: true, bootstrap: true });
  await use(server.http);
  const retry_join = [`127.0.0.1:${server.serf_lan}`];
  const client = await startAgent(main, { node_name: "client", retry_join });
  await use(client.http);
  // What a server does that others have been without: it hears the leader, and asks it.
  const follower = await startAgent(main, { node_name: "follower", server: true, retry_join });
  await use(follower.http);
  const cli = load("cli");
  process.env.CONSUL_HTTP_ADDR = `127.0.0.1:${server.http}`;
  for (const words of COMMANDS) await runCommand(cli, ...words.split(" "));
  await runCommand(cli, "-h");
  keep("main", main);
  keep("cli", cli);
  finish(0);
}

run().catch((error) => fail(error.stack));
