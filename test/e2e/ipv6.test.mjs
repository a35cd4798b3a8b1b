// A datacenter without IPv4: what operators type and read has brackets where Consul's has them, and nowhere else.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { Resolver } from "node:dns/promises";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { promisify } from "node:util";
import { AgentProcess, getJson, program, put, serverProcess, temporaryDirectory, until } from "./agent-process.mjs";

const HOST = "::1";
const hasIpv6 = Object.values(networkInterfaces()).some((list) => list.some(({ address }) => address === HOST));
/** Of the client, which has the server's host. */
const PORTS = { http: 9500, dns: 9600, serf_lan: 9301, server: 9300 };

const cli = async (url, ...args) => {
  const env = { ...process.env, CONSUL_HTTP_ADDR: url };
  return (await promisify(execFile)(process.execPath, [program, ...args], { env })).stdout;
};

test("agents on IPv6 alone find each other, and serve", { skip: hasIpv6 ? false : "NO IPv6 HERE" }, async (t) => {
  const directory = temporaryDirectory();
  const server = serverProcess({ address: HOST, dataDir: `${directory}/s`, config: { node_name: "s" } });
  t.after(() => server.kill());
  await server.ready();
  const config = { node_name: "c", data_dir: `${directory}/c`, ports: PORTS, retry_join: ["[::1]:8301"] };
  const client = new AgentProcess({ address: HOST, args: [`-hcl=${JSON.stringify(config)}`] });
  t.after(() => client.kill());
  client.url = `http://[${HOST}]:${PORTS.http}`;
  await client.ready();
  assert.equal(await getJson(client, "/v1/status/leader"), "[::1]:8300");

  const table = await cli(client.url, "members");
  assert.match(table, /^s +\[::1\]:8301 +alive +server/m);
  assert.match(table, /^c +\[::1\]:9301 +alive +client/m);
  assert.match(await cli(client.url, "operator", "raft", "list-peers"), / \[::1\]:8300 +leader/);
  assert.match(await cli(client.url, "join", "[::1]:8301"), /by contacting 1 nodes/);

  const check = { TCP: `[::1]:${PORTS.http}`, Interval: "1s" };
  await put(client, "/v1/agent/service/register", { Name: "web", Port: 80, Check: check });
  await until(
    async () => (await getJson(client, "/v1/health/service/web?passing")).length === 1,
    () => `${client.output}\nthe check of an IPv6 address does not pass`,
  );
  const node = (await getJson(client, "/v1/catalog/node/c")).Node;
  assert.deepEqual(node.TaggedAddresses, { lan: "::1", lan_ipv6: "::1", wan: "::1", wan_ipv6: "::1" });

  const resolver = new Resolver();
  resolver.setServers([`[${HOST}]:${PORTS.dns}`]);
  assert.deepEqual(await resolver.resolve6("web.service.consul"), [HOST]);
  await assert.rejects(resolver.resolve4("web.service.consul"), { code: "ENODATA" });
  assert.equal((await resolver.resolveSrv("web.service.consul"))[0].name, "c.node.dc1.consul");

  await put(client, "/v1/agent/force-leave/nobody");
  for (const line of [
    "(LAN) joining: lan_addresses=[[::1]:8301]",
    'adding server: server="s (Addr: tcp/[::1]:8300) (DC: dc1)"',
    "url=/v1/agent/force-leave/nobody from=[::1]:",
  ])
    assert.ok(client.output.includes(line), `${line} in:\n${client.output}`);
});
