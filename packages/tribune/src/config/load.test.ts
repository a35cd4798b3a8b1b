import assert from "node:assert/strict";
import { test } from "node:test";
import { type FakeMachine, fakeMachine, testConfig } from "./config.test.support.ts";
import { type LoadOptions, loadConfig } from "./load.ts";
import type { InterfaceAddress } from "./ports.ts";
import { ConfigError } from "./problems.ts";

const eth0 = (address: string): InterfaceAddress => ({
  name: "eth0",
  address,
  prefix: 24,
  up: true,
  loopback: false,
  default: true,
});

function load(text: string, options: LoadOptions = {}, machine: FakeMachine = {}) {
  const name = text.trimStart().startsWith("{") ? "c.json" : "c.hcl";
  const base = name === "c.json" ? "" : 'data_dir = "/d"\nbind_addr = "127.0.0.1"\n';
  return loadConfig({ configFiles: [name], ...options }, fakeMachine({ ...machine, files: { [name]: base + text } }));
}

const errorOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  return "no error";
};

const one = (text: string): string => `1 error occurred:\n\t* ${text}\n\n`;

/** Texts are those of Consul 1.10.11 for the same files. */
const REFUSALS: readonly (readonly [text: string, message: string])[] = [
  ['{"bind_addr": "127.0.0.1"}', "data_dir cannot be empty"],
  ["bogus = 1", `failed to parse c.hcl: ${one("invalid config key bogus")}`],
  [
    "bogus = 1 ports { x = 1 }",
    "failed to parse c.hcl: 2 errors occurred:\n\t* invalid config key ports.x\n\t* invalid config key bogus\n\n",
  ],
  ['services = [{ name = "a" x = 1 }]', `failed to parse c.hcl: ${one("invalid config key services[0].x")}`],
  ["dns_config { bogus = true }", `failed to parse c.hcl: ${one("invalid config key dns_config.bogus")}`],
  [
    'server = ["a"]',
    "failed to parse c.hcl: 1 error(s) decoding:\n\n* 'server' expected type 'bool', got unconvertible type 'string', value: 'a'",
  ],
  [
    'server = ["a", "b"]',
    "failed to parse c.hcl: 1 error(s) decoding:\n\n* 'server' expected type 'bool', got unconvertible type '[]interface {}', value: '[a b]'",
  ],
  [
    "node_name = 1 datacenter = 2.5",
    "failed to parse c.hcl: 2 error(s) decoding:\n\n* 'datacenter' expected type 'string', got unconvertible type 'float64', value: '2.5'\n* 'node_name' expected type 'string', got unconvertible type 'int', value: '1'",
  ],
  [
    'recursors = "x"',
    "failed to parse c.hcl: 1 error(s) decoding:\n\n* 'recursors': source data must be an array or slice, got string",
  ],
  ['ports = "x"', "failed to parse c.hcl: 1 error(s) decoding:\n\n* 'ports' expected a map, got 'string'"],
  [
    "limits { kv_max_value_size = -1 }",
    "failed to parse c.hcl: 1 error(s) decoding:\n\n* cannot parse 'limits.kv_max_value_size', -1 overflows uint",
  ],
  ["a {", "failed to parse c.hcl: At 3:4: object expected closing RBRACE got: EOF"],
  ["[1]", "failed to parse c.hcl: At 3:1: expected: IDENT | STRING | ASSIGN | LBRACE got: LBRACK"],
  [
    'dns_config { node_ttl = "12parsecs" }',
    one('dns_config.node_ttl: invalid duration: "12parsecs": time: unknown unit "parsecs" in duration "12parsecs"'),
  ],
  ['check_update_interval = "x"', one('check_update_interval: invalid duration: "x": time: invalid duration "x"')],
  ['session_ttl_min = "10"', one('session_ttl_min: invalid duration: "10": time: missing unit in duration "10"')],
  [
    'dns_config { service_ttl { web = "?" } }',
    one('dns_config.service_ttl["web"]: invalid duration: "?": time: invalid duration "?"'),
  ],
  ["ports { http = 70000 }", one("ports.http: invalid port: 70000")],
  ['client_addr = "localhost"', one("client_addr: invalid ip address: localhost")],
  ['client_addr = "unix:///x"', one("client_addr cannot be a unix socket")],
  ['serf_lan = "1.1.1.1 2.2.2.2"', one("serf_lan: multiple addresses found: 1.1.1.1 2.2.2.2")],
  ['http_config { allow_write_http_from = ["x"] }', one("allow_write_http_from: invalid cidr: x")],
  ['bind_addr = ""', "bind_addr cannot be empty"],
  [
    'bind_addr = "1.1.1.1 2.2.2.2"',
    "bind_addr cannot contain multiple addresses. Use 'addresses.{dns,http,https}' instead.",
  ],
  ['advertise_addr = "0.0.0.0"', "Advertise address cannot be 0.0.0.0, :: or [::]"],
  ['advertise_addr_ipv4 = "::1"', "advertise_addr_ipv4 must be an ipv4 address"],
  ['bind_addr = "::"', "No public IPv6 address found"],
  ['addresses { dns = "unix:///x" }', "DNS address cannot be a unix socket"],
  ['recursors = ["0.0.0.0"]', "DNS recursor address cannot be 0.0.0.0, :: or [::]"],
  [
    'datacenter = "bad dc!"',
    'datacenter can only contain lowercase alphanumeric, - or _ characters. received: "bad dc!"',
  ],
  [
    'primary_datacenter = "DC Bad"',
    'acl_datacenter can only contain lowercase alphanumeric, - or _ characters. received: "dc bad"',
  ],
  ['alt_domain = "service.x"', "alt_domain cannot start with {service,connect,node,query,addr,dc1}"],
  ["bootstrap = true", "'bootstrap = true' requires 'server = true'"],
  [
    "server = true bootstrap = true bootstrap_expect = 3",
    "'bootstrap_expect > 0' and 'bootstrap = true' are mutually exclusive",
  ],
  ["bootstrap_expect = -1", "bootstrap_expect cannot be -1. Must be greater than or equal to zero"],
  ["raft_protocol = 2", "raft_protocol version 2 is not supported by this version of Consul"],
  ["performance { raft_multiplier = 11 }", "performance.raft_multiplier cannot be 11. Must be between 1 and 10"],
  [
    "check_output_max_size = 0",
    "check_output_max_size must be positive, to discard check output use the discard_check_output flag",
  ],
  [
    'node_meta { "consul-x" = "1" }',
    "node_meta invalid: Couldn't load metadata pair ('consul-x', '1'): Key prefix 'consul-' is reserved for internal use",
  ],
  [
    'node_meta { "a b" = "1" }',
    "node_meta invalid: Couldn't load metadata pair ('a b', '1'): Key contains invalid characters",
  ],
  ['encrypt = "%%%"', "encrypt has invalid key: illegal base64 data at input byte 0"],
  ["server = true auto_encrypt { tls = true }", "auto_encrypt.tls can only be used on a client."],
  ['connect { ca_provider = "nope" }', "nope is not a valid CA provider"],
  ['segment = "a"', "Network segments are not supported in this version of Consul"],
  ["ports { http = 8600 }", "HTTP address 127.0.0.1:8600 already configured for DNS"],
  ["ports { https = 8500 }", "HTTPS address 127.0.0.1:8500 already configured for HTTP"],
  [
    'service { name = "w" weights { passing = 0 } }',
    one("Invalid weight definition for service w: Passing must be greater than 0"),
  ],
  [
    'service { name = "w" port = 1 socket_path = "/x" }',
    one("service w cannot have both socket path /x and address/port"),
  ],
  ['check { id = "c" ttl = "x" }', one('check[c].ttl: invalid duration: "x": time: invalid duration "x"')],
  [
    'ui_config { content_path = "a b" }',
    'ui-content-path can only contain alphanumeric, -, _, or /. received: "/a b/"',
  ],
  ["cache { entry_fetch_rate = 0 }", "cache.entry_fetch_rate must be strictly positive, was: 0"],
  ['tls_cipher_suites = "X"', one('tls_cipher_suites: invalid tls cipher suites: unsupported cipher "X"')],
  ['encrypt = "abc=="', "encrypt has invalid key: illegal base64 data at input byte 4"],
  ['config_entries { bootstrap { kind = "x" } }', "config_entries.bootstrap[0]: invalid config entry kind: x"],
  [
    'service { kind = "connect-proxy" name = "p" }',
    'service "p": 2 errors occurred:\n\t* Proxy.DestinationServiceName must be non-empty for Connect proxy services\n\t* Port or SocketPath must be set for a Connect proxy\n\n',
  ],
  [
    'service { kind = "mesh-gateway" name = "g" proxy { upstreams { destination_name = "x" } } port = 1 }',
    `service "g": ${one("The Proxy.Upstreams configuration is invalid for a mesh-gateway")}`,
  ],
];

