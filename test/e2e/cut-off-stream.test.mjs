// A server that is cut off from the others, but not from a client agent that reads its events: what the client answers from
// its cache then says how old it is, and comes from another server as soon as that is possible.
import assert from "node:assert/strict";
import { test } from "node:test";
import { get, getJson, put, temporaryDirectory, until } from "./agent-process.mjs";
import { Cluster } from "./cluster/cluster.mjs";
import { NamespaceHosts, namespacesRefusal } from "./cluster/hosts.mjs";

const RPC_PORT = 8300;
const CLIENT = 4;
const consul = process.env.CONSUL_BIN;
const refusal = namespacesRefusal();

const service = (id, port) => ({ ID: id, Name: "web", Port: port });

async function cached(client) {
  const askedAtMs = performance.now();
  const { status, headers, text } = await get(client, "/v1/health/service/web?cached");
  assert.equal(status, 200, text);
  return {
    askedAtMs,
    ids: JSON.parse(text).map(({ Service }) => Service.ID),
    hit: headers.get("x-cache") === "HIT",
    ageS: Number(headers.get("age")),
    contactMs: Number(headers.get("x-consul-lastcontact")),
    knownLeader: headers.get("x-consul-knownleader") === "true",
  };
}

/** What it printed last, without the questions asked here. */
function said(client) {
  const lines = client.process.output.split("\n").filter((line) => !line.includes("Request finished"));
  return lines.slice(-40).join("\n");
}

for (const [what, net, command] of [
  ["a server", 121, undefined],
  ["a Consul server", 122, consul],
])
  test(`cached health from ${what} that is cut off says how old it is, and comes from another one`, {
    skip: refusal ?? (what.includes("Consul") && consul === undefined ? "NO CONSUL: set CONSUL_BIN" : false),
  }, async (t) => {
    const hosts = new NamespaceHosts(net);
    const commands = command === undefined ? {} : Object.fromEntries([1, 2, 3].map((number) => [number, [command]]));
    const cluster = new Cluster({
      ...{ hosts, directory: temporaryDirectory(), servers: 3, clients: 1, commands },
      // Which of them leads is looked at once, and must not change because the machine is busy.
      config: { performance: { raft_multiplier: 5 } },
      configs: { [CLIENT]: { use_streaming_backend: true, log_level: "DEBUG" } },
    });
    t.after(() => cluster.stop());
    await cluster.start();
    const client = cluster.agents.get(CLIENT);
    const leader = await cluster.leader();
    const [chosen, other] = [1, 2, 3].filter((number) => number !== leader);
    // The client reaches one follower only, whatever order it draws.
    for (const number of [leader, other]) hosts.refuse(CLIENT, number, RPC_PORT);
    await until(
      async () => (await put(client, "/v1/agent/service/register", service("web-1", 81))).status === 200,
      () => "the client registers nothing",
    );
    let answer;
    await until(
      async () => {
        answer = await cached(client);
        const streams = [...client.process.output.matchAll(/event streams run to a server: server=(\S+)/g)];
        const isUpToDate = answer.hit && answer.ageS === 0 && answer.knownLeader && answer.ids.includes("web-1");
        return isUpToDate && streams.at(-1)?.[1].startsWith(`node-${chosen}`);
      },
      () => `${said(client)}\nthe client reads no events: ${JSON.stringify(answer)}`,
      60_000,
    );

    for (const number of [leader, other]) hosts.part(chosen, number);
    const cutAtMs = performance.now();
    await until(
      async () =>
        (await put(cluster.agents.get(leader), "/v1/agent/service/register", service("web-2", 82))).status === 200,
      () => "nothing can be registered elsewhere",
    );
    const serverRows = async () => (await getJson(cluster.agents.get(leader), "/v1/health/service/web")).length;
    await until(
      async () => (await serverRows()) === 2,
      () => "the catalog has no second instance",
    );
    const lies = [];
    await until(
      async () => {
        answer = await cached(client);
        // It cannot know better than the server it reads from, but whose leader was last heard of before the cut.
        if (answer.contactMs < Math.floor(answer.askedAtMs - cutAtMs)) lies.push(answer);
        return !answer.knownLeader;
      },
      () => `the client does not see that its server has no leader: ${JSON.stringify(answer)}`,
      60_000,
    );
    assert.deepEqual(lies, []);
    answer = await cached(client);
    assert.deepEqual(answer.ids, ["web-1"]);
    assert.ok(answer.hit && answer.ageS * 1000 >= answer.askedAtMs - cutAtMs - 1000, JSON.stringify(answer));

    hosts.repair(CLIENT);
    await until(
      async () => {
        answer = await cached(client);
        return answer.ids.length === 2 && answer.knownLeader && answer.ageS === 0;
      },
      () => `${said(client)}\nthe client does not go to another server: ${JSON.stringify(answer)}`,
      60_000,
    );
  });
