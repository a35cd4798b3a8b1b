import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeMachine } from "./config.test.support.ts";
import { debugConfig, selfConfig } from "./debug-config.ts";
import { loadConfig } from "./load.ts";
import { applyReload, diffReload } from "./reload.ts";

const load = (hcl: string) => loadConfig({ devMode: true, hcl: [hcl] }, fakeMachine());

test("a reload applies what it can and names what it cannot", () => {
  const old = load('node_name = "a" log_level = "warn" service { name = "one" } ports { http = 8500 }');
  const fresh = load(
    'node_name = "b" log_level = "info" service { name = "two" } ports { http = 8501 } dns_config { only_passing = true }',
  );
  const diff = diffReload(old, fresh);
  assert.deepEqual(diff.applied, ["log_level", "dns_config.only_passing", "services"]);
  assert.deepEqual(diff.needsRestart, ["node_name", "ports.http"]);
  assert.ok(diff.unchanged.includes("datacenter"));

  const next = applyReload(old, fresh, fakeMachine()).config;
  assert.equal(next.nodeName, "a");
  assert.equal(next.ports.http, 8500);
  assert.equal(next.logging.level, "info");
  assert.deepEqual(
    next.services.map((service) => service.name),
    ["two"],
  );
});

test("the agent's description of itself hides secrets and speaks Go", () => {
  const { config } = load(`
    acl { tokens { master = "m1" } } encrypt = "cg8StVXbQJ0gPvMd9o7yrg=="
    retry_join = ["provider=x secret_key=abc region=r"]
    connect { ca_config { PrivateKey = "pem" leaf_cert_ttl = "72h" private_key_type = "ec" } }
    http_config { response_headers { X-Api-Key = "k" X-Other = "o" } }
    watches = [{ type = "key" key = "a/b" token = "t1" handler_type = "http"
      http_handler_config { path = "http://h" header = { Authorization = ["Bearer b1"] } } }]
    service { name = "w" token = "t2" check { http = "h" interval = "10s" } }
    auto_encrypt { ip_san = ["1.2.3.4"] }`);
  const debug = debugConfig(config, { nodeId: "id", version: "1.10.11", revision: "" });
  const text = JSON.stringify(debug);
  for (const secret of ["m1", "abc", "pem", "cg8St", '"k"', "t1", "t2", "b1"])
    assert.ok(!text.includes(secret), secret);
  assert.deepEqual(debug.RetryJoinLAN, ["provider=x secret_key=hidden region=r"]);
  assert.deepEqual(debug.ConnectCAConfig, { LeafCertTTL: "72h", PrivateKey: "hidden", PrivateKeyType: "ec" });
  assert.deepEqual(debug.Watches, [{}]);
  assert.equal(debug.DNSMaxStale, "87600h0m0s");
  assert.deepEqual(debug.HTTPAddrs, ["tcp://127.0.0.1:8500"]);
  assert.deepEqual(debug.AutoEncryptIPSAN, [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 1, 2, 3, 4]]);
  assert.deepEqual(Object.keys(debug), Object.keys(debug).sort());
  assert.deepEqual(selfConfig(config, { nodeId: "id", version: "v", revision: "r" }), {
    Datacenter: "dc1",
    PrimaryDatacenter: "dc1",
    NodeName: "testhost",
    NodeID: "id",
    Revision: "r",
    Server: true,
    Version: "v",
  });
});