test("what cannot work is refused in Consul's words", async (t) => {
  for (const [text, message] of REFUSALS) {
    await t.test(text, () =>
      assert.equal(
        errorOf(() => load(text)),
        message,
      ),
    );
  }
});

const WARNINGS: readonly (readonly [text: string, warnings: readonly string[]])[] = [
  ["acl_enforce_version_8 = true", ['config key "acl_enforce_version_8" is deprecated and should be removed']],
  ['acl_datacenter = "dc1"', ["The 'acl_datacenter' field is deprecated. Use the 'primary_datacenter' field instead."]],
  [
    "server = true bootstrap_expect = 1",
    [
      "BootstrapExpect is set to 1; this is the same as Bootstrap mode.",
      "bootstrap = true: do not enable unless necessary",
    ],
  ],
  ["server = true bootstrap_expect = 3", ["bootstrap_expect > 0: expecting 3 servers"]],
  ["ui = true", ["The 'ui' field is deprecated. Use the 'ui_config.enabled' field instead."]],
  [
    "read_replica = true",
    [
      '"read_replica (or the deprecated non_voting_server)" is a Consul Enterprise configuration and will have no effect',
    ],
  ],
  [
    'node_name = "a_b"',
    [
      'Node name "a_b" will not be discoverable via DNS due to invalid characters. Valid characters include all alpha-numerics and dashes.',
    ],
  ],
  ["rpc { enable_streaming = true }", ["rpc.enable_streaming = true has no effect when not running in server mode"]],
];

