import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { until } from "./client-agents.test.support.ts";
import { type RunningAgent, startAgent } from "./index.ts";
import { readSnapshotArchive, writeSnapshotArchive } from "./storage/snapshot-archive.ts";

const put = async (agent: RunningAgent, path: string, body: string): Promise<string> =>
  (await fetch(`${agent.url}${path}`, { method: "PUT", body })).text();
const get = async (agent: RunningAgent, path: string): Promise<string> => (await fetch(`${agent.url}${path}`)).text();

test("an agent in this process leads and answers over HTTP and DNS", async () => {
  const agent = await startAgent();
  try {
    assert.match(await get(agent, "/v1/status/leader"), /^"127\.0\.0\.1:\d+"/);
    await put(
      agent,
      "/v1/catalog/register",
      '{"Node":"n","Address":"10.0.0.9","Service":{"Service":"db","Port":5432}}',
    );
    const resolver = new Resolver();
    resolver.setServers([`${agent.dnsAddress!.host}:${agent.dnsAddress!.port}`]);
    assert.deepEqual(await resolver.resolve4("db.service.consul"), ["10.0.0.9"]);
  } finally {
    await agent.stop();
  }
});

test("a restored backup in which our name is another machine's does not end our lead", async () => {
  const agents = await Promise.all(["one", "one", "three"].map((name) => startAgent({ config: { node_name: name } })));
  const [old, fresh, other] = agents as [RunningAgent, RunningAgent, RunningAgent];
  try {
    await put(old, "/v1/kv/k", "kept");
    const archive = Buffer.from(await (await fetch(`${old.url}/v1/snapshot`)).arrayBuffer());
    for (const agent of [fresh, other]) {
      const restored = await fetch(`${agent.url}/v1/snapshot`, { method: "PUT", body: archive });
      assert.equal(restored.status, 200, await restored.text());
      assert.equal(await get(agent, "/v1/kv/k?raw"), "kept");
      assert.equal(await put(agent, "/v1/kv/k", "new"), "true\n");
    }
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()));
  }
});

test("an archive whose sums are right and whose state ends within a record changes nothing", async () => {
  const agent = await startAgent();
  try {
    await put(agent, "/v1/kv/k", "kept");
    const state: Uint8Array[] = [];
    async function* cut(): AsyncGenerator<Uint8Array> {
      yield Buffer.concat(state).subarray(0, -1);
    }
    const archive = await fetch(`${agent.url}/v1/snapshot`);
    const meta = await readSnapshotArchive(archive.body!, (chunk) => void state.push(chunk));
    const damaged: Uint8Array[] = [];
    for await (const piece of writeSnapshotArchive(meta, cut(), 0)) damaged.push(piece);
    const refused = await fetch(`${agent.url}/v1/snapshot`, { method: "PUT", body: Buffer.concat(damaged) });
    assert.equal(await refused.text(), "failed to restore snapshot: the snapshot ends inside a record");
    assert.equal(refused.status, 500);
    assert.equal(await put(agent, "/v1/kv/new", "v"), "true\n");
    assert.equal(await get(agent, "/v1/kv/k?raw"), "kept");
  } finally {
    await agent.stop();
  }
});

test("agents in one process know nothing of each other", async () => {
  const agents = await Promise.all(["one", "two", "three"].map((name) => startAgent({ config: { node_name: name } })));
  try {
    assert.equal(new Set(agents.map(({ url }) => url)).size, 3);
    assert.equal(await put(agents[0]!, "/v1/kv/k", "v"), "true\n");
    assert.equal((await fetch(`${agents[1]!.url}/v1/kv/k`)).status, 404);
    const nodes = JSON.parse(await get(agents[2]!, "/v1/catalog/nodes?index=1&wait=5s")) as { Node: string }[];
    assert.deepEqual(
      nodes.map(({ Node }) => Node),
      ["three"],
    );
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()));
  }
});

test("a client agent joins a server in the same process, encrypted, and serves from it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "tribune-embedded-"));
  const encrypt = Buffer.alloc(32, 7).toString("base64");
  const server = await startAgent({ dataDir: join(directory, "s"), config: { node_name: "s", encrypt } });
  const { host, port } = server.lanAddress;
  const config = { node_name: "c", encrypt, server: false, start_join: [`${host}:${port}`] };
  const client = await startAgent({ dataDir: join(directory, "c"), config });
  try {
    assert.equal(await put(client, "/v1/kv/k", "v"), "true");
    assert.equal(await get(server, "/v1/kv/k?raw"), "v");
    assert.equal(
      (await fetch(`${client.url}/v1/agent/service/register`, { method: "PUT", body: '{"Name":"web"}' })).status,
      200,
    );
    // The agent answers before the servers know of it.
    const row = await until("the service is in the catalog", async () => {
      const rows = JSON.parse(await get(server, "/v1/health/service/web")) as { Node: { Node: string } }[];
      return rows[0];
    });
    assert.equal(row.Node.Node, "c");
    const [keys] = JSON.parse(await get(server, "/v1/operator/keyring")) as { Keys: Record<string, number> }[];
    assert.deepEqual(keys!.Keys, { [encrypt]: 2 });
    assert.equal(
      await get(client, "/v1/operator/keyring"),
      "keyring operations must run against a server node",
      "as Consul's client agents answer",
    );
    const event = { name: "deploy", payload: "v2" };
    await put(client, `/v1/event/fire/${event.name}`, event.payload);
    const heard = JSON.parse(await get(server, "/v1/event/list")) as { Name: string; LTime: number }[];
    assert.deepEqual(
      heard.map(({ Name }) => Name),
      ["deploy"],
    );
    assert.ok(heard[0]!.LTime > 0);
  } finally {
    await client.stop();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
});

test("a data directory outlives its agent", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "tribune-embedded-"));
  try {
    const first = await startAgent({ dataDir });
    await put(first, "/v1/kv/kept", "value");
    await first.stop();
    const second = await startAgent({ dataDir });
    assert.equal(await get(second, "/v1/kv/kept?raw"), "value");
    await second.stop();
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});

test("a start that fails leaves nothing behind and says why", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as { port: number };
  await assert.rejects(startAgent({ config: { ports: { http: port } } }), /EADDRINUSE|address already in use/);
  await assert.rejects(startAgent({ config: { no_such_key: 1 } }), /no_such_key/);
  taken.close();
});

test("after stop nothing keeps the process alive", async () => {
  const program = `
    import { startAgent } from ${JSON.stringify(new URL("./index.js", import.meta.url).href)};
    const agent = await startAgent();
    const service = { Name: "s", Check: { HTTP: "http://127.0.0.1:1", Interval: "1h" }, Checks: [{ TTL: "1h" }] };
    await fetch(agent.url + "/v1/agent/service/register", { method: "PUT", body: JSON.stringify(service) });
    await fetch(agent.url + "/v1/session/create", { method: "PUT", body: '{"TTL":"1h"}' });
    const parked = fetch(agent.url + "/v1/kv/none?index=1000000&wait=1h").catch(() => {});
    await agent.stop();
    await parked;`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: fileURLToPath(new URL(".", import.meta.url)),
    stdio: ["ignore", "inherit", "inherit"],
    timeout: 60_000, // a process that hangs is killed, and then has no exit code
  });
  const [code] = (await once(child, "exit")) as [number | null];
  assert.equal(code, 0);
});
