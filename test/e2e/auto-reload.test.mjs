// A configuration file as Consul 1.21 takes it, that the agent itself sees change.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import { AgentProcess, getJson, program, temporaryDirectory, until } from "./agent-process.mjs";

const address = "127.77.10.1";

/** The serial number of the certificate that the HTTPS port shows. */
function servedSerial(ca) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port: 8501, ca, servername: "server.dc1.consul" }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

test("files and certificates that change are taken without being told, and bad ones are not", async (t) => {
  const directory = temporaryDirectory();
  const run = (...args) => execFileSync(process.execPath, [program, ...args], { cwd: directory, stdio: "pipe" });
  run("tls", "ca", "create");
  run("tls", "cert", "create", "-server");
  run("tls", "cert", "create", "-server");
  const file = (name) => join(directory, name);
  const use = (at) => {
    copyFileSync(file(`dc1-server-consul-${at}.pem`), file("cert.pem"));
    copyFileSync(file(`dc1-server-consul-${at}-key.pem`), file("key.pem"));
  };
  use(0);
  const settings = (service) => `
    auto_reload_config = true
    ports { https = 8501 grpc_tls = 8503 }
    tls {
      defaults { ca_file = "${file("consul-agent-ca.pem")}" }
      https { cert_file = "${file("cert.pem")}" key_file = "${file("key.pem")}" tls_min_version = "TLSv1_3" }
    }
    raft_logstore { backend = "wal" }
    service { name = "${service}" }`;
  writeFileSync(file("agent.hcl"), settings("one"));
  const agent = await new AgentProcess({ address, args: ["-dev", `-config-file=${file("agent.hcl")}`] }).ready();
  t.after(() => agent.kill());
  assert.match(
    agent.output,
    /\[WARN\].*raft_logstore\.backend: accepted from a later version of Consul without effect/,
  );
  assert.match(agent.output, /\[WARN\].*ports\.grpc_tls: accepted/);
  const services = async () => Object.keys(await getJson(agent, "/v1/agent/services"));
  assert.deepEqual(await services(), ["one"]);
  const ca = readFileSync(file("consul-agent-ca.pem"));
  const first = await servedSerial(ca);

  writeFileSync(file("agent.hcl"), settings("two"));
  await until(
    async () => (await services()).includes("two"),
    () => agent.output,
  );
  assert.deepEqual(await services(), ["two"]);
  use(1);
  await until(
    async () => (await servedSerial(ca)) !== first,
    () => agent.output,
  );
  assert.match(agent.output, new RegExp(`HTTPS certificates read again: .*serial=${await servedSerial(ca)}`));
  writeFileSync(file("agent.hcl"), "no_such_key = 1");
  await until(
    async () => agent.output.includes("The changed configuration is not taken"),
    () => agent.output,
  );
  assert.match(agent.output, /invalid config key no_such_key/);
  assert.deepEqual(await services(), ["two"]);
  writeFileSync(file("agent.hcl"), settings("three"));
  await until(
    async () => (await services()).includes("three"),
    () => agent.output,
  );
});