test("what will surprise is warned about", async (t) => {
  for (const [text, warnings] of WARNINGS) {
    await t.test(text, () => assert.deepEqual(load(text).warnings, warnings));
  }
});

test("files merge in order, flags win, lists grow with the flags' values in front", () => {
  const machine = fakeMachine({
    files: {
      "a.hcl":
        'data_dir = "/d" bind_addr = "127.0.0.1" recursors = ["1.1.1.1"] node_meta { a = "1" b = "1" } log_level = "warn"',
      "d/20.json":
        '{"recursors": ["2.2.2.2"], "node_meta": {"b": "2"}, "log_level": "info", "check": {"id": "x", "ttl": "1s"}}',
      "d/10.hcl": 'log_level = "debug" service { name = "one" }',
      "d/30.txt": "garbage",
      "d/sub/40.hcl": "garbage",
    },
  });
  const { config, warnings } = loadConfig(
    {
      configFiles: ["a.hcl", "d"],
      flags: { recursors: ["3.3.3.3"], node_meta: { c: "3" }, "http_config.allow_write_http_from": ["10.0.0.0/8"] },
      hcl: ['log_level = "err" services { name = "two" }'],
    },
    machine,
  );
  assert.deepEqual(config.dns.recursors, ["3.3.3.3", "1.1.1.1", "2.2.2.2"]);
  assert.deepEqual(config.nodeMeta, { a: "1", b: "2", c: "3" });
  assert.equal(config.logging.level, "err");
  assert.deepEqual(
    config.services.map((service) => service.name),
    ["one", "two"],
  );
  assert.deepEqual(
    config.checks.map((check) => [check.id, check.ttlMs]),
    [["x", 1000]],
  );
  assert.deepEqual(warnings, ["skipping file d/30.txt, extension must be .hcl or .json, or config format must be set"]);
});

test("files that are not there or have a forced format", () => {
  assert.equal(
    errorOf(() => loadConfig({ configFiles: ["no.json"] }, fakeMachine())),
    "config: Open failed on no.json. open no.json: no such file or directory",
  );
  assert.equal(
    errorOf(() => loadConfig({ configFormat: "yaml" }, fakeMachine())),
    "config: -config-format must be either 'hcl' or 'json'",
  );
  const files = { "d/a.conf": '{"data_dir": "/d", "bind_addr": "127.0.0.1"}' };
  assert.equal(loadConfig({ configFiles: ["d"], configFormat: "hcl" }, fakeMachine({ files })).config.dataDir, "/d");
});

