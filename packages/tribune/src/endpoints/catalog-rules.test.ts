import assert from "node:assert/strict";
import { test } from "node:test";
import { make, NodeService, Upstream, zero } from "@tribune/api";
import { check, deregistration, registration, service } from "../state/catalog/testing.ts";
import { prepareDeregistration, prepareRegistration } from "./catalog-rules.ts";

const EMPTY = zero(NodeService);
const proxy = (given: Partial<NodeService["Proxy"]> = {}, own: Partial<NodeService> = {}) =>
  service("p", "p", {
    Kind: "connect-proxy",
    Port: 1,
    Proxy: { ...EMPTY.Proxy, DestinationServiceName: "web", ...given },
    ...own,
  });
const upstream = (given: Partial<Upstream>) => make(Upstream, { DestinationName: "db", LocalBindPort: 5, ...given });
const gateway = (kind: string, given: Partial<NodeService> = {}) =>
  service("g", "g", { Kind: kind, Port: 1, ...given });

test("a registration is completed", () => {
  const prepared = prepareRegistration(
    registration("n1", {
      Service: service("", "web"),
      Check: check("", "", { Name: "named", Definition: { ...check("", "").Definition, TCP: "x:1", Interval: 1e9 } }),
      Checks: [check("n1", "own", { Type: "kept" })],
    }),
  );
  assert.equal(prepared.Service?.ID, "web");
  assert.equal(prepared.Check, null);
  assert.deepEqual(
    prepared.Checks?.map((row) => [row?.Node, row?.CheckID, row?.Type]),
    [
      ["n1", "own", "kept"],
      ["n1", "named", "tcp"],
    ],
  );
});

test("what a registration lacks is refused with Consul's text", () => {
  const one = (text: string) => `1 error occurred:\n\t* ${text}\n\n`;
  const cases: readonly [Parameters<typeof registration>[1], string][] = [
    [{ Node: "" }, "Must provide node"],
    [{ Node: "a\0b" }, "Node name must not contain a zero byte"],
    [{ Service: service("a\0b", "s") }, "Service ID must not contain a zero byte"],
    [{ Service: service("s", "a\0b") }, "Service name must not contain a zero byte"],
    [
      { Check: check("n1", "", { Name: "" }) },
      'failed inserting check: failed health check lookup: index error: object is missing a value for this index on node "n1"',
    ],
    [{ Check: check("n1", "a\0b") }, "Check ID must not contain a zero byte"],
    [{ ID: "x" }, "Bad node ID: uuid string is wrong length"],
    [{ ID: "40e4a748_2192-161a-0510-9bf59fe950b5" }, "Bad node ID: uuid is improperly formatted"],
    [{ ID: "g0e4a748-2192-161a-0510-9bf59fe950b5" }, "Bad node ID: encoding/hex: invalid byte: U+0067 'g'"],
    [{ Address: "" }, "Must provide address if SkipNodeUpdate is not set"],
    [{ Service: service("id", "") }, "Must provide service name with ID"],
    [{ Service: service("s", "s", { Address: "0.0.0.0" }) }, "Invalid service address"],
    [{ Service: service("s", "s", { Address: "::" }) }, "Invalid service address"],
    [
      { Service: proxy({ DestinationServiceName: " " }) },
      one("Proxy.DestinationServiceName must be non-empty for Connect proxy services"),
    ],
    [
      { Service: proxy({ DestinationServiceName: "*" }, { Port: 0 }) },
      "2 errors occurred:\n\t* Proxy.DestinationServiceName must not be a wildcard for Connect proxy services\n" +
        "\t* Port or SocketPath must be set for a Connect proxy\n\n",
    ],
    [
      { Service: proxy({}, { Connect: { Native: true, SidecarService: null } }) },
      one("A Proxy cannot also be Connect Native, only typical services"),
    ],
    [
      { Service: proxy({ Upstreams: [upstream({ DestinationName: "" })] }) },
      one("upstream destination name cannot be empty"),
    ],
    [
      { Service: proxy({ Upstreams: [upstream({ DestinationType: "odd" })] }) },
      one('unknown upstream destination type: "odd"'),
    ],
    [
      { Service: proxy({ Upstreams: [upstream({}), upstream({})] }) },
      one('upstreams cannot contain duplicates of [type="", name="db", namespace="", datacenter=""]'),
    ],
    [
      { Service: proxy({ Upstreams: [upstream({}), upstream({ DestinationName: "kv" })] }) },
      one(
        "upstreams cannot contain duplicates by local bind address and port or unix path; " +
          '"127.0.0.1:5" is specified twice',
      ),
    ],
    [{ Service: gateway("mesh-gateway", { Port: 0 }) }, one("Port must be non-zero for a mesh-gateway")],
    [
      { Service: gateway("ingress-gateway", { Proxy: { ...EMPTY.Proxy, LocalServicePort: 1 } }) },
      one("The Proxy.LocalServicePort configuration is invalid for a ingress-gateway"),
    ],
  ];
  for (const [given, message] of cases) {
    assert.throws(() => prepareRegistration(registration("n1", given)), { message, kind: "internal" });
  }
});

test("the address may be missing where the node is left alone", () => {
  assert.doesNotThrow(() => prepareRegistration(registration("n1", { Address: "", SkipNodeUpdate: true })));
});

test("a deregistration names a node", () => {
  assert.throws(() => prepareDeregistration(deregistration("")), { message: "Must provide node" });
});
