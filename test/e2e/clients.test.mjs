// Programs that others wrote for Consul, run against a dev agent. A client that is not installed is a skipped test.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { AgentProcess } from "./agent-process.mjs";

const address = "127.77.7.1";
const clients = fileURLToPath(new URL("../clients", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));
/** Where `npm install --prefix .scratch/clients consul@2` puts the client of npm. */
const modules = process.env.CLIENT_MODULES ?? join(root, ".scratch/clients/node_modules");
let agent;
before(async () => {
  agent = await new AgentProcess({ address, args: ["-dev"] }).ready();
});
after(() => agent.kill());

const SKIPPED = 3;

function client(name, command, args, more = {}) {
  test(name, async (t) => {
    const env = {
      ...process.env,
      CONSUL_HTTP_ADDR: `${address}:8500`,
      CONSUL_DNS_ADDR: `${address}:8600`,
      SERVICE_ADDR: address,
      LISTEN: `${address}:19090`,
      CLIENT_MODULES: modules,
      ...more,
    };
    const child = spawn(command, args, { env, cwd: clients });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    const code = await new Promise((resolve) => child.once("error", () => resolve(SKIPPED)).once("close", resolve));
    if (code === SKIPPED) t.skip(`CLIENT NOT INSTALLED: ${output.trim().split("\n").at(-1) || command}`);
    else assert.equal(code, 0, output);
  });
}

/** A `node_modules` in which `consul` is the adapter of our own client. */
const directory = mkdtempSync(join(tmpdir(), "tribune-adapter-"));
after(() => rmSync(directory, { recursive: true }));
const adapted = join(directory, "node_modules");
mkdirSync(join(adapted, "consul"), { recursive: true });
const adapter = join(root, "packages/client/dist/consul/index.js");
writeFileSync(join(adapted, "consul/index.js"), `module.exports = require(${JSON.stringify(adapter)});\n`);

const python = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";
const smoke = "node-consul/smoke.cjs";
client("python-consul: the datastorage service", python, ["datastorage/run.py"]);
client("npm consul", process.execPath, [smoke]);
// What npm's client is asked to do is done by ours under its names.
client("@tribune/client/consul in the place of npm consul", process.execPath, ["--no-warnings", smoke], {
  CLIENT_MODULES: adapted,
});
client("Prometheus discovery", "bash", ["prometheus/run.sh"]);