test("addresses follow from one another", () => {
  const interfaces = [eth0("10.1.2.3"), { ...eth0("127.0.0.1"), name: "lo", loopback: true, default: false }];
  const any = loadConfig({ flags: { data_dir: "/d" } }, fakeMachine({ interfaces })).config;
  assert.equal(any.bindAddr, "0.0.0.0");
  assert.equal(any.advertiseAddrLan, "10.1.2.3");
  assert.deepEqual(any.listen.rpcBind, { network: "tcp", host: "0.0.0.0", port: 8300 });
  assert.deepEqual(any.listen.serfAdvertiseWan, { network: "tcp", host: "10.1.2.3", port: 8302 });
  assert.deepEqual(any.taggedAddresses, {
    lan: "10.1.2.3",
    lan_ipv4: "10.1.2.3",
    wan: "10.1.2.3",
    wan_ipv4: "10.1.2.3",
  });
  assert.match(
    errorOf(() => loadConfig({}, fakeMachine({ interfaces: [...interfaces, eth0("10.1.2.4")] }))),
    /^Multiple private IPv4 addresses found\. Please configure one with 'bind' and\/or 'advertise'\.$/,
  );
  const several = testConfig(
    'client_addr = "127.0.0.1 ::1" addresses { http = "127.0.0.2 unix:///tmp/x" } ports { serf_wan = -1 }',
  );
  assert.deepEqual(several.listen.dns, [
    { network: "tcp", host: "127.0.0.1", port: 8600 },
    { network: "tcp", host: "::1", port: 8600 },
    { network: "udp", host: "127.0.0.1", port: 8600 },
    { network: "udp", host: "::1", port: 8600 },
  ]);
  assert.deepEqual(several.listen.http, [
    { network: "tcp", host: "127.0.0.2", port: 8500 },
    { network: "unix", path: "/tmp/x" },
  ]);
  assert.equal(several.listen.serfBindWan, undefined);
  assert.deepEqual(several.listen.https, []);
});

test("defaults of a dev server", () => {
  const config = testConfig();
  assert.equal(config.server, true);
  assert.equal(config.ports.grpc, 8502);
  assert.equal(config.raft.electionTimeoutMs, 52);
  assert.equal(config.leaveOnTerminate, false);
  assert.equal(config.skipLeaveOnInterrupt, true);
  assert.equal(config.nodeName, "testhost");
  assert.equal(config.dns.maxStaleMs, 87600 * 3600 * 1000);
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.dns) && Object.isFrozen(config.services));
});

test("definitions: old spellings, any case, nested sidecars, opaque values lose HCL's lists", () => {
  const config = testConfig(`
    service {
      Name = "web" port = 80 meta { v = "1" }
      check { ScriptArgs = ["a", "b"] interval = "10s" DockerContainerID = "d" tlsSkipVerify = true Header { X = ["1"] } }
      connect { sidecar_service { proxy { config { a { b = ["x"] } c = [1, 2] } upstreams { destination_name = "db" } } } }
    }`);
  const [web] = config.services;
  assert.equal(web?.name, "web");
  assert.deepEqual(web?.checks[0]?.args, ["a", "b"]);
  assert.equal(web?.checks[0]?.intervalMs, 10_000);
  assert.equal(web?.checks[0]?.dockerContainerId, "d");
  assert.equal(web?.checks[0]?.tlsSkipVerify, true);
  assert.deepEqual(web?.checks[0]?.header, { X: ["1"] });
  const proxy = web?.connect?.sidecarService?.proxy;
  assert.deepEqual(proxy?.config, { a: { b: "x" }, c: [1, 2] });
  assert.deepEqual(
    proxy?.upstreams.map((upstream) => [upstream.destinationName, upstream.destinationType]),
    [["db", "service"]],
  );
  assert.equal(
    errorOf(() => load('service { name = "a" connect { sidecar_service { id = "x" } } }')),
    one("sidecar_service can't specify an ID"),
  );
});

test("what users may not set stays as it is", () => {
  assert.equal(testConfig('ae_interval = "5m"').aeIntervalMs, 60_000);
});
