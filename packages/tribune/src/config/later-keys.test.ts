/** Keys that came after Consul 1.10: what they do, and what is said of those that do nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeMachine } from "./config.test.support.ts";
import { type LoadedConfig, loadConfig } from "./load.ts";
import { applyReload, diffReload } from "./reload.ts";

function load(...texts: readonly string[]): LoadedConfig {
  const files = Object.fromEntries(texts.map((text, at) => [`${at}.hcl`, text]));
  return loadConfig({ devMode: true, configFiles: Object.keys(files) }, fakeMachine({ files }));
}

test("tokens under their later names are the same tokens", () => {
  const { tokens } = load(`acl { tokens {
    initial_management = "a" agent_recovery = "b" config_file_service_registration = "c" dns = "d" default = "e" } }`)
    .config.acl;
  assert.deepEqual(tokens, {
    ...{ master: "a", agentMaster: "b", configFileRegistration: "c", dns: "d", default: "e" },
    ...{ agent: "", replication: "" },
  });
});

test("with two names in one file the later one counts, over several files the last", () => {
  const both = load('acl { tokens { agent_master = "old" agent_recovery = "new" } }');
  assert.equal(both.config.acl.tokens.agentMaster, "new");
  assert.deepEqual(
    both.warnings.filter((text) => text.includes("deprecated")),
    ["The 'acl.tokens.agent_master' field is deprecated. Use the 'acl.tokens.agent_recovery' field instead."],
  );
  const last = load('tls { defaults { ca_file = "new" } }', 'ca_file = "old"');
  assert.equal(last.config.tls.https.caFile, "old");
});

test("tls: what a kind of connection says stands before what holds for all", () => {
  const { tls } = load(`tls {
    defaults { ca_file = "ca" cert_file = "cert" key_file = "key" verify_incoming = true verify_outgoing = true
      tls_min_version = "TLSv1_2" }
    internal_rpc { verify_server_hostname = true tls_min_version = "TLSv1_3" }
    https { cert_file = "web" verify_incoming = false tls_cipher_suites = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" } }`).config;
  const all = { caFile: "ca", caPath: "", keyFile: "key" };
  assert.deepEqual(tls.internalRpc, {
    ...{ ...all, certFile: "cert", verifyIncoming: true, minVersion: "tls13", cipherSuites: [] },
  });
  assert.deepEqual(tls.https, {
    ...{ ...all, certFile: "web", verifyIncoming: false, minVersion: "tls12" },
    cipherSuites: ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
  });
  assert.equal(tls.verifyOutgoing, true);
  assert.equal(tls.verifyServerHostname, true);
});

test("the keys of before tls { } mean what they meant", () => {
  const { tls } = load('verify_incoming_rpc = true verify_server_hostname = true tls_min_version = "tls11"').config;
  assert.equal(tls.internalRpc.verifyIncoming, true);
  assert.equal(tls.https.verifyIncoming, false);
  assert.equal(tls.https.minVersion, "tls11");
  assert.equal(tls.verifyOutgoing, true, "a checked name needs a checked certificate");
});

for (const [text, message] of [
  [
    'tls { https { tls_min_version = "tls12" } }',
    /tls\.https\.tls_min_version: invalid TLS version: no matching TLS version found for tls12, please specify one of \[TLS_AUTO, TLSv1_0/,
  ],
  ["tls { https { verify_server_hostname = true } }", /invalid config key tls\.https\.verify_server_hostname/],
  ['default_intention_policy = "maybe"', /^ConfigError: Unsupported default intention policy: maybe$/],
  [
    'service { name = "a" proxy { upstreams = [{ destination_name = "b" destination_peer = "p" }] } }',
    /upstream b: destination_peer: there are no peers/,
  ],
] as const)
  test(`refused: ${text}`, () => {
    assert.throws(() => load(text), message);
  });

test("keys that change something", () => {
  const { config } = load(`
    raft_prevote_disabled = true default_intention_policy = "deny" auto_reload_config = true
    telemetry { enable_host_metrics = true }
    checks = [
      { name = "t" tcp = "x:1" tcp_use_tls = true failures_before_warning = 2 failures_before_critical = 3 interval = "1s" },
      { name = "u" udp = "x:1" interval = "1s" }, { name = "o" os_service = "x" interval = "1s" }]`);
  assert.equal(config.raft.preVote, false);
  assert.equal(config.connect.intentionsDefaultAllow, false);
  assert.equal(config.autoReloadConfig, true);
  assert.equal(config.telemetry.enableHostMetrics, true);
  const [tcp, udp, os] = config.checks;
  assert.ok(tcp?.tcpUseTls && tcp.failuresBeforeWarning === 2 && udp?.udp === "x:1" && os?.osService === "x");
});

test("what has no effect is said once for each reason, and not where nothing was asked for", () => {
  const idle = load(`
    raft_logstore { backend = "wal" verification { enabled = true interval = "60s" } }
    peering { enabled = true } locality { region = "r" zone = "z" } experiments = ["x"]`);
  const [log, peers, ...more] = idle.warnings
    .filter((text) => text.includes("without effect"))
    .toSorted((a, b) => (a < b ? 1 : -1));
  assert.match(
    log as string,
    /^raft_logstore\.backend, raft_logstore\.verification\.enabled, raft_logstore\.verification\.interval: accepted from a later version of Consul without effect; the log has/,
  );
  assert.match(peers as string, /^peering\.enabled: .*clusters cannot be peered$/);
  assert.equal(more.length, 2);
  const fine = load(`peering { enabled = false } experiments = [] raft_logstore { verification { enabled = false } }
    reporting { license { enabled = false } } limits { request_limits { mode = "disabled" read_rate = -1 } }
    telemetry { retry_failed_connection = true disable_per_tenancy_usage_metrics = true }`);
  assert.deepEqual(
    fine.warnings.filter((text) => text.includes("without effect")),
    [],
  );
});

test("rpc_client_timeout: a minute, and reloaded", () => {
  assert.equal(load("").config.limits.rpcClientTimeoutMs, 60_000);
  const fresh = load('limits { rpc_client_timeout = "5s" }');
  assert.equal(fresh.config.limits.rpcClientTimeoutMs, 5_000);
  assert.deepEqual(diffReload(load(""), fresh).applied, ["limits.rpc_client_timeout"]);
});

test("request limits: read, reloaded, and refused where the mode is none", () => {
  const { config } = load('limits { request_limits { mode = "permissive" read_rate = 10.5 write_rate = 3 } }');
  assert.deepEqual(config.limits.requests, { mode: "permissive", readRate: 10.5, writeRate: 3 });
  assert.deepEqual(load("").config.limits.requests, { mode: "disabled", readRate: -1, writeRate: -1 });
  const fresh = load('limits { request_limits { mode = "enforcing" } }');
  const { applied } = diffReload(load(""), fresh);
  assert.deepEqual(applied, ["limits.request_limits.mode"]);
  assert.throws(() => load('limits { request_limits { mode = "strict" } }'), {
    message: /limits\.request_limits\.mode: invalid mode: "strict"/,
  });
});

test("a reload names a key as the file does", () => {
  const old = load('tls { defaults { cert_file = "a" } } acl { tokens { initial_management = "m" } }');
  const fresh = load('tls { defaults { cert_file = "b" } } acl { tokens { initial_management = "n" } }');
  const { applied, needsRestart } = diffReload(old, fresh);
  assert.deepEqual(applied, ["tls.defaults.cert_file"]);
  assert.deepEqual(needsRestart, ["acl.tokens.initial_management"]);
  const next = applyReload(old, fresh, fakeMachine());
  assert.equal(next.config.tls.https.certFile, "b");
  assert.equal(next.config.acl.tokens.master, "m");
});

test("what was read can be watched", () => {
  const files = { "conf/a.hcl": 'node_name = "a"', "conf/b.json": "{}", "x.hcl": "" };
  const { paths } = loadConfig({ devMode: true, configFiles: ["conf", "x.hcl"] }, fakeMachine({ files }));
  assert.deepEqual(paths, ["conf", "x.hcl", "conf/a.hcl", "conf/b.json"]);
});
