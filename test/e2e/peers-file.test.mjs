// Two of three servers are lost for good: the one that is left goes on alone by a `peers.json`, as Consul's guide to outages
// has it, with all that it had, and takes new servers in.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { get, getJson, put, temporaryDirectory, until } from "./agent-process.mjs";
import { Cluster } from "./cluster/cluster.mjs";
import { LoopbackHosts } from "./cluster/hosts.mjs";

const consul = process.env.CONSUL_BIN;
const KEYS = 60;

for (const [what, net, command] of [
  ["a server", 40, undefined],
  ["a Consul server", 41, consul],
])
  test(`${what} that is left of three goes on alone by a peers.json`, {
    skip: what.includes("Consul") && consul === undefined ? "NO CONSUL: set CONSUL_BIN" : false,
  }, async (t) => {
    const cluster = new Cluster({
      hosts: new LoopbackHosts(net),
      directory: temporaryDirectory(),
      servers: 3,
      ...(command === undefined ? {} : { command: [command] }),
      // Nobody may lose his lead because the machine is busy for half a second.
      config: { performance: { raft_multiplier: 5 }, log_level: "DEBUG" },
    });
    t.after(() => cluster.stop());
    await cluster.start();
    const { agents } = cluster;
    const said = (number) => agents.get(number).process?.output.slice(-5_000);

    let leader;
    await until(
      async () => {
        leader = await cluster.leader();
        return leader !== undefined;
      },
      () => "nobody leads",
    );
    const [left, ...others] = [1, 2, 3].sort((a, b) => Number(a === leader) - Number(b === leader));
    const survivor = agents.get(left);

    // Of no health: whether the servers see each other for a while must not matter to it.
    const made = await put(survivor, "/v1/session/create", { Name: "held", NodeChecks: [] });
    const session = JSON.parse(made.text).ID;
    assert.equal((await put(survivor, `/v1/kv/lock?acquire=${session}`, "mine")).text.trim(), "true");
    const node = { Node: "outside", Address: "10.0.0.9", Service: { Service: "web", Port: 80 } };
    assert.equal((await put(agents.get(2), "/v1/catalog/register", node)).status, 200);
    for (let at = 0; at < KEYS; at++)
      assert.equal((await put(agents.get((at % 3) + 1), `/v1/kv/k/${at}`, `value ${at}`)).text.trim(), "true");
    // What only the lost ones have is lost.
    await until(
      async () => (await get(survivor, `/v1/kv/k/${KEYS - 1}?raw&stale`)).text === `value ${KEYS - 1}`,
      () => `${said(left)}\nserver ${left} does not have all`,
    );

    await Promise.all(others.map((number) => cluster.kill(number)));
    for (const number of others) cluster.forget(number);
    await until(
      async () => (await getJson(survivor, "/v1/status/leader")) === "",
      () => `${said(left)}\nserver ${left} still knows a leader`,
    );
    const refused = await put(survivor, "/v1/kv/alone", "no");
    assert.deepEqual([refused.status, refused.text.trim()], [500, "No cluster leader"]);
    await cluster.kill(left, "SIGTERM");

    const raft = join(cluster.dataDir(left), "raft");
    const [file, info] = [join(raft, "peers.json"), join(raft, "peers.info")];
    assert.match(readFileSync(info, "utf8"), /"non_voter": false/, "it says how the file is written");
    assert.equal(existsSync(file), false);
    const id = readFileSync(join(cluster.dataDir(left), "node-id"), "utf8").trim();
    const address = `${survivor.address}:8300`;
    writeFileSync(file, JSON.stringify([{ id, address, non_voter: false }]));
    cluster.startAgent(left);
    await cluster.writable();

    const configured = async () => (await getJson(survivor, "/v1/operator/raft/configuration")).Servers;
    assert.deepEqual(
      (await configured()).map(({ ID, Address, Leader, Voter }) => ({ ID, Address, Leader, Voter })),
      [{ ID: id, Address: address, Leader: true, Voter: true }],
    );
    assert.equal(await getJson(survivor, "/v1/status/leader"), address);
    assert.deepEqual([existsSync(file), existsSync(info)], [false, true]);
    const hasAll = async (agent, mode = "consistent") => {
      const rows = await getJson(agent, `/v1/kv/k/?recurse&${mode}`);
      const values = new Map(rows.map(({ Key, Value }) => [Key, Buffer.from(Value, "base64").toString()]));
      const lost = Array.from({ length: KEYS }, (_, at) => at).filter((at) => values.get(`k/${at}`) !== `value ${at}`);
      assert.deepEqual(lost, [], agent.address);
      const [lock] = await getJson(agent, `/v1/kv/lock?${mode}`);
      assert.equal(lock.Session, session, agent.address);
      assert.equal((await getJson(agent, `/v1/session/info/${session}?${mode}`)).length, 1);
      assert.equal((await getJson(agent, `/v1/catalog/service/web?${mode}`)).length, 1);
    };
    await hasAll(survivor);

    for (const number of others) cluster.startAgent(number);
    await until(
      async () => (await configured()).filter(({ Voter }) => Voter).length === 3,
      () => `${said(others[0])}\n${said(left)}\nthe new servers do not become voters`,
    );
    await hasAll(agents.get(others[0]));
    // The file was taken up once.
    await cluster.kill(left);
    cluster.startAgent(left);
    await until(
      async () => (await get(survivor, "/v1/status/leader")).text.includes(":8300"),
      () => `${said(left)}\nserver ${left} does not come back`,
    );
    await until(
      async () => (await configured()).filter(({ Voter }) => Voter).length === 3,
      () => `${said(left)}\nthere are not three voters any more`,
    );
    await hasAll(survivor);
  });
