// What operators search logs for and make alerts of: the lines of Consul 1.10, word for word, from a server and a client.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentProcess, serverProcess, temporaryDirectory, until } from "./agent-process.mjs";

const SERVER = "127.77.44.1";
const CLIENT = "127.77.44.2";

/** Waits until the agent has printed each line, whatever comes before and behind. */
const says = (agent, lines) =>
  until(
    () => lines.every((line) => agent.output.includes(line)),
    () => `not printed: ${lines.filter((line) => !agent.output.includes(line)).join(" | ")}, but:\n${agent.output}`,
  );

test("a server and a client say what happens as Consul's do", async (t) => {
  const dataDir = temporaryDirectory();
  const server = serverProcess({ address: SERVER, dataDir: `${dataDir}/server`, config: { node_name: "s" } });
  t.after(() => server.kill());
  await server.ready();
  const serverText = `server="s (Addr: tcp/${SERVER}:8300) (DC: dc1)"`;
  await says(server, [
    `[INFO]  agent.server: Adding LAN server: ${serverText}`,
    `[INFO]  agent.server.raft: entering candidate state: node="Node at ${SERVER}:8300 [Candidate]" term=`,
    `[INFO]  agent.server.raft: entering leader state: leader="Node at ${SERVER}:8300 [Leader]"`,
    "[INFO]  agent.server: cluster leadership acquired",
    `[INFO]  agent: Started DNS server: address=${SERVER}:8600 network=udp`,
    `[INFO]  agent: Started DNS server: address=${SERVER}:8600 network=tcp`,
    `[INFO]  agent: Starting server: address=${SERVER}:8500 network=tcp protocol=http`,
    "[INFO]  agent: Synced node info",
    "[INFO]  agent.server: New leader elected: payload=s",
  ]);

  const check = { id: "ill", name: "ill", args: ["/bin/false"], interval: "1s" };
  const config = {
    node_name: "c",
    log_level: "DEBUG",
    enable_local_script_checks: true,
    retry_join: [SERVER],
    services: [{ name: "web", id: "web-1", checks: [{ ...check, args: ["/bin/sh", "-c", "exit 2"] }] }],
    checks: [{ id: "well", name: "well", args: ["/bin/true"], interval: "1s" }],
  };
  const client = new AgentProcess({
    address: CLIENT,
    args: [`-data-dir=${dataDir}/client`, `-hcl=${JSON.stringify(config)}`],
  });
  t.after(() => client.kill());
  await says(client, [
    "[INFO]  agent: Joining cluster...: cluster=LAN",
    `[INFO]  agent: (LAN) joining: lan_addresses=[${SERVER}]`,
    "[INFO]  agent: (LAN) joined: number_of_nodes=1",
    "[INFO]  agent: Join cluster completed. Synced with initial agents: cluster=LAN num_agents=1",
    `[INFO]  agent.client: adding server: ${serverText}`,
    "[INFO]  agent: Synced node info",
    "[INFO]  agent: Synced service: service=web-1",
    "[WARN]  agent: Check is now critical: check=ill",
    "[DEBUG] agent: Check status updated: check=well status=passing",
  ]);

  server.signal("SIGTERM");
  assert.equal((await server.exitedWithin(60_000)).code, 1, "as Consul's, where it does not leave");
  const end = server.output.slice(server.output.indexOf("Caught: signal=terminated"));
  for (const line of [
    "Graceful shutdown disabled. Exiting",
    "Requesting shutdown",
    "shutdown complete",
    "Exit code: code=1",
  ])
    assert.ok(end.includes(`[INFO]  agent: ${line}`), `${line} in:\n${end}`);
  await says(client, [`[INFO]  agent.client: removing server: ${serverText}`]);
});

test("a key in the configuration that the keyring does not have is warned about", async (t) => {
  const dataDir = temporaryDirectory();
  const keyed = (letter) => ({ encrypt: Buffer.alloc(32, letter).toString("base64") });
  const warning = "keyring doesn't include key provided with -encrypt, using keyring";
  const first = serverProcess({ address: SERVER, dataDir, config: keyed("a") });
  t.after(() => first.kill());
  await first.ready();
  assert.ok(!first.output.includes(warning));
  await first.kill("SIGTERM");
  const second = serverProcess({ address: SERVER, dataDir, config: keyed("b") });
  t.after(() => second.kill());
  await second.ready();
  await says(second, [`agent.server.serf.lan: ${warning}`, `agent.server.serf.wan: ${warning}`]);
});
