import assert from "node:assert/strict";
import { test } from "node:test";
import { HealthCheck, make, NodeService, zero } from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { LogHub } from "../lib/logger/log-hub.ts";
import { agentEndpoints, takesOpenMetrics } from "./agent.ts";
import type { AgentApi } from "./agent-api.ts";
import { agentCheckEndpoints } from "./agent-check.ts";
import type { LocalChecksApi, LocalServicesApi } from "./agent-local-api.ts";
import { followLog } from "./agent-monitor.ts";
import { agentServiceEndpoints } from "./agent-service.ts";
import { aggregatedStatus, healthCode } from "./agent-shapes.ts";
import type { Answer, ByteSink } from "./answer.ts";
import type { HttpView } from "./binding.ts";
import { notServedEndpoints } from "./not-served.ts";
import { bodyOf, viewOf } from "./testing.ts";

const ENDPOINTS = [...agentEndpoints, ...agentCheckEndpoints, ...agentServiceEndpoints, ...notServedEndpoints];

const service = (fields: Partial<NodeService>): NodeService => ({
  ...zero(NodeService),
  Weights: { Passing: 1, Warning: 1 },
  ...fields,
});
const check = (fields: Partial<HealthCheck>): HealthCheck => make(HealthCheck, { Status: "passing", ...fields });

/** An agent with these rows; calls that change something are noted. */
function agentWith(services: readonly NodeService[], checks: readonly HealthCheck[] = []) {
  const calls: unknown[] = [];
  const note =
    (name: string) =>
    (...given: unknown[]) => {
      calls.push([name, ...given]);
      return Promise.resolve();
    };
  const servicesApi: LocalServicesApi = {
    all: () => services,
    find: (id) => services.find((one) => one.ID === id),
    checksOf: (id) => checks.filter((one) => one.ServiceID === id || one.ServiceID === ""),
    waitFor: (_id, query) => {
      calls.push(["waitFor", query.hash, query.waitMs]);
      return Promise.resolve(query.read());
    },
    register: note("register"),
    deregister: note("deregister"),
    enableMaintenance: note("enable"),
    disableMaintenance: note("disable"),
  };
  const checksApi: LocalChecksApi = {
    all: () => checks,
    register: note("registerCheck"),
    deregister: note("deregisterCheck"),
    report: note("report"),
    reportJson: note("reportJson"),
  };
  const agent = {
    datacenter: "dc1",
    connectEnabled: false,
    services: servicesApi,
    checks: checksApi,
    info: { lanMembers: () => ["lan"], wanMembers: () => ["wan"], noSegment: (segment: string) => `no ${segment}` },
    metrics: { summary: () => ({ Gauges: [] }), prometheus: () => undefined },
    tokens: { enabled: false },
    lifecycle: { enableMaintenance: note("enableNode"), disableMaintenance: note("disableNode") },
  } as unknown as AgentApi;
  return { agent, calls };
}

async function ask(
  agent: AgentApi,
  name: string,
  values: Readonly<Record<string, unknown>> = {},
  view: Partial<HttpView> & { readonly text?: string } = {},
): Promise<Answer> {
  const endpoint = ENDPOINTS.find((one) => one.name === name);
  assert.ok(endpoint, name);
  return endpoint.binding.answer(values, { ...viewOf(view.text ?? ""), ...view }, agent);
}

const refused = (kind: string, message: string) => (error: unknown) => {
  assert.ok(error instanceof TribuneError);
  assert.deepEqual([error.kind, error.message], [kind, message]);
  return true;
};

test("services come as a map in the order of their IDs, filtered, with what Go's client leaves out", async () => {
  const { agent } = agentWith([
    service({ ID: "w-10", Service: "web", Port: 80, Tags: ["a"] }),
    service({ ID: "10", Service: "db" }),
    service({
      ID: "9",
      Service: "proxy",
      Kind: "connect-proxy",
      Proxy: { ...zero(NodeService).Proxy, DestinationServiceName: "web" },
    }),
    service({ ID: "__proto__", Service: "odd", Connect: { Native: true, SidecarService: null } }),
  ]);
  const answer = await ask(agent, "agentServices", { filter: "" });
  assert.equal(answer.kind, "pieces");
  const text = Buffer.concat([...(answer as Extract<Answer, { kind: "pieces" }>).pieces(false)]).toString();
  assert.deepEqual(
    [...text.matchAll(/"ID":"([^"]*)"/g)].map(([, id]) => id),
    ["10", "9", "__proto__", "w-10"],
  );
  const body = JSON.parse(text) as Record<string, Record<string, unknown>>;
  assert.deepEqual(body["10"], {
    ID: "10",
    Service: "db",
    Tags: [],
    Meta: {},
    Port: 0,
    Address: "",
    Weights: { Passing: 1, Warning: 1 },
    EnableTagOverride: false,
    Datacenter: "dc1",
  });
  assert.deepEqual(body["9"]?.Proxy, { DestinationServiceName: "web", MeshGateway: {}, Expose: {} });
  assert.match(text, /"Connect":\{"Native":true\}/);
  const some = await ask(agent, "agentServices", { filter: "Proxy.DestinationServiceName == web" });
  assert.deepEqual(Object.keys(bodyOf(some) as object), ["9"]);
  await assert.rejects(
    ask(agent, "agentServices", { filter: "Nope == 1" }),
    refused("internal", 'Failed to create boolean expression evaluator: Selector "Nope" is not valid'),
  );
});

