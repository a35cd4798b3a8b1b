// One host's data directory under agents of either kind in turn: what was registered over HTTP comes along, both ways.
// Needs a real Consul (`CONSUL_BIN`, or `consul` on the PATH).
import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentProcess, get, put, serverProcess, temporaryDirectory, until } from "../../e2e/agent-process.mjs";
import { consulCommand, json } from "../datacenter/datacenter.mjs";
import { TRIBUNE } from "./kinds.mjs";

const SERVER = "127.0.42.1";
const HOST = "127.0.42.4";
const consul = consulCommand();
const skip = consul === undefined && "NO CONSUL: set CONSUL_BIN";

test("services and checks of a host outlive its change to Tribune, back to Consul, and again", { skip }, async (t) => {
  const dataDir = temporaryDirectory();
  const server = serverProcess({ address: SERVER, dataDir: `${dataDir}/server` });
  t.after(() => server.kill());
  await server.ready();

  let agent;
  t.after(() => agent?.kill());
  /** Starts the host's agent, after ending the one before it, and waits until the catalog has what is registered. */
  const change = async (command, services) => {
    if (agent !== undefined) {
      agent.signal("SIGTERM");
      await agent.exitedWithin(60_000);
    }
    const config = JSON.stringify({ leave_on_terminate: false, retry_join: [SERVER], retry_interval: "1s" });
    const args = ["-node=host", `-data-dir=${dataDir}/host`, `-hcl=${config}`];
    agent = new AgentProcess({ address: HOST, args, command });
    await inCatalog(services);
  };
  const inCatalog = async (services) => {
    let found;
    await until(
      async () => {
        found = Object.keys((await json(`${server.url}/v1/catalog/node/host`))?.Services ?? {}).sort();
        const own = Object.keys(await json(`${agent.url}/v1/agent/services`)).sort();
        return String(found) === String(services) && String(own) === String(services);
      },
      () => `in the catalog: ${found} instead of ${services}, with:\n${agent.output}`,
    );
  };
  const register = async (body) =>
    assert.equal((await put(agent, "/v1/agent/service/register", body)).status, 200, JSON.stringify(body));
  const deregister = async (id) => assert.equal((await put(agent, `/v1/agent/service/deregister/${id}`)).status, 200);

  await change(consul, []);
  const web = { Name: "web", ID: "web-1", Port: 80, Meta: { a: "b" }, Tags: ["v1"] };
  await register({ ...web, Check: { CheckID: "ttl", TTL: "1h", Notes: "n" } });
  await register({ Name: "old" });
  await put(agent, "/v1/agent/check/warn/ttl?note=slow");
  await inCatalog(["old", "web-1"]);

  await change(TRIBUNE, ["old", "web-1"]);
  await deregister("old");
  await register({ Name: "new", Address: "10.0.0.9", Weights: { Passing: 5, Warning: 2 } });
  // A field of later versions, which Consul 1.10 would refuse the whole check for.
  const tcp = { CheckID: "tcp", TCP: `${SERVER}:8500`, Interval: "1s" };
  await register({ Name: "later", Check: { ...tcp, FailuresBeforeCritical: 3, FailuresBeforeWarning: 2 } });
  await put(agent, "/v1/agent/service/maintenance/new?enable=true&reason=moving");
  await inCatalog(["later", "new", "web-1"]);

  await change(consul, ["later", "new", "web-1"]);
  const checks = await json(`${agent.url}/v1/agent/checks`);
  assert.deepEqual(
    [checks.ttl.Status, checks.ttl.Output, checks.ttl.Notes, checks.ttl.ServiceID],
    ["warning", "slow", "n", "web-1"],
  );
  assert.equal(checks.tcp.Type, "tcp");
  assert.equal(checks["_service_maintenance:new"].Notes, "moving");
  const found = await json(`${agent.url}/v1/agent/services`);
  assert.deepEqual(found.new.Weights, { Passing: 5, Warning: 2 });
  assert.deepEqual([found["web-1"].Port, found["web-1"].Meta, found["web-1"].Tags], [80, { a: "b" }, ["v1"]]);
  await deregister("web-1");
  await register({ Name: "consuls" });
  await inCatalog(["consuls", "later", "new"]);

  await change(TRIBUNE, ["consuls", "later", "new"]);
  assert.equal((await get(agent, "/v1/agent/service/web-1")).status, 404);
});
