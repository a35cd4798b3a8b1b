import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CONFIG_ENTRY_STRUCTS,
  type ConfigEntry,
  ConfigEntryRequest,
  configEntryStruct,
  laterPart,
  make,
  markedKind,
  plainKind,
  toJson,
} from "@tribune/api";
import { MsgpackWriter } from "../codec/msgpack.ts";
import { decodeStruct, encodeStruct } from "../codec/struct-msgpack.ts";
import { configEntryGet } from "../state/config-entry.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { MESSAGE } from "../state/message-types.ts";
import { Machine } from "../state/testing.ts";
import type { LeaderApi } from "./agent-api.ts";
import { Settled } from "./binding.ts";
import { configEntryEndpoints } from "./config-entry.ts";
import { decodeConfigEntry } from "./config-entry-decode.ts";
import { normalizeConfigEntry, validateConfigEntry } from "./config-entry-rules.ts";

/** What an entry of this kind cannot be without. */
const SOURCES = { Sources: [{ Name: "a", Action: "allow" }] };

function admitted(raw: object): ConfigEntry {
  const entry = normalizeConfigEntry(decodeConfigEntry(raw));
  validateConfigEntry(entry);
  return entry;
}
const refusal = (raw: unknown): string => {
  try {
    admitted(raw as object);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error(`${JSON.stringify(raw)} was not refused`);
};

test("both spellings are read, in any letter case, with values as loose as Consul takes them", () => {
  const camel = admitted({
    Kind: "service-defaults",
    Name: "web",
    ExternalSNI: "x",
    MeshGateway: { Mode: "local" },
    Expose: { Paths: [{ LocalPathPort: 80, ListenerPort: 81 }] },
    UpstreamConfig: { Defaults: { EnvoyListenerJSON: "{}", PassiveHealthCheck: { Interval: "2s", MaxFailures: 3 } } },
  });
  const snake = admitted({
    kind: "service-defaults",
    NAME: ["web"],
    external_sni: "x",
    mesh_gateway: { mode: "local" },
    expose: { paths: { local_path_port: "80", listener_port: 81 } },
    upstream_config: {
      defaults: { envoy_listener_json: "{}", passive_health_check: { interval: 2e9, max_failures: "3" } },
    },
  });
  assert.deepEqual(snake, camel);
});

test("every kind's fields have a snake_case of their own", () => {
  for (const [kind, { fields }] of Object.entries(CONFIG_ENTRY_STRUCTS)) {
    const lower = fields.map((field) => field.name.toLowerCase());
    assert.equal(new Set(lower).size, lower.length, kind);
  }
  const entry = admitted({ Kind: "terminating-gateway", Name: "t", Services: [{ Name: "a", ca_file: "/ca" }] });
  assert.deepEqual((entry as unknown as { Services: object[] }).Services, [
    { Name: "a", CAFile: "/ca", CertFile: "", KeyFile: "", SNI: "" },
  ]);
});

test("what cannot be read is refused in Consul's words", () => {
  const decoding = "Bad request: Request decoding failed: ";
  const table: readonly (readonly [unknown, string])[] = [
    [undefined, "EOF"],
    [null, "Payload does not contain a kind/Kind key at the top level"],
    [{ Kind: 1 }, "Kind value in payload is not a string"],
    [{ Kind: "toString" }, "invalid config entry kind: toString"],
    [[], "1 error(s) decoding:\n\n* '' expected a map, got '[]interface {}'"],
    [{ Kind: "mesh", Name: "x" }, '1 error occurred:\n\t* invalid config key "Name"\n\n'],
    [
      { Kind: "service-defaults", Name: "a", Namespace: "n", Expose: { Nope: 1 } },
      '2 errors occurred:\n\t* invalid config key "Namespace", namespaces are a consul enterprise feature\n\t* invalid config key "Expose.Nope"\n\n',
    ],
    [
      { Kind: "ingress-gateway", Name: "a", Listeners: [{ Port: "x" }] },
      "1 error(s) decoding:\n\n* cannot parse 'Listeners[0].Port' as int: strconv.ParseInt: parsing \"x\": invalid syntax",
    ],
    [
      { Kind: "service-resolver", Name: "a", ConnectTimeout: "soon" },
      "1 error(s) decoding:\n\n* error decoding 'ConnectTimeout': time: invalid duration \"soon\"",
    ],
    [
      { Kind: "service-resolver", Name: "a", ConnectTimeout: "1d" },
      '1 error(s) decoding:\n\n* error decoding \'ConnectTimeout\': time: unknown unit "d" in duration "1d"',
    ],
  ];
  for (const [raw, text] of table) assert.equal(refusal(raw), decoding + text);
});

test("in a map of anything a list of one stands for what is in it, as HCL's blocks come", () => {
  const Config = {
    ...{ b: [{ c: [5], d: [{ e: [1, 2], z: [{ y: [3] }] }], g: [[1]], h: [[[2]]] }], f: [1] },
    ...{ e: [1, 2], g: [], h: [[1]], i: { j: [{ k: 1 }], l: [5] }, n: [{ a: [1] }, { b: 2 }] },
  };
  const entry = admitted({ Kind: "proxy-defaults", Name: "global", Config });
  // As Consul 1.10.11 has it.
  assert.deepEqual((entry as unknown as { Config: object }).Config, {
    ...{ b: { c: 5, d: { e: [1, 2], z: { y: 3 } }, g: [1], h: [[2]] }, f: 1 },
    ...{ e: [1, 2], g: [], h: [1], i: { j: [{ k: 1 }], l: [5] }, n: [{ a: [1] }, { b: 2 }] },
  });
});

test("indexes are the server's: an entry that was read may be written back", () => {
  const entry = admitted({ Kind: "service-defaults", Name: "a", CreateIndex: 5, ModifyIndex: 6 });
  assert.deepEqual([entry.CreateIndex, entry.ModifyIndex], [0, 0]);
});

test("each kind has its rules", () => {
  const route = (given: object) => ({ Kind: "service-router", Name: "a", Routes: [given] });
  const listener = (given: object) => ({
    Kind: "ingress-gateway",
    Name: "a",
    TLS: { Enabled: true },
    Listeners: [{ Port: 1, Protocol: "http", ...given }],
  });
  const source = (given: object) => ({ Kind: "service-intentions", Name: "a", Sources: [{ Name: "b", ...given }] });
  const resolver = (given: object) => ({ Kind: "service-resolver", Name: "a", ...given });
  const table: readonly (readonly [object, string])[] = [
    [
      { Kind: "service-defaults", Name: "*" },
      "service-defaults name must be the name of a service, and not a wildcard",
    ],
    [{ Kind: "service-splitter", Name: "a" }, "no splits configured"],
    [
      { Kind: "service-splitter", Name: "a", Splits: [{ Weight: 50 }, { Weight: 50, Service: "a" }] },
      'split destination occurs more than once: service="a", subset="", namespace=""',
    ],
    [
      route({ Match: { HTTP: { PathExact: "/a", PathRegex: "b" } } }),
      "Route[0] should only contain at most one of PathExact, PathPrefix, or PathRegex",
    ],
    [
      route({ Match: { HTTP: { Header: [{ Name: "x" }] } } }),
      "Route[0] Header[0] should only contain one of Present, Exact, Prefix, Suffix, or Regex",
    ],
    [route({ Match: { HTTP: { Methods: ["get", "GET"] } } }), 'Route[0] Methods contains "GET" more than once'],
    [
      route({ Destination: { PrefixRewrite: "/" } }),
      "Route[0] cannot make use of PrefixRewrite without configuring either PathExact or PathPrefix",
    ],
    [listener({ Services: [] }), "No service declared for listener with port 1"],
    [
      listener({ Protocol: "grpc", Services: [{ Name: "a" }, { Name: "b" }] }),
      "Multiple services per listener are only supported for protocol = 'http' (listener on port 1)",
    ],
    [
      listener({ Services: [{ Name: "a", Hosts: ["*"] }] }),
      "Host '*' is not allowed when TLS is enabled, all hosts must be valid DNS records to add as a DNSSAN",
    ],
    [
      listener({ Services: [{ Name: "a", Hosts: ["a.*.b"] }] }),
      'Host "a.*.b" is not valid, a wildcard specifier is only allowed as the leftmost label',
    ],
    [
      source({ Action: "allow", Permissions: [{ Action: "deny" }] }),
      "Sources[0].Action must be omitted if Permissions are specified",
    ],
    [source({ Permissions: [{ Action: "deny" }] }), "Sources[0].Permissions[0].HTTP is required"],
    [source({ Permissions: [{ Action: "deny", HTTP: {} }] }), "Sources[0].Permissions[0].HTTP should not be empty"],
    [source({ Action: "deny", Type: "x" }), "Sources[0].Type must be set to 'consul'"],
    [resolver({ Redirect: {} }), "Redirect is empty"],
    [resolver({ Failover: { v1: { Service: "b" } } }), 'Bad Failover["v1"]: not a valid subset'],
    [
      resolver({ LoadBalancer: { Policy: "random", HashPolicies: [{ SourceIP: true }] } }),
      'Bad LoadBalancer configuration: HashPolicies specified for non-hash-based Policy: "random"',
    ],
    [
      resolver({ Subsets: { Bad_Name: {} } }),
      "Subset \"Bad_Name\" is invalid: must be 63 characters or fewer, begin or end with lower case alphanumeric characters, and contain lower case alphanumeric characters or '-' in between",
    ],
    [
      { Kind: "mesh", Meta: { ["k".repeat(129)]: "v" } },
      `1 error occurred:\n\t* Meta key "${"k".repeat(129)}" exceeds maximum length 128\n\n`,
    ],
  ];
  for (const [raw, text] of table) assert.equal(refusal(raw), text);
});

test("what is left out is filled in", () => {
  const gateway = admitted({ Kind: "ingress-gateway", Name: "a", Listeners: [{ Port: 1, Services: [{ Name: "b" }] }] });
  assert.equal((gateway as unknown as { Listeners: { Protocol: string }[] }).Listeners[0]?.Protocol, "tcp");
  assert.equal(admitted({ Kind: "proxy-defaults", Name: "whatever" }).Name, "global");
  const Splits = [{ Weight: 33.33 }, { Weight: 66.67, Service: "b" }];
  const splitter = admitted({ Kind: "service-splitter", Name: "a", Splits });
  assert.deepEqual(
    (splitter as unknown as { Splits: { Weight: number }[] }).Splits.map((split) => split.Weight),
    [33.33, 66.67],
  );
  const Sources = [
    { Name: "*", Action: "deny" },
    { Name: "b", Action: "allow" },
  ];
  const intentions = admitted({ Kind: "service-intentions", Name: "a", Sources }) as unknown as {
    Sources: { Name: string; Precedence: number }[];
  };
  assert.deepEqual(
    intentions.Sources.map(({ Name, Precedence }) => [Name, Precedence]),
    [
      ["b", 9],
      ["*", 8],
    ],
  );
});

test("exported services are those of Consul 1.21", () => {
  const entry = (...Services: object[]) => ({ Kind: "exported-services", Name: "default", Services });
  const given = admitted({
    kind: "exported-services",
    name: "default",
    services: [{ name: "web", namespace: "default", consumers: [{ peer: "east" }] }],
    meta: { a: "b" },
  });
  const Consumers = [{ Partition: "", Peer: "east", SamenessGroup: "" }];
  assert.deepEqual(given, {
    ...{ Kind: "exported-services", Name: "default", Meta: { a: "b" }, CreateIndex: 0, ModifyIndex: 0 },
    Services: [{ Name: "web", Namespace: "", Consumers }],
  });
  const to = (...consumers: object[]) => entry({ Name: "web", Consumers: consumers });
  const table: readonly (readonly [object, string])[] = [
    [{ Kind: "exported-services", Name: "web" }, 'exported-services Name must be "default"'],
    [{ Kind: "exported-services" }, 'exported-services Name must be "default"'],
    [entry({ Name: "" }), "Services[0]: service name cannot be empty"],
    [entry({ Name: "*", Consumers: [{ Peer: "a" }] }, { Name: "b" }), "Services[1]: must have at least one consumer"],
    [to({ Partition: "x" }), "Services[0].Consumers[0]: partitions are an enterprise-only feature"],
    [to({ SamenessGroup: "x" }), "Services[0].Consumers[0]: sameness-groups are an enterprise-only feature"],
    [
      to({ Peer: "a" }, { Partition: "default", Peer: "b" }),
      "Services[0].Consumers[1]: must define at most one of Peer, Partition, or SamenessGroup",
    ],
    [to({ Peer: "*" }), "Services[0].Consumers[0]: exporting to all peers (wildcard) is not supported"],
  ];
  for (const [raw, text] of table) assert.equal(refusal(raw), text);
});

// ---- fields that came after Consul 1.10 ----

const LATER = {
  Kind: "service-defaults",
  Name: "web",
  max_inbound_connections: 5,
  BalanceInboundConnections: "exact_balance",
  MutualTLSMode: "strict",
  Destination: { Addresses: ["a.example", "10.0.0.1"], Port: 443 },
  EnvoyExtensions: [{ Name: "builtin/lua", Arguments: { ProxyType: "connect-proxy" } }],
};

test("later fields are kept, on the wire too, and what says none of them is written as ever", () => {
  const entry = admitted(LATER);
  assert.deepEqual(laterPart(entry), {
    kind: "service-defaults",
    fields: ["MutualTLSMode", "Destination", "MaxInboundConnections", "BalanceInboundConnections", "EnvoyExtensions"],
  });
  const request = make(ConfigEntryRequest, { Op: "upsert", Entry: entry });
  const overWire = (asked: ConfigEntryRequest) =>
    decodeStruct(ConfigEntryRequest, encodeStruct(ConfigEntryRequest, asked)).Entry;
  assert.deepEqual(overWire(request), entry);
  const plain = admitted({ Kind: "service-defaults", Name: "web", Protocol: "http" });
  assert.equal(laterPart(plain), undefined);
  const text = Buffer.from(encodeStruct(ConfigEntryRequest, { ...request, Entry: plain })).toString("latin1");
  assert.doesNotMatch(text, /MutualTLSMode|Destination|EnvoyExtensions/);
  assert.deepEqual(overWire({ ...request, Entry: plain }), plain);
  for (const [kind, name, fields] of [
    ["mesh", "", { HTTP: { SanitizeXForwardedClientCert: true }, ValidateClusters: true }],
    ["proxy-defaults", "global", { MutualTLSMode: "strict" }],
    ["service-resolver", "web", { RequestTimeout: "5s" }],
  ] as const) {
    const one = admitted({ Kind: kind, ...(name === "" ? {} : { Name: name }), ...fields });
    // On the way to the leader the kind says that there is something to keep.
    const marked = { ...one, Kind: markedKind(one, "upsert") };
    assert.notEqual(marked.Kind, kind);
    const arrived = overWire({ ...request, Entry: marked });
    assert.deepEqual({ ...arrived, Kind: plainKind(arrived.Kind) }, one);
  }
});

test("a gateway without a name is refused, which no server of Consul would store", () => {
  const ingress = "failed inserting config entry: object missing primary index";
  for (const name of [{}, { Name: "" }, { Name: null }]) {
    assert.equal(refusal({ Kind: "ingress-gateway", ...name }), ingress);
    assert.equal(refusal({ Kind: "terminating-gateway", ...name }), "serviceName is required");
  }
});

test("a null in the settings of all proxies is such a part: a server of Consul 1.10 ends with it", () => {
  for (const Config of [{ a: null }, { a: { b: null } }, { a: [1, null] }, { a: [[{ b: [null] }]] }]) {
    const entry = admitted({ Kind: "proxy-defaults", Name: "global", Config });
    assert.deepEqual(laterPart(entry)?.fields, ["Config with a null"], JSON.stringify(Config));
    const asked: unknown[] = [];
    const leader = { peek: () => ({ entry: undefined }), requireKeepers: (part: unknown) => asked.push(part) };
    const { prepare } = configEntryEndpoints.find(({ name }) => name === "configEntrySet")!.binding;
    prepare!(make(ConfigEntryRequest, { Op: "upsert", Entry: entry }), leader as unknown as LeaderApi);
    assert.deepEqual(asked, [laterPart(entry)]);
  }
  for (const Config of [null, {}, { a: "" }, { a: [] }, { a: { b: [0, false, {}] } }])
    assert.equal(laterPart(admitted({ Kind: "proxy-defaults", Name: "global", Config })), undefined);
});

test("a Consul's agent has an entry deleted whose kind is said in front of it only, and names no Op", () => {
  for (const kind of [
    "service-defaults",
    "service-resolver",
    "ingress-gateway",
    "service-intentions",
    "proxy-defaults",
  ]) {
    const machine = new Machine();
    const entry = admitted({ Kind: kind, Name: "global", ...(kind === "service-intentions" ? SOURCES : {}) });
    machine.apply(MESSAGE.CONFIG_ENTRY, ConfigEntryRequest, make(ConfigEntryRequest, { Op: "upsert", Entry: entry }));
    const inner = new MsgpackWriter();
    inner.mapHeader(2).text("Kind").text("").text("Name").text("global");
    const asked = new MsgpackWriter();
    asked.text(kind).mapHeader(4).text("Datacenter").text("dc1").text("Entry");
    if (kind === "proxy-defaults") asked.bytes(inner.view());
    else asked.encoded(inner.view());
    asked.text("Op").text("").text("Token").text("");
    const bytes = new MsgpackWriter().bytes(asked.view()).take();
    const leader = { peek: (read: (tx: ReadTx) => unknown) => machine.db.peek(read) } as unknown as LeaderApi;
    const { prepare } = configEntryEndpoints.find(({ name }) => name === "configEntryDelete")!.binding;
    const prepared = prepare!(decodeStruct(ConfigEntryRequest, bytes), leader) as ConfigEntryRequest;
    assert.deepEqual([prepared.Op, prepared.Entry?.Kind, prepared.Entry?.Name], ["delete", kind, "global"]);
    assert.deepEqual(machine.apply(MESSAGE.CONFIG_ENTRY, ConfigEntryRequest, prepared), { Deleted: true });
    assert.equal(machine.db.peek((tx) => configEntryGet(tx, kind, "global")).entry, undefined);
    // What is gone already needs no log entry.
    assert.ok(prepare!(decodeStruct(ConfigEntryRequest, bytes), leader) instanceof Settled);
  }
});

test("a condition on a deletion goes to the leader behind a kind that Consul 1.10 does not know", () => {
  const entry = { ...admitted({ Kind: "proxy-defaults", Name: "global" }), ModifyIndex: 7 };
  const Kind = markedKind(entry, "delete-cas");
  assert.match(Kind, /^proxy-defaults \(/);
  const request = make(ConfigEntryRequest, { Op: "delete-cas", Entry: { ...entry, Kind } });
  const arrived = decodeStruct(ConfigEntryRequest, encodeStruct(ConfigEntryRequest, request)).Entry;
  assert.deepEqual({ ...arrived, Kind: plainKind(Kind) }, entry);
});

test("later fields are shown where they say something, in Consul's order", () => {
  const shown = toJson(
    configEntryStruct("service-resolver")!,
    admitted({ Kind: "service-resolver", Name: "a", RequestTimeout: "5s" }),
  );
  assert.deepEqual(Object.keys(shown as object).slice(0, 3), ["RequestTimeout", "Kind", "Name"]);
  const plain = toJson(configEntryStruct("mesh")!, admitted({ Kind: "mesh" }));
  assert.deepEqual(Object.keys(plain as object), ["Kind", "TransparentProxy", "CreateIndex", "ModifyIndex"]);
});

test("later fields follow the rules of Consul 1.21; what nothing here could keep to is refused as unknown", () => {
  const defaults = (fields: object) => refusal({ Kind: "service-defaults", Name: "web", ...fields });
  const mesh = (fields: object) => refusal({ Kind: "mesh", ...fields });
  const one = (text: string) => `1 error occurred:\n\t* ${text}\n\n`;
  for (const [found, expected] of [
    [defaults({ BalanceInboundConnections: "x" }), one("invalid value for balance_inbound_connections: x")],
    [defaults({ Destination: { Port: 1 } }), one("Destination must contain at least one valid address")],
    [defaults({ Destination: { Addresses: ["a", "a"], Port: 1 } }), one("Duplicate address 'a' is not allowed")],
    [
      defaults({ Destination: { Addresses: ["*.x"], Port: 1 } }),
      one("Destination address '*.x' is invalid Could not validate address *.x as an IP or Hostname"),
    ],
    [defaults({ Destination: { Addresses: ["a"], Port: 70_000 } }), one("Invalid Port number 70000")],
    [
      defaults({ Destination: { Addresses: ["a"], Port: 1 }, UpstreamConfig: { Defaults: {} } }),
      one("UpstreamConfig and Destination are mutually exclusive for service defaults"),
    ],
    [defaults({ EnvoyExtensions: [{}] }), one("invalid EnvoyExtensions[0]: Name is required")],
    [
      defaults({ EnvoyExtensions: [{ Name: "x" }] }),
      one('invalid EnvoyExtensions[0][x]: name "x" is not a built-in extension'),
    ],
    [defaults({ MutualTLSMode: "x" }), 'Invalid MutualTLSMode "x". Must be one of "", "strict", or "permissive".'],
    [
      mesh({ TLS: { Incoming: { TLSMinVersion: "TLSv1_3", TLSMaxVersion: "TLSv1_2" } } }),
      "error in incoming TLS configuration: configuring max version TLSv1_2 less than the configured min version TLSv1_3 is invalid",
    ],
    [
      mesh({ HTTP: { Incoming: { RequestNormalization: { HeadersWithUnderscoresAction: "x" } } } }),
      "error in HTTP incoming request normalization configuration: no matching HeadersWithUnderscoresAction value found for x, please specify one of [ALLOW, REJECT_REQUEST, DROP_HEADER]",
    ],
    [defaults({ RateLimits: {} }), `Bad request: Request decoding failed: ${one('invalid config key "RateLimits"')}`],
    [
      refusal({ Kind: "service-intentions", Name: "a", Sources: [{ Name: "b", Action: "allow" }], JWT: {} }),
      `Bad request: Request decoding failed: ${one('invalid config key "JWT"')}`,
    ],
  ] as const)
    assert.equal(found, expected);
});