test("a service has a hash that follows its content and is asked for again with it", async () => {
  const one = agentWith([service({ ID: "w", Service: "web" })]);
  const other = agentWith([service({ ID: "w", Service: "web", Port: 1 })]);
  const answer = await ask(one.agent, "agentService", { id: "w", hash: "seen" }, { text: "wait=1500ms" });
  const { ContentHash } = bodyOf(answer) as { ContentHash: string };
  assert.deepEqual(one.calls, [["waitFor", "seen", 1500]]);
  assert.deepEqual((answer as { headers?: unknown }).headers, ["X-Consul-Contenthash", ContentHash]);
  const changed = bodyOf(await ask(other.agent, "agentService", { id: "w", hash: "" })) as { ContentHash: string };
  assert.notEqual(changed.ContentHash, ContentHash);
  assert.deepEqual(await ask(one.agent, "agentService", { id: "x", hash: "" }), {
    kind: "text",
    status: 404,
    text: "unknown service ID: x",
  });
  await assert.rejects(
    ask(one.agent, "agentService", { id: "w", hash: "" }, { text: "wait=3" }),
    refused("badRequest", "Invalid wait time"),
  );
});

test("the worst check decides, and maintenance outdoes it", () => {
  const of = (...statuses: string[]) => aggregatedStatus(statuses.map((Status) => check({ Status })));
  assert.deepEqual(
    [of(), of("passing"), of("warning", "passing"), of("critical", "warning"), of("passing", "odd")],
    ["passing", "passing", "warning", "critical", ""],
  );
  const maintained = [check({ Status: "critical", CheckID: "_service_maintenance:w" }), check({})];
  assert.equal(aggregatedStatus(maintained), "maintenance");
  assert.deepEqual(
    (["passing", "warning", "critical", "maintenance", ""] as const).map(healthCode),
    [200, 429, 503, 503, 503],
  );
});

test("health of services: status, reason and both forms", async () => {
  const { agent } = agentWith(
    [service({ ID: "a", Service: "web" }), service({ ID: "b", Service: "web" })],
    [check({ ServiceID: "a", CheckID: "1" }), check({ ServiceID: "b", CheckID: "2", Status: "warning" })],
  );
  const byId = await ask(agent, "agentServiceHealthById", { id: "a" });
  assert.equal((byId as { status?: number }).status, 200);
  assert.equal((bodyOf(byId) as { Service: { ID: string } }).Service.ID, "a");
  const byName = await ask(agent, "agentServiceHealthByName", { name: "web" });
  assert.deepEqual((byName as { status?: number }).status, 429);
  const shown = bodyOf(byName) as { AggregatedStatus: string }[];
  assert.deepEqual(
    shown.map(({ AggregatedStatus }) => AggregatedStatus),
    ["passing", "warning"],
  );
  const text = await ask(agent, "agentServiceHealthByName", { name: "ü\n" }, { header: () => "text/plain" });
  assert.deepEqual(text, {
    kind: "text",
    status: 404,
    text: "ServiceName ü\n Not Found",
    contentType: "text/plain",
    headers: ["X-Consul-Reason", `ServiceName ${Buffer.from("ü").toString("latin1")}  Not Found`],
  });
  await assert.rejects(
    ask(agent, "agentServiceHealthById", { id: "" }),
    refused("internal", "Bad request: Missing serviceID"),
  );
});

