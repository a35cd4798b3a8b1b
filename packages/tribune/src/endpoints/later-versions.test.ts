/** What Consul has since versions after 1.10: shapes are those of 1.21's source. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectProxyConfig, ExportedServicesConfigEntry, make, ProxyConfigEntry } from "@tribune/api";
import { Catalog, check, service } from "../state/catalog/testing.ts";
import { configEntrySet } from "../state/config-entry.ts";
import { agentEndpoints } from "./agent.ts";
import type { AgentApi, ServerApi } from "./agent-api.ts";
import { followMetrics } from "./agent-metrics-stream.ts";
import type { ByteSink } from "./answer.ts";
import { catalogEndpoints } from "./catalog.ts";
import { configEntryEndpoints } from "./config-entry.ts";
import { healthEndpoints } from "./health.ts";
import { internalEndpoints } from "./internal.ts";
import { operatorEndpoints } from "./operator.ts";
import { answerRead, bodyOf, viewOf } from "./testing.ts";

const ENDPOINTS = [...catalogEndpoints, ...internalEndpoints, ...operatorEndpoints];
const ALL = [...ENDPOINTS, ...healthEndpoints];

function filled(): Catalog {
  const catalog = new Catalog();
  catalog.register("n1", {
    NodeMeta: { rack: "r1" },
    Service: service("web1", "web", { Tags: ["v1"] }),
    Check: check("n1", "web1-c", { Name: "alive", ServiceID: "web1", Status: "warning" }),
  });
  catalog.register("n2", {
    Service: service("web2", "web", { Tags: ["v2", "v1"] }),
    Check: check("n2", "serf", { Name: "Serf", Status: "critical" }),
  });
  catalog.register("n2", { Service: service("proxy", "web-proxy", { Kind: "connect-proxy" }) });
  catalog.register("n3", { Service: service("db", "db", { Connect: { Native: true } } as never) });
  catalog.register("n3", { Service: service("consul", "consul") });
  return catalog;
}

const read = (catalog: Catalog, name: string, given: Parameters<typeof answerRead>[3] = {}) => {
  const { answer, index } = catalog.db.peek((tx) => answerRead(ENDPOINTS, name, tx, given));
  return { body: bodyOf(answer), index };
};

test("operator usage counts names, instances and those of the mesh", () => {
  const { body, index } = read(filled(), "operatorUsage");
  assert.deepEqual(body, {
    Usage: {
      dc1: {
        Services: 4,
        ServiceInstances: 5,
        ConnectServiceInstances: {
          "api-gateway": 0,
          "connect-native": 1,
          "connect-proxy": 1,
          "ingress-gateway": 0,
          "mesh-gateway": 0,
          "terminating-gateway": 0,
        },
        BillableServiceInstances: 3,
        Nodes: 3,
      },
    },
  });
  assert.ok(index > 1);
});

test("the catalog's overview counts nodes, instances and checks by the worst of their checks", () => {
  const { body } = read(filled(), "uiCatalogOverview");
  assert.deepEqual(body, {
    Nodes: [{ Total: 3, Passing: 2, Warning: 0, Critical: 1 }],
    Services: [
      { Name: "consul", Total: 1, Passing: 1, Warning: 0, Critical: 0 },
      { Name: "db", Total: 1, Passing: 1, Warning: 0, Critical: 0 },
      { Name: "web", Total: 2, Passing: 1, Warning: 1, Critical: 0 },
      { Name: "web-proxy", Total: 1, Passing: 1, Warning: 0, Critical: 0 },
    ],
    Checks: [
      { Name: "Serf", Total: 1, Passing: 0, Warning: 0, Critical: 1 },
      { Name: "alive", Total: 1, Passing: 0, Warning: 1, Critical: 0 },
    ],
  });
  assert.deepEqual(read(new Catalog(), "uiCatalogOverview").body, { Nodes: null, Services: null, Checks: null });
});

test("the list of services is narrowed by a filter over their instances", () => {
  const catalog = filled();
  const services = (Filter: string, NodeMetaFilters: object | null = null) =>
    read(catalog, "catalogServices", { common: { Filter, NodeMetaFilters } }).body;
  assert.deepEqual(services('ServiceName == "web"'), { web: ["v1", "v2"] });
  assert.deepEqual(services('"v2" in ServiceTags'), { web: ["v2", "v1"] });
  assert.deepEqual(services('ServiceKind == "connect-proxy"'), { "web-proxy": [] });
  assert.deepEqual(services('ServiceName != "consul"', { rack: "r1" }), { web: ["v1"] });
  assert.deepEqual(services('ServiceName == "nope"'), {});
  assert.throws(() => services("NoField == 1"), { kind: "internal" });
});

test("leadership is handed over to whom the request names", async () => {
  const endpoint = operatorEndpoints.find(({ name }) => name === "operatorRaftTransferLeader")!;
  const asked: unknown[] = [];
  const server = { operator: { transferLeadership: async (id?: string) => void asked.push(id) } } as ServerApi;
  const play = async (id: string) => {
    const http = viewOf("");
    const request = endpoint.binding.request({ id }, http, {} as never);
    const reply = await endpoint.binding.answer(request as never, server as never, undefined as never);
    return bodyOf(endpoint.binding.show(reply, request as never, http));
  };
  assert.deepEqual(await play(""), { Success: true });
  await play("3d61ef4a");
  assert.deepEqual(asked, [undefined, "3d61ef4a"]);
});

const agentAnswer = (name: string, agent: object, values: object = {}) =>
  agentEndpoints
    .find((one) => one.name === name)!
    .binding.answer(values as never, viewOf("") as never, agent as AgentApi as never);

test("members are selected by a filter", async () => {
  const member = (Name: string, Tags: object) => ({ Name, Addr: "10.0.0.1", Port: 8301, Tags, Status: 1 });
  const info = { lanMembers: () => [member("a", { role: "consul" }), member("b", { role: "node" })] };
  const names = async (filter: string) => {
    const answer = await agentAnswer("agentMembers", { info }, { wan: "", segment: "", filter });
    return (bodyOf(answer as never) as { Name: string }[]).map(({ Name }) => Name);
  };
  assert.deepEqual(await names(""), ["a", "b"]);
  assert.deepEqual(await names('Tags.role == "consul"'), ["a"]);
  assert.deepEqual(await names('Name matches "^b" and Status == 1'), ["b"]);
});

test("the version is that of the Consul it stands for", async () => {
  const body = bodyOf((await agentAnswer("agentVersion", {})) as never) as object;
  assert.deepEqual(Object.keys(body), ["SHA", "BuildDate", "HumanVersion", "FIPS"]);
});

test("intervals follow each other as indented objects; a slow reader misses some", () => {
  const written: string[] = [];
  let room = true;
  let say = (_summary: unknown): void => {};
  let stopped = false;
  const sink: ByteSink = {
    write: (chunk) => {
      written.push(Buffer.from(chunk).toString());
      return room;
    },
    end() {},
    abort() {},
    drained() {},
    closed() {},
  };
  followMetrics((listener) => {
    say = listener;
    return () => {
      stopped = true;
    };
  })(sink);
  say({ Gauges: [] });
  room = false;
  say({ Gauges: [1] });
  say({ Gauges: [2] });
  room = true;
  sink.drained();
  say({ Gauges: [3] });
  assert.equal(written[0], '{\n    "Gauges": []\n}\n');
  assert.deepEqual(
    written.map((text) => JSON.parse(text).Gauges),
    [[], [1], [3]],
  );
  sink.closed();
  assert.ok(stopped);
});

test("merge-central-config shows proxies with what entries say of them, and wakes when that changes", () => {
  const catalog = filled();
  const proxied = make(ConnectProxyConfig, { DestinationServiceName: "web", Config: { mine: 1 } });
  const proxy = service("proxy", "web-proxy", { Kind: "connect-proxy", Proxy: proxied });
  catalog.register("n2", { Service: proxy });
  const set = (Config: object) => {
    const Entry = make(ProxyConfigEntry, { Kind: "proxy-defaults", Name: "global", Config });
    catalog.write((tx, index) => configEntrySet(tx, index, Entry));
  };
  set({ mine: 2, theirs: 3 });
  const merged = { service: "web-proxy", tag: [], node: "n2", mergeCentralConfig: true };
  const paths: readonly [string, (body: any) => unknown][] = [
    ["catalogService", ([row]) => row.ServiceProxy.Config],
    ["healthService", ([row]) => row.Service.Proxy.Config],
    ["catalogNodeServices", ({ Services }) => Services.find(({ ID }: { ID: string }) => ID === "proxy").Proxy.Config],
  ];
  for (const [name, config] of paths) {
    const ask = (values: object) => catalog.db.read((tx) => answerRead(ALL, name, tx, { values }));
    const before = ask(merged);
    assert.deepEqual(config(bodyOf(before.result.answer)), { mine: 1, theirs: 3 }, name);
    const plain = ask({ ...merged, mergeCentralConfig: false });
    assert.deepEqual(config(bodyOf(plain.result.answer)), { mine: 1 }, name);
    set({ theirs: 4 });
    assert.deepEqual([before.watch.fired, plain.watch.fired], [true, false], name);
    assert.ok(ask(merged).result.index > before.result.index, name);
    set({ theirs: 3 });
  }
});

test("what was imported from a peer is nothing, whatever is here under that name", () => {
  const catalog = filled();
  const ask = (name: string, values: object, query: string, common: object = {}) =>
    catalog.db.peek((tx) => answerRead(ALL, name, tx, { values, query, common }).answer);
  const service = { service: "web", tag: [] };
  for (const name of ["catalogService", "catalogConnect", "healthService", "healthConnect", "healthIngress"]) {
    assert.deepEqual(bodyOf(ask(name, { ...service, peer: "x" }, "peer=x")), [], name);
    const Filter = name.startsWith("catalog") ? 'Node != "" or Node == "n1"' : 'Node.Node != "" or Service.Port == 1';
    assert.deepEqual(bodyOf(ask(name, { ...service, peer: "x" }, "peer=x", { Filter })), [], name);
  }
  assert.deepEqual(bodyOf(ask("uiServices", {}, "peer=x")), []);
  assert.equal((bodyOf(ask("uiServices", {}, "")) as unknown[]).length > 0, true);
  assert.deepEqual(ask("uiNode", { node: "n1" }, "peer=x"), { kind: "empty", status: 404, withoutMeta: true });
});

test("exported services are told with whom they are exported to, a wildcard by all that it stands for", () => {
  const catalog = filled();
  const ask = () => catalog.db.peek((tx) => answerRead([...configEntryEndpoints], "exportedServices", tx));
  assert.deepEqual(bodyOf(ask().answer), []);
  const [east, west] = [{ Peer: "east" }, { Peer: "west" }];
  const Services = [
    { Name: "web", Consumers: [west, east, west] },
    { Name: "gone", Consumers: [east] },
    { Name: "nobody", Consumers: null },
    { Name: "consul", Consumers: [east] },
    { Name: "*", Consumers: [east] },
  ];
  const entry = make(ExportedServicesConfigEntry, {
    ...{ Kind: "exported-services", Name: "default" },
    Services: Services.map(({ Name, Consumers }) => ({
      ...{ Name, Namespace: "" },
      Consumers: Consumers?.map(({ Peer }) => ({ Peer, Partition: "", SamenessGroup: "" })) ?? null,
    })),
  });
  catalog.db.write(90, (tx) => configEntrySet(tx, 90, entry));
  const { answer, index } = ask();
  // Not the proxy, and not the servers themselves, whoever names them.
  assert.deepEqual(bodyOf(answer), [
    { Service: "db", Consumers: { Peers: ["east"] } },
    { Service: "gone", Consumers: { Peers: ["east"] } },
    { Service: "web", Consumers: { Peers: ["east", "west"] } },
  ]);
  assert.equal(index, 90);
});
