// Three servers and two client agents as processes: registered on a client, seen everywhere, leaders killed.
import assert from "node:assert/strict";
import { Resolver } from "node:dns/promises";
import { join } from "node:path";
import { test } from "node:test";
import { AgentProcess, get, getJson, put, temporaryDirectory, until } from "./agent-process.mjs";

const addressOf = (number) => `127.0.37.${number}`;
const servers = [1, 2, 3];
const clients = [4, 5];

function start(number, directory, settings = {}) {
  const server = servers.includes(number);
  const config = {
    node_name: `n${number}`,
    data_dir: join(directory, `n${number}`),
    retry_join: servers.map(addressOf),
    retry_interval: "1s",
    server,
    ...(server ? { bootstrap_expect: servers.length } : {}),
    // Nobody may lose his lead because the machine is busy for half a second.
    performance: { raft_multiplier: 5 },
    ...settings,
  };
  return new AgentProcess({ address: addressOf(number), args: [`-hcl=${JSON.stringify(config)}`] });
}

async function datacenter(t, settings) {
  const directory = temporaryDirectory();
  const agents = new Map([...servers, ...clients].map((number) => [number, start(number, directory, settings)]));
  t.after(() => Promise.all([...agents.values()].map((agent) => agent.kill())));
  await Promise.all([...agents.values()].map((agent) => agent.ready()));
  return { agents, directory, all: () => [...agents.values()] };
}

/** Any server may answer DNS (`allow_stale`), and one that follows learns a moment later what the leader has answered. */
async function resolvesTo(agent, name, address) {
  const resolver = new Resolver({ timeout: 5_000, tries: 1 });
  resolver.setServers([`${agent.address}:8600`]);
  let found;
  await until(
    async () => {
      found = await resolver.resolve4(name).catch((error) => error.code);
      return JSON.stringify(found) === JSON.stringify([address]);
    },
    () => `${agent.address} resolves ${name} to ${found}`,
  );
}

test("a datacenter serves from every agent, and outlives its leader", async (t) => {
  const { agents, directory, all } = await datacenter(t);
  const [c1, c2] = clients.map((number) => agents.get(number));
  await until(
    async () => (await getJson(c1, "/v1/agent/members")).filter(({ Status }) => Status === 1).length === 5,
    () => "not everybody became a member",
  );
  const service = { Name: "web", ID: "web-1", Port: 80, Address: "10.9.8.7", Check: { TTL: "1h", Status: "passing" } };
  assert.equal((await put(c1, "/v1/agent/service/register", service)).status, 200);
  // The agent answers before the servers know of it.
  await until(
    async () => (await getJson(c2, "/v1/health/service/web?passing")).length === 1,
    () => "the service did not show",
  );
  assert.equal((await put(c2, "/v1/kv/a", "1")).text, "true");
  for (const agent of all()) {
    assert.equal((await get(agent, "/v1/kv/a?raw")).text, "1", agent.address);
    const rows = await getJson(agent, "/v1/health/service/web?passing");
    assert.deepEqual(
      rows.map(({ Node }) => Node.Node),
      ["n4"],
      agent.address,
    );
    await resolvesTo(agent, "web.service.consul", "10.9.8.7");
  }
  const blocked = get(c2, `/v1/kv/a?index=${(await get(c2, "/v1/kv/a")).headers.get("x-consul-index")}`);
  assert.equal((await put(c1, "/v1/kv/a", "2")).text, "true");
  assert.equal(JSON.parse((await blocked).text)[0].Value, Buffer.from("2").toString("base64"));

  const leader = (await getJson(c1, "/v1/status/leader")).split(":")[0];
  const lost = all().find(({ address }) => address === leader);
  await lost.kill();
  await until(
    async () => (await put(c1, "/v1/kv/after", "3")).text === "true",
    () => "no write after the leader was killed",
  );
  for (const agent of all()) if (agent !== lost) assert.equal((await get(agent, "/v1/kv/after?raw")).text, "3");
  await resolvesTo(c2, "web.service.consul", "10.9.8.7");
  await until(
    async () =>
      (await getJson(c2, "/v1/health/service/consul")).some(({ Checks }) =>
        Checks.some(({ CheckID, Status }) => CheckID === "serfHealth" && Status === "critical"),
      ),
    () => "the lost server's health did not become critical",
    60_000,
  );
  const number = Number(leader.split(".").at(-1));
  agents.set(number, start(number, directory));
  await agents.get(number).ready();
  await until(
    async () => (await get(agents.get(number), "/v1/kv/after?raw&stale")).text === "3",
    () => "the restarted server did not catch up",
  );
});

