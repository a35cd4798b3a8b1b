// TLS on the RPC port between agents of both kinds: clients, Raft between servers, snapshots, streamed health.
// Needs a real Consul (`CONSUL_BIN`, or `consul` on the PATH).
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { AgentProcess, get, put, until } from "../../e2e/agent-process.mjs";
import { complete, consulCommand, json, startDatacenter } from "../datacenter/datacenter.mjs";
import { TRIBUNE } from "./kinds.mjs";

const net = "127.0.34";
const consul = consulCommand();
const suite = (name, body) =>
  consul === undefined ? test(name, { skip: "NO CONSUL: set CONSUL_BIN" }, () => {}) : describe(name, body);

/** An authority, and certificates of it for a server, a client, and a client of another authority. */
function certificates() {
  const directory = mkdtempSync(join(tmpdir(), "tribune-tls-"));
  const make = (cwd, ...args) => execFileSync(TRIBUNE[0], [...TRIBUNE.slice(1), "tls", ...args], { cwd });
  const other = mkdtempSync(join(directory, "other-"));
  for (const cwd of [directory, other]) make(cwd, "ca", "create");
  make(directory, "cert", "create", "-server");
  make(directory, "cert", "create", "-client");
  make(other, "cert", "create", "-client");
  const of = (name, cwd = directory) => ({
    cert_file: join(cwd, `dc1-${name}-consul-0.pem`),
    key_file: join(cwd, `dc1-${name}-consul-0-key.pem`),
  });
  return {
    verified: {
      ca_file: join(directory, "consul-agent-ca.pem"),
      verify_incoming: true,
      verify_outgoing: true,
      verify_server_hostname: true,
    },
    server: of("server"),
    client: of("client"),
    stranger: { ...of("client", other), ca_file: join(other, "consul-agent-ca.pem") },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

for (const [name, kinds] of [
  ["TLS: Tribune servers, a client of each kind", ["tribune", "tribune", "tribune", "consul", "tribune"]],
  ["TLS: Consul servers, a client of each kind", ["consul", "consul", "consul", "tribune", "consul"]],
  ["TLS: servers of both kinds, a client of each", ["tribune", "consul", "tribune", "consul", "tribune"]],
])
  suite(name, () => {
    let made;
    let cluster;
    const clients = () => cluster.clients;
    before(async () => {
      made = certificates();
      const commands = Object.fromEntries(kinds.map((kind, at) => [at + 1, kind === "consul" ? consul : TRIBUNE]));
      const configs = Object.fromEntries(kinds.map((_, at) => [at + 1, at < 3 ? made.server : made.client]));
      cluster = await startDatacenter({ net, servers: 3, clients: 2, commands, config: made.verified, configs });
    });
    after(async () => {
      await cluster?.stop();
      made.remove();
    });

    test("what one writes all read, and a blocked query wakes", async () => {
      for (const { number, url } of cluster.agents.values())
        assert.equal((await put({ url }, `/v1/kv/from/${number}`, `${number}`)).text.trim(), "true");
      for (const agent of clients()) {
        assert.equal((await json(`${agent.url}/v1/kv/from?recurse&consistent`)).length, 5);
        const { headers } = await get(agent, "/v1/kv/from/1");
        const blocked = get(agent, `/v1/kv/from/1?wait=30s&index=${headers.get("x-consul-index")}`);
        assert.equal((await put(cluster.servers[0], "/v1/kv/from/1", `for ${agent.number}`)).status, 200);
        assert.equal(atob(JSON.parse((await blocked).text)[0].Value), `for ${agent.number}`);
      }
    });

    test("health is followed, streamed where a client does that", async () => {
      const [first, second] = clients();
      for (const agent of clients()) await get(agent, "/v1/health/service/tls-web?wait=1s&index=1");
      const { headers } = await get(second, "/v1/health/service/tls-web");
      const blocked = get(second, `/v1/health/service/tls-web?wait=30s&index=${headers.get("x-consul-index") || 1}`);
      assert.equal((await put(first, "/v1/agent/service/register", { Name: "tls-web", Port: 80 })).status, 200);
      assert.equal(JSON.parse((await blocked).text).length, 1);
      await until(
        async () => (await json(`${first.url}/v1/health/service/tls-web`)).length === 1,
        () => "the service does not show on its own agent",
      );
    });

    test("snapshots are saved and restored through clients", async () => {
      for (const agent of clients()) {
        await put(agent, "/v1/kv/snapshot/kept", "1");
        const archive = Buffer.from(await (await fetch(`${agent.url}/v1/snapshot`)).arrayBuffer());
        await put(agent, "/v1/kv/snapshot/later", "1");
        const restored = await fetch(`${agent.url}/v1/snapshot`, { method: "PUT", body: archive });
        assert.equal(restored.status, 200, await restored.text());
        await until(
          async () => (await get(agent, "/v1/kv/snapshot/later")).status === 404,
          () => "what came after the snapshot is still there",
        );
        assert.equal((await get(agent, "/v1/kv/snapshot/kept?raw")).text, "1");
      }
    });

    test("each server leads, is killed, and gets what it missed", async () => {
      for (const { number } of cluster.servers) {
        const leader = await cluster.leader();
        const lost = leader === number || leader === undefined ? number : leader;
        await cluster.kill(lost);
        await cluster.writable();
        for (const agent of clients())
          await until(
            async () => (await put(agent, `/v1/kv/after/${number}`, "1")).text.trim() === "true",
            () => `no write through agent ${agent.number}:\n${cluster.outputs(2000)}`,
          );
        cluster.startAgent(lost);
        await complete(cluster);
        const back = cluster.agents.get(lost);
        await until(
          async () => (await get(back, `/v1/kv/after/${number}?stale&raw`)).text === "1",
          () => `agent ${lost} lacks what it missed`,
        );
      }
    });

    test("nobody is heard without a certificate of the authority", async () => {
      for (const server of cluster.servers) assert.equal(await answersPlainly(server.address), false, server.url);
      for (const [at, command] of [consul, TRIBUNE].entries())
        for (const [how, settings] of [
          ["plain", {}],
          ["stranger", { ...made.stranger, verify_outgoing: true }],
        ]) {
          const outsider = await joined(10 + 2 * at + (how === "plain" ? 0 : 1), command, settings);
          try {
            const answer = await get(outsider, "/v1/kv/from/1?stale");
            assert.equal(answer.status, 500, `${command[0]} ${how}: ${answer.text}`);
          } finally {
            await outsider.kill();
          }
        }
    });
  });

suite("TLS: a server must be called server.DC.DOMAIN where that is verified", () => {
  for (const [name, server, client] of [
    ["a Consul client does not ask a Tribune server with a client's certificate", TRIBUNE, consul],
    ["a Tribune client does not ask a Consul server with a client's certificate", consul, TRIBUNE],
  ])
    test(name, async (t) => {
      const made = certificates();
      t.after(() => made.remove());
      const { ca_file } = made.verified;
      const config = { ca_file, verify_incoming: true, verify_outgoing: true };
      const commands = { 1: server, 2: client };
      const configs = { 1: made.client, 2: made.client };
      const cluster = await startDatacenter({ net, servers: 1, clients: 1, commands, config, configs });
      t.after(() => cluster.stop());
      // Without it any certificate of the authority will do.
      assert.equal((await put(cluster.agents.get(2), "/v1/kv/a", "1")).text.trim(), "true");
      const strict = await joined(3, client, { ...config, ...made.client, verify_server_hostname: true });
      t.after(() => strict.kill());
      const answer = await get(strict, "/v1/kv/a?stale");
      assert.equal(answer.status, 500, answer.text);
      assert.match(answer.text + strict.output, /server\.dc1\.consul/);
    });
});

/** A client agent that has joined the pool and sees a server. */
async function joined(number, command, settings) {
  const address = `${net}.${number}`;
  const dataDir = mkdtempSync(join(tmpdir(), "tribune-outsider-"));
  const config = { node_name: `node-${number}`, data_dir: dataDir, retry_join: [`${net}.1`], ...settings };
  const agent = new AgentProcess({ address, args: [`-hcl=${JSON.stringify(config)}`], command });
  try {
    await until(
      async () => (await json(`${agent.url}/v1/agent/self`)).Stats.consul.known_servers !== "0",
      () => `${agent.output.slice(-3000)}\nagent ${number} finds no server`,
    );
  } catch (error) {
    await agent.kill();
    throw error;
  } finally {
    void agent.exited.then(() => rmSync(dataDir, { recursive: true, force: true }));
  }
  return agent;
}

/** Whether the RPC port takes a connection that speaks RPC without TLS. */
function answersPlainly(host) {
  return new Promise((resolve) => {
    const socket = connect(8300, host);
    const end = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    // yamux behind its first byte: a ping, which any session answers.
    socket.once("connect", () => socket.write(Buffer.from([4, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7])));
    socket.once("data", () => end(true));
    socket.once("close", () => end(false));
    socket.once("error", () => end(false));
  });
}
