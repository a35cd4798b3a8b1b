// Programs and libraries that others wrote for Consul, against a datacenter of three servers and two client agents:
// through a client agent, and through a server that does not lead.
//
// `CONSUL_REFERENCE=1 node test/run-interop.mjs datacenter` plays the same against a real Consul (`CONSUL_BIN`, or on the
// PATH), which shows that the tests themselves are right.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { buildGoClient, consulCommand, followerOf, runProgram, startDatacenter } from "./datacenter.mjs";

const net = "127.0.41";
const root = fileURLToPath(new URL("../../..", import.meta.url));
/** Where `npm install --prefix .scratch/clients consul@2` puts the client of npm. */
const modules = process.env.CLIENT_MODULES ?? join(root, ".scratch/clients/node_modules");
const python = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";
/** How the programs of test/clients say that what they need is not installed. */
const SKIPPED = 3;

const command = process.env.CONSUL_REFERENCE === "1" ? consulCommand() : undefined;
let cluster;
before(async () => {
  // By default DNS answers from what the asked server knows, which lags: the datastorage service was written for one agent
  // and expects DNS to say what HTTP said a moment ago.
  // Clients do not expect the leader to change under them, as it does with a lease of half a second on a busy machine.
  const config = { dns_config: { allow_stale: false }, performance: { raft_multiplier: 5 } };
  cluster = await startDatacenter({ net, config, ...(command === undefined ? {} : { command }) });
});
after(() => cluster?.stop());

/** Agents by their part; asked for when a test runs, since leaders change. */
const through = {
  "a client agent": async () => cluster.clients[0],
  "a follower": async () => followerOf(cluster),
};

describe("consul/api for Go", async () => {
  const { program, remove, reason } = buildGoClient();
  after(() => remove?.());
  for (const [part, find] of Object.entries(through))
    test(`through ${part}`, { skip: reason }, async (t) => {
      const agent = await find();
      const args = [
        `-through=${agent.address}:8500`,
        `-elsewhere=${cluster.clients[1].address}:8500`,
        `-run=go-${agent.number}`,
        "-restore",
      ];
      const { code, output } = await runProgram(program, args);
      assert.equal(code, 0, output);
      const lines = output.trim().split("\n");
      assert.ok(lines.length > 10, output);
      for (const line of lines) {
        const { name, error } = JSON.parse(line);
        await t.test(name, () => assert.equal(error, undefined));
      }
    });
});

function library(name, command, script) {
  for (const [part, find] of Object.entries(through))
    test(`${name} through ${part}`, async (t) => {
      const { address } = await find();
      const { code, output } = await runProgram(command, [script], {
        cwd: join(root, "test/clients"),
        env: {
          ...process.env,
          CONSUL_HTTP_ADDR: `${address}:8500`,
          CONSUL_DNS_ADDR: `${address}:8600`,
          SERVICE_ADDR: address,
          CLIENT_MODULES: modules,
        },
      });
      if (code === SKIPPED || code === undefined)
        t.skip(`CLIENT NOT INSTALLED: ${output.trim().split("\n").at(-1) || command}`);
      else assert.equal(code, 0, output);
    });
}

library("python-consul: the datastorage service", python, "datastorage/run.py");
library("npm consul", process.execPath, "node-consul/smoke.cjs");
