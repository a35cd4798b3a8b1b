/** Registration and resolution against real agents. */
import assert from "node:assert/strict";
import { createClient, fetchSend, NoInstancesError, ResponseError } from "@tribune/client";
import { againstAgents, until } from "./client-agents.test.support.ts";

againstAgents("a registered service stays registered, also with an agent that forgot it", async (agent) => {
  const send = fetchSend(agent.url);
  let renewals = 0;
  const client = createClient({
    send: (request) => {
      if (request.target.includes("/check/update/")) renewals++;
      return send(request);
    },
  });
  const failures: unknown[] = [];
  let again = 0;
  const registration = await client.register(
    { Name: "web", ID: "web-1", Port: 80, Tags: ["blue"] },
    { ttlMs: 1_000, onRegisteredAgain: () => again++, onFailure: (error) => failures.push(error) },
  );
  const check = async () => (await client.agentChecks()).value?.["service:web-1"];
  // A second in which this process gets no time is a TTL that runs out; the next renewal puts that right.
  const isSaid = (status: string, output: string) =>
    until(`its check is ${status}: ${output}`, async () => {
      const { Status, Output } = (await check()) ?? {};
      return Status === status && Output === output;
    });
  await until("its check passes", async () => (await check())?.Status === "passing");
  await registration.report("warning", "slow");
  await isSaid("warning", "slow");
  // For longer than the TTL it is renewed with what was last said.
  await until("it is renewed for two TTLs", () => renewals > 6);
  await isSaid("warning", "slow");

  await client.agentServiceDeregister({ id: "web-1" });
  await until("it is registered again", () => again === 1);
  await agent.away();
  await until("it is missed", () => failures.length > 0);
  await agent.back();
  await until("it is registered with the new agent", () => again >= 2);
  await isSaid("warning", "slow");
  await until("it is in the catalog", async () => (await client.healthService({ service: "web" })).value?.length);

  await registration.deregister();
  assert.deepEqual((await client.agentServices()).value, {});
  await registration.deregister();
});

againstAgents("a service with checks of its own; ended by its signal, or with the client", async (agent) => {
  const client = createClient({ url: agent.url });
  const stop = new AbortController();
  const TCP = new URL(agent.url).host;
  const service = { Name: "api", Port: 80, Check: { TCP, Interval: 0.2e9, Status: "critical" } };
  await client.register(service, { signal: stop.signal });
  await until("its check passes", async () => {
    const { value } = await client.healthService({ service: "api", passing: true });
    return value?.length;
  });
  const both = { Name: "both", Check: { TCP, Interval: 60e9, Status: "passing" } };
  await client.register(both, { ttlMs: 10_000 });
  const ids = Object.keys((await client.agentChecks()).value ?? {});
  assert.ok(ids.includes("service:both:ttl"), ids.join());
  stop.abort();
  await until("it is gone", async () => !("api" in ((await client.agentServices()).value ?? {})));
  client.close();
  const other = createClient({ url: agent.url });
  await until("the other is gone", async () => Object.keys((await other.agentServices()).value ?? {}).length === 0);
  await assert.rejects(other.register({ Name: "" }), ResponseError);
});

againstAgents("instances take turns, and the sick are left out", async (agent, t) => {
  const client = createClient({ url: agent.url });
  t.after(() => client.close());
  await assert.rejects(client.resolve("web"), NoInstancesError);
  for (const ID of ["a", "b", "c"])
    await client.agentServiceRegister({
      definition: {
        Name: "web",
        ID,
        Address: `10.0.0.${ID.charCodeAt(0)}`,
        Port: 80,
        Check: { TTL: 60e9, Status: "passing" },
      },
    });
  const web = client.resolver("web");
  await until("all are known", async () => (await web.all()).length === 3);
  const turn = async () => (await web.pick()).id;
  const six = [await turn(), await turn(), await turn(), await turn(), await turn(), await turn()];
  assert.deepEqual(six.toSorted(), ["a", "a", "b", "b", "c", "c"]);
  const endpoint = await web.pick();
  assert.equal(endpoint.host, `10.0.0.${endpoint.id.charCodeAt(0)}:80`);
  await client.agentCheckFail({ id: "service:b" });
  await until("the sick one is out", () => web.size === 2);
  assert.ok(![await turn(), await turn(), await turn()].includes("b"));
  await client.agentCheckWarn({ id: "service:a" });
  await until("warnings count as well", () => web.size === 1);
  const lenient = client.resolver("web", { warning: true });
  assert.equal((await lenient.all()).length, 2);
  const nearest = await client.resolve("web", { strategy: "nearest" });
  assert.equal(nearest.node, "here");
});

againstAgents("the last good list stays while the agent is away, and says how old it is", async (agent, t) => {
  const client = createClient({ url: agent.url });
  t.after(() => client.close());
  await client.agentServiceRegister({ definition: { Name: "web", Port: 80 } });
  const web = client.resolver("web");
  await until("it is found", async () => (await web.all()).length === 1);
  assert.deepEqual([web.ageMs, web.awayReason], [0, undefined]);
  await agent.away();
  await until("it notices", () => web.awayReason !== undefined);
  await until("the list ages", () => web.ageMs > 0);
  const endpoint = await web.pick();
  assert.equal(endpoint.id, "web");
  assert.ok(endpoint.ageMs > 0);
  await agent.back();
  await until("it is told the truth again", () => web.ageMs === 0 && web.size === 0);
  await assert.rejects(web.pick(), NoInstancesError);
  const never = createClient({ url: "http://127.0.0.1:1", retry: false });
  await assert.rejects(never.resolve("web"), { name: "RequestError" });
  never.close();
});
