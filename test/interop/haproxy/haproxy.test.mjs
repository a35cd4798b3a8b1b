// HAProxy that finds its servers by the agent's DNS, configured as Consul's documentation shows it. `CONSUL_REFERENCE=1`
// plays it against a Consul (`CONSUL_BIN`, or `consul` on the PATH).
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { getJson, put, serverProcess, temporaryDirectory, until } from "../../e2e/agent-process.mjs";
import { consulCommand } from "../datacenter/datacenter.mjs";

const AGENT = "127.0.46.1";
const DOOR = { host: "127.0.46.2", port: 8080 };
const skip = spawnSync("haproxy", ["-v"]).status === 0 ? false : "NO HAPROXY: install the package haproxy";
const reference = process.env.CONSUL_REFERENCE === "1" ? { command: consulCommand() } : {};

/** Names of a port in its SRV answer are looked up too; slots without an instance stay down. */
const CONFIG = `
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s

resolvers consul
  nameserver consul ${AGENT}:8600
  accepted_payload_size 8192
  hold valid 1s

frontend door
  bind ${DOOR.host}:${DOOR.port}
  default_backend web

backend web
  balance roundrobin
  server-template web 10 _web._tcp.service.consul resolvers consul resolve-opts allow-dup-ip resolve-prefer ipv4 check inter 200ms
`;

test("HAProxy follows the instances of a service as they come, fail and go", { skip }, async (t) => {
  const directory = temporaryDirectory();
  const agent = serverProcess({ address: AGENT, dataDir: join(directory, "agent"), ...reference });
  t.after(() => agent.kill());
  await agent.ready();
  const file = join(directory, "haproxy.cfg");
  writeFileSync(file, CONFIG);
  const proxy = spawn("haproxy", ["-db", "-f", file], { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => proxy.kill("SIGKILL"));
  let output = "";
  for (const stream of [proxy.stdout, proxy.stderr]) stream.on("data", (chunk) => (output += chunk));

  /** An instance that answers with its name, at an address (or at the node's) and a port of its own. */
  const begin = async (name, address = "") => {
    const server = createServer((_request, response) => response.end(name));
    await new Promise((resolve) => server.listen(0, address || AGENT, resolve));
    t.after(() => server.close());
    const { port } = server.address();
    const check = { CheckID: `check:${name}`, TTL: "10m", Status: "passing" };
    const body = { ID: name, Name: "web", Port: port, ...(address === "" ? {} : { Address: address }), Check: check };
    assert.equal((await put(agent, "/v1/agent/service/register", body)).status, 200);
  };
  const answering = (names) =>
    until(
      async () => {
        const seen = new Set();
        for (let count = 0; count < 12; count++) {
          const response = await fetch(`http://${DOOR.host}:${DOOR.port}/`, { headers: { connection: "close" } });
          seen.add(response.ok ? await response.text() : String(response.status));
        }
        return [...seen].sort().join() === names.join();
      },
      () => `${output.slice(-3000)}\nnot ${names}`,
      30_000,
    );

  await answering(["503"]);
  await begin("a", "127.0.46.11");
  await answering(["a"]);
  // Two at one address, of which one is the node's.
  await begin("b");
  await begin("c");
  await answering(["a", "b", "c"]);
  await put(agent, "/v1/agent/check/fail/check:a");
  await answering(["b", "c"]);
  await put(agent, "/v1/agent/service/maintenance/b?enable=true");
  await answering(["c"]);
  await put(agent, "/v1/agent/check/pass/check:a");
  await put(agent, "/v1/agent/service/deregister/c");
  await answering(["a"]);
  assert.deepEqual(Object.keys(await getJson(agent, "/v1/agent/services")).sort(), ["a", "b"]);
});