test("maintenance wants a boolean in Go's spelling", async () => {
  const { agent, calls } = agentWith([]);
  const values = { id: "w", reason: "why" };
  await ask(agent, "agentServiceMaintenance", values, { text: "enable=T" });
  await ask(agent, "agentServiceMaintenance", values, { text: "enable=0" });
  await ask(agent, "agentMaintenance", values, { text: "enable=true" });
  assert.deepEqual(calls, [
    ["enable", "w", "why", ""],
    ["disable", "w"],
    ["enableNode", "why", ""],
  ]);
  await assert.rejects(ask(agent, "agentMaintenance"), refused("badRequest", "Missing value for enable"));
  await assert.rejects(
    ask(agent, "agentMaintenance", {}, { text: "enable=yes" }),
    refused("badRequest", 'Invalid value for enable: "yes"'),
  );
});

test("existing checks are replaced only when it is said so", async () => {
  const { agent, calls } = agentWith([]);
  const definition = Buffer.from("{}");
  for (const text of ["", "replace-existing-checks", "replace-existing-checks=true", "replace-existing-checks=1"])
    await ask(agent, "agentServiceRegister", { definition }, { text });
  assert.deepEqual(
    calls.map((call) => ((call as unknown[])[2] as { replaceExistingChecks: boolean }).replaceExistingChecks),
    [false, true, true, false],
  );
});

test("a filter on checks meets its type with the first check", async () => {
  const none = await ask(agentWith([]).agent, "agentChecks", { filter: "Nope == 1" });
  assert.deepEqual(bodyOf(none), {});
  const { agent } = agentWith([], [check({ CheckID: "b" }), check({ CheckID: "a", Status: "warning" })]);
  await assert.rejects(
    ask(agent, "agentChecks", { filter: "Nope == 1" }),
    refused("internal", 'Selector "Nope" is not valid'),
  );
  const some = bodyOf(await ask(agent, "agentChecks", { filter: "Status != critical" }));
  assert.deepEqual(Object.keys(some as object), ["a", "b"]);
});

test("members, metrics and tokens answer as one agent without ACLs does", async () => {
  const { agent } = agentWith([]);
  const members = (wan: string, segment: string) => ask(agent, "agentMembers", { wan, segment, filter: "" });
  assert.deepEqual(bodyOf(await members("", "_all")), ["lan"]);
  assert.deepEqual(bodyOf(await members("0", "")), ["wan"]);
  assert.equal(((await members("1", "x")) as { status?: number }).status, 400);
  await assert.rejects(members("", "x"), refused("internal", "no x"));
  assert.deepEqual(bodyOf(await ask(agent, "agentMetrics", { format: "" })), { Gauges: [] });
  assert.equal(((await ask(agent, "agentMetrics", { format: "prometheus" })) as { status?: number }).status, 415);
  assert.deepEqual(
    ["*/*", "text/plain", "text/plain; version=0.4.0", "x, application/OpenMetrics-Text;q=1"].map(takesOpenMetrics),
    [false, false, true, true],
  );
  assert.equal(((await ask(agent, "agentToken", {})) as { status?: number }).status, 401);
});

test("routes that are not served say so", async () => {
  const { agent } = agentWith([]);
  assert.equal(((await ask(agent, "notServed PUT /v1/acl/token")) as { status?: number }).status, 401);
  const federation = (await ask(agent, "notServed GET /v1/internal/federation-states")) as {
    status?: number;
    text: string;
  };
  assert.equal(federation.status, 500);
  assert.match(federation.text, /federation/);
  await assert.rejects(
    ask(agent, "notServed GET /v1/connect/ca/configuration"),
    refused("internal", "Connect must be enabled in order to use this endpoint"),
  );
});

test("the log follows a slow client without losing its place, and says what it lost", () => {
  const clock = { nowMs: () => 0, wallMs: () => 0 };
  const hub = new LogHub({ level: "ERROR", json: false }, { clock, outputs: [] });
  const subscription = hub.subscribe("INFO");
  const log = hub.logger("x");
  log.info("before");
  let received = "";
  let writable = true;
  const sink: ByteSink = {
    write(chunk) {
      received += Buffer.from(chunk).toString();
      return writable;
    },
    end() {},
    abort() {},
    drained() {},
    closed() {},
  };
  const dropped: number[] = [];
  followLog(subscription, sink, (lines) => dropped.push(lines));
  assert.match(received, /before\n$/);
  writable = false;
  log.info("one");
  log.debug("too quiet");
  for (let line = 0; line < 600; line++) log.info("waits");
  assert.match(received, /one\n$/);
  writable = true;
  sink.drained();
  assert.match(received, /waits\n$/);
  log.info("two");
  assert.match(received, /two\n$/);
  sink.closed();
  assert.deepEqual(dropped, [600 - 512]);
  log.info("after");
  assert.doesNotMatch(received, /after|too quiet/);
});
