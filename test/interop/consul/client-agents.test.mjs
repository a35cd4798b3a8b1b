// Client agents of either kind among servers of the other: everything a client agent does, done across.
// Needs a real Consul (`CONSUL_BIN`, or `consul` on the PATH).
import assert from "node:assert/strict";
import { Resolver } from "node:dns/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { get, put, until } from "../../e2e/agent-process.mjs";
import { followStream } from "../../e2e/event-stream.mjs";
import {
  buildGoClient,
  complete,
  consulCommand,
  json,
  runProgram,
  startDatacenter,
} from "../datacenter/datacenter.mjs";
import { TRIBUNE } from "./kinds.mjs";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const modules = process.env.CLIENT_MODULES ?? join(root, ".scratch/clients/node_modules");
const python = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";
const SKIPPED = 3;

const consul = consulCommand();
/** Without a Consul each suite is one skipped test, so that the closing count says it. */
const suite = (name, body) =>
  consul === undefined ? test(name, { skip: "NO CONSUL: set CONSUL_BIN" }, () => {}) : describe(name, body);
const pairs = [
  { name: "a Consul client agent, Tribune servers", client: consul, servers: TRIBUNE, net: "127.0.41" },
  { name: "a Tribune client agent, Consul servers", client: TRIBUNE, servers: consul, net: "127.0.41" },
];
for (const { name, client, servers, net } of pairs) {
  suite(name, () => {
    let cluster;
    let agent;
    let server;
    let peer;
    before(async () => {
      // Agent 4 is the one in question, 5 is a client agent of the servers' own kind.
      const commands = { 4: client };
      // Allows `consul exec`, which both programs have off by default.
      const config = { disable_remote_exec: false, dns_config: { allow_stale: false } };
      cluster = await startDatacenter({ net, command: servers, commands, config });
      agent = cluster.agents.get(4);
      server = cluster.agents.get(1);
      peer = cluster.agents.get(5);
    });
    after(() => cluster?.stop());
    const cli = (...args) =>
      runProgram(client[0], [...client.slice(1), ...args], {
        env: { ...process.env, CONSUL_HTTP_ADDR: `${agent.address}:8500` },
      });

    test("members are the same for everybody", async () => {
      const seen = async ({ url }) =>
        (await json(`${url}/v1/agent/members`))
          .map(({ Name, Status, Tags }) => `${Name} ${Status} ${Tags.role} ${Tags.dc} ${Tags.port ?? ""}`)
          .sort();
      const expected = await seen(server);
      assert.equal(expected.length, 5);
      assert.deepEqual(await seen(agent), expected);
      const { code, output } = await cli("members");
      assert.equal(code, 0, output);
      assert.equal(output.match(/ alive /g)?.length, 5, output);
      assert.equal(output.match(/ server /g)?.length, 3, output);
    });

    test("a service with its check goes into the servers' catalog, and what happens to it", async () => {
      const service = {
        Name: "web",
        Port: 80,
        Address: "10.9.8.7",
        Tags: ["v1"],
        Check: { CheckID: "ttl", TTL: "1h" },
      };
      assert.equal((await put(agent, "/v1/agent/service/register", service)).status, 200);
      const becomes = (status) =>
        until(
          async () => {
            for (const { url } of [server, agent, peer]) {
              const [row] = await json(`${url}/v1/health/service/web`);
              const check = row?.Checks.find(({ CheckID }) => CheckID === "ttl");
              if (check?.Status !== status) return false;
            }
            return true;
          },
          () => `the service did not become ${status} everywhere`,
        );
      await becomes("critical");
      for (const [verb, status] of [
        ["pass", "passing"],
        ["warn", "warning"],
        ["pass", "passing"],
      ]) {
        assert.equal((await put(agent, `/v1/agent/check/${verb}/ttl`)).status, 200);
        await becomes(status);
      }
    });

    test("a configuration entry that it has deleted is gone", async () => {
      const path = "/v1/config/service-defaults/deleted";
      const entry = { Kind: "service-defaults", Name: "deleted", Protocol: "http" };
      assert.equal((await put(agent, "/v1/config", entry)).text.trim(), "true");
      const { code, output } = await cli("config", "delete", "-kind", entry.Kind, "-name", entry.Name);
      assert.equal(code, 0, output);
      assert.equal((await fetch(`${server.url}${path}`)).status, 404);
      if (client !== TRIBUNE) return;
      // Its servers would pass over the condition, and delete it.
      assert.equal((await put(agent, "/v1/config", entry)).text.trim(), "true");
      const refused = await fetch(`${agent.url}${path}?cas=1`, { method: "DELETE" });
      assert.equal(refused.status, 500);
      assert.match(await refused.text(), /invalid config entry kind: service-defaults \(with a condition/);
      assert.equal((await fetch(`${server.url}${path}`)).status, 200);
    });

    const pushes = client === TRIBUNE;
    test("a stream follows what the servers hold", { skip: pushes ? false : "Consul pushes nothing" }, async () => {
      const watches = ["/v1/health/service/web", "/v1/catalog/services", "/v1/kv/stream?recurse"];
      const query = watches.map((watch) => `watch=${encodeURIComponent(watch)}`).join("&");
      const stream = followStream(`${agent.url}/v1/stream?${query}&heartbeat=1s`);
      try {
        await stream.until(([web]) => web?.[0]?.Service.Service === "web", "the service");
        await put(server, "/v1/kv/stream/a", "1");
        await put(agent, "/v1/agent/check/fail/ttl");
        const status = ([web]) => web[0].Checks.find(({ CheckID }) => CheckID === "ttl").Status;
        await stream.until((values) => status(values) === "critical", "the check");
        await stream.until(([, , keys]) => keys?.length === 1, "the key");
        await put(agent, "/v1/agent/check/pass/ttl");
        await stream.until((values) => status(values) === "passing", "the check");
        for (const [number, watch] of watches.entries())
          assert.deepEqual(stream.values[number], await json(`${agent.url}${watch}`), watch);
        // Only our own servers keep a history; theirs say that they do not.
        const history = await get(agent, "/v1/history/recent");
        assert.equal(history.status, 501, history.text);
      } finally {
        stream.stop();
      }
    });

    test("DNS", async () => {
      const resolver = new Resolver({ timeout: 20_000, tries: 1 });
      resolver.setServers([`${agent.address}:8600`]);
      assert.deepEqual(await resolver.resolve4("v1.web.service.consul"), ["10.9.8.7"]);
      assert.deepEqual(await resolver.resolve4("node-1.node.consul"), [server.address]);
      const [srv] = await resolver.resolveSrv("web.service.consul");
      assert.equal(srv.port, 80);
      assert.equal((await resolver.resolve4("consul.service.consul")).length, 3);
      await assert.rejects(resolver.resolve4("none.service.consul"), { code: "ENOTFOUND" });
    });

    test("health that is kept up to date by streaming", async () => {
      const cached = async (query = "") => {
        const response = await fetch(`${agent.url}/v1/health/service/web?cached${query}`);
        const rows = await response.json();
        const header = (name) => response.headers.get(`x-${name}`);
        return {
          tags: rows[0]?.Service.Tags,
          index: header("consul-index"),
          cache: header("cache"),
          backend: header("consul-query-backend"),
        };
      };
      const first = await cached();
      if (client === consul) assert.equal(first.backend, "streaming");
      assert.deepEqual(first.tags, ["v1"]);
      assert.equal((await cached()).cache, "HIT");
      const blocked = cached(`&index=${first.index}&wait=30s`);
      const service = {
        Name: "web",
        Port: 80,
        Address: "10.9.8.7",
        Tags: ["v2"],
        Check: { CheckID: "ttl", TTL: "1h" },
      };
      assert.equal((await put(agent, "/v1/agent/service/register", service)).status, 200);
      const changed = await blocked;
      assert.ok(Number(changed.index) > Number(first.index));
      await until(
        async () => (await cached()).tags?.[0] === "v2",
        () => "the cached answer does not follow",
      );
      assert.equal((await cached()).backend, "streaming");
    });

    test("what the cache streams survives another leader, and a restored snapshot", async () => {
      const register = (port) =>
        put(server, "/v1/catalog/register", {
          Node: "far",
          Address: "10.0.0.9",
          Service: { Service: "kept", Port: port },
        });
      const cached = () => json(`${agent.url}/v1/health/service/kept?cached`);
      const says = (port) =>
        until(
          async () => {
            const [row] = await cached();
            return row?.Service.Port === port;
          },
          () => `${agent.process.output.slice(-3000)}\nthe cache does not say ${port}`,
          60_000,
        );
      await register(1);
      await says(1);
      const archive = Buffer.from(await (await fetch(`${agent.url}/v1/snapshot`)).arrayBuffer());
      await register(2);
      await says(2);
      const leader = await cluster.leader();
      await cluster.kill(leader);
      await until(
        async () => (await put(peer, "/v1/kv/leads", "again")).text.trim() === "true",
        () => `nobody leads:\n${cluster.outputs(3000)}`,
        60_000,
      );
      cluster.startAgent(leader);
      await complete(cluster);
      await register(3);
      await says(3);
      assert.equal((await fetch(`${agent.url}/v1/snapshot`, { method: "PUT", body: archive })).status, 200);
      await says(1);
      await register(4);
      await says(4);
      const plain = await json(`${agent.url}/v1/health/service/kept`);
      assert.deepEqual(await cached(), plain);
    });

    test("events reach both sides", async () => {
      for (const [from, name] of [
        [agent, "from-client"],
        [server, "from-server"],
      ]) {
        assert.equal((await put(from, `/v1/event/fire/${name}?node=node-`, "payload")).status, 200);
        for (const { url } of [agent, server, peer])
          await until(
            async () => {
              const [event] = await json(`${url}/v1/event/list?name=${name}`);
              return event !== undefined && atob(event.Payload) === "payload";
            },
            () => `${url} did not hear of ${name}`,
          );
      }
    });

    const go = buildGoClient();
    after(() => go.remove?.());
    test("consul/api for Go", { skip: go.reason }, async (t) => {
      const args = [`-through=${agent.address}:8500`, `-elsewhere=${peer.address}:8500`, "-run=go", "-restore"];
      const { code, output } = await runProgram(go.program, args);
      assert.equal(code, 0, output);
      for (const line of output.trim().split("\n")) {
        const { name, error } = JSON.parse(line);
        await t.test(name, () => assert.equal(error, undefined));
      }
    });

    for (const [name, command, script] of [
      ["python-consul: the datastorage service", python, "datastorage/run.py"],
      ["npm consul", process.execPath, "node-consul/smoke.cjs"],
    ])
      test(name, async (t) => {
        const { code, output } = await runProgram(command, [script], {
          cwd: join(root, "test/clients"),
          env: {
            ...process.env,
            CONSUL_HTTP_ADDR: `${agent.address}:8500`,
            CONSUL_DNS_ADDR: `${agent.address}:8600`,
            SERVICE_ADDR: agent.address,
            CLIENT_MODULES: modules,
          },
        });
        if (code === SKIPPED || code === undefined) t.skip(`CLIENT NOT INSTALLED: ${output || command}`);
        else assert.equal(code, 0, output);
      });

    test("the command line", async () => {
      const succeeds = async (...args) => {
        const { code, output } = await cli(...args);
        assert.equal(code, 0, `${args.join(" ")}: ${output}`);
        return output;
      };
      await succeeds("kv", "put", "cli/a", "1");
      assert.equal((await succeeds("kv", "get", "cli/a")).trim(), "1");
      assert.match(await succeeds("catalog", "nodes"), /node-4 /);
      assert.match(await succeeds("operator", "raft", "list-peers"), /node-1 .*true/);
    });

    test("its server is killed: another serves it", async () => {
      const leader = await cluster.leader();
      await cluster.kill(leader);
      await until(
        async () => (await put(agent, "/v1/kv/after", "kill")).text.trim() === "true",
        () => `no write after the leader was killed:\n${cluster.outputs(3000)}`,
        60_000,
      );
      assert.equal((await get(agent, "/v1/kv/after?raw")).text, "kill");
      cluster.startAgent(leader);
      await complete(cluster);
    });

    test("it is killed and returns, then leaves in good order", async () => {
      await cluster.kill(4);
      const serfHealth = async () => {
        const checks = await json(`${cluster.agents.get(5).url}/v1/health/node/node-4`);
        return checks.find(({ CheckID }) => CheckID === "serfHealth")?.Status;
      };
      await until(
        async () => (await serfHealth()) === "critical",
        () => "nobody notices that it was killed",
        60_000,
      );
      cluster.startAgent(4);
      await until(
        async () => (await serfHealth()) === "passing" && (await get(agent, "/v1/agent/services")).text.includes("web"),
        () => `${agent.process.output.slice(-3000)}\nit does not return`,
        60_000,
      );
      const { code, output } = await cli("leave");
      assert.equal(code, 0, output);
      await agent.process.exitedWithin(60_000);
      // Consul's agent compares itself with the catalog up to three seconds after it found a server, also when it has said
      // goodbye by then, and so registers itself again: the leader's look at all members, once a minute, mends that.
      let known;
      await until(
        async () => {
          const isIt = ({ Name, Node }) => Name === "node-4" || Node === "node-4";
          const member = (await json(`${server.url}/v1/agent/members`)).find(isIt);
          const node = (await json(`${server.url}/v1/catalog/nodes`)).find(isIt);
          known = { member, node };
          return (member?.Status ?? 3) === 3 && node === undefined;
        },
        () => `it left, but is still known: ${JSON.stringify(known)}\n${cluster.outputs(6000)}`,
        90_000,
      );
      const rows = await json(`${server.url}/v1/health/service/web`);
      assert.deepEqual(rows, []);
    });
  });
}