test("a client answers discovery without servers, says so, and leaves in good order", async (t) => {
  const { agents } = await datacenter(t, { leave_on_terminate: true });
  const [c1, c2] = clients.map((number) => agents.get(number));
  assert.equal((await put(c1, "/v1/agent/service/register", { Name: "web", Address: "10.9.8.7" })).status, 200);
  await until(
    async () => (await getJson(c2, "/v1/health/service/web")).length === 1,
    () => "the service did not show",
  );
  const cached = await get(c2, "/v1/health/service/web?cached");
  assert.equal(cached.headers.get("x-cache"), "MISS");
  assert.equal((await get(c2, "/v1/catalog/datacenters?cached")).headers.get("x-cache"), "MISS");
  await resolvesTo(c2, "web.service.consul", "10.9.8.7");
  assert.equal((await put(c1, "/v1/agent/leave")).status, 200);
  assert.equal((await c1.exitedWithin(60_000)).code, 0);
  await until(
    async () => (await getJson(c2, "/v1/agent/members")).some(({ Name, Status }) => Name === "n4" && Status === 3),
    () => "the client that left is not known to have left",
  );
  assert.equal((await put(c2, "/v1/agent/service/register", { Name: "api", Address: "10.9.8.8" })).status, 200);
  await until(
    async () => (await getJson(c2, "/v1/health/service/api")).length === 1,
    () => "the second service did not show",
  );
  for (const number of servers) await agents.get(number).kill();
  const stale = await get(c2, "/v1/health/service/api?stale");
  assert.equal(stale.status, 200);
  assert.equal(JSON.parse(stale.text).length, 1);
  assert.equal(stale.headers.get("x-consul-knownleader"), "false");
  assert.match(stale.headers.get("age"), /^\d+$/);
  assert.equal((await get(c2, "/v1/health/service/web?cached")).headers.get("x-cache"), "HIT");
  const datacenters = await get(c2, "/v1/catalog/datacenters?cached");
  assert.deepEqual([datacenters.headers.get("x-cache"), JSON.parse(datacenters.text)], ["HIT", ["dc1"]]);
  assert.match(datacenters.headers.get("age"), /^\d+$/);
  assert.equal((await get(c2, "/v1/health/service/api")).status, 500);
});

test("a client whose only server left or failed finds the next one by itself, where it was or elsewhere", async (t) => {
  const directory = temporaryDirectory();
  const alone = { bootstrap_expect: 1, retry_join: [], performance: { raft_multiplier: 1 } };
  const running = new Map();
  const run = (number, settings = {}) => {
    running.set(number, start(number, directory, settings));
    return running.get(number).ready();
  };
  t.after(() => Promise.all([...running.values()].map((agent) => agent.kill())));
  await run(1, alone);
  const client = await run(4);
  const answersAgain = (where) =>
    until(
      async () => (await put(client, "/v1/kv/again", where)).text === "true",
      () => `${client.output.slice(-3000)}\nthe client did not find the server ${where}`,
    );
  // It left, and knows nobody when it is back: the client must come to it.
  await running.get(1).kill("SIGINT");
  await run(1, alone);
  await answersAgain("at its old place");
  await running.get(1).kill("SIGINT");
  await run(2, alone);
  await answersAgain("that replaced it");
  await running.get(2).kill("SIGKILL");
  await run(3, alone);
  await answersAgain("that replaced the lost one");
});
