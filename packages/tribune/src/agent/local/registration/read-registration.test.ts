import assert from "node:assert/strict";
import { test } from "node:test";
import { HTTP_STATUS, TribuneError } from "../../../lib/errors.ts";
import { readCheckRegistration, readCheckUpdate, readServiceRegistration } from "./read-registration.ts";

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof TribuneError, String(error));
    assert.equal(HTTP_STATUS[error.kind], 400);
    return error.message;
  }
  return "accepted";
}

const serviceRefusal = (body: unknown): string => refusal(() => readServiceRegistration(JSON.stringify(body)));
const checkRefusal = (body: unknown): string => refusal(() => readCheckRegistration(JSON.stringify(body)));

test("the least a service needs is a name", () => {
  const { service, checkTypes } = readServiceRegistration('{"Name":"web"}');
  assert.deepEqual([service.ID, service.Service, service.Tags, service.Weights], ["web", "web", null, null]);
  assert.deepEqual(checkTypes, []);
});

test("fields may be written in CamelCase, lower case or snake_case, but the user's own keys are left alone", () => {
  const { service, checkTypes } = readServiceRegistration(
    JSON.stringify({
      name: "web",
      enable_tag_override: true,
      tagged_addresses: { my_lan: { address: "10.0.0.1", port: 80 } },
      meta: { some_key: "v" },
      check: { args: ["true"], interval: "10s", tls_skip_verify: true, deregister_critical_service_after: "5m" },
      checks: [{ http: "http://h", header: { x_y: ["1"] }, Interval: 5_000_000_000, service_id: "ignored" }],
    }),
  );
  assert.equal(service.EnableTagOverride, true);
  assert.deepEqual(service.TaggedAddresses, { my_lan: { Address: "10.0.0.1", Port: 80 } });
  assert.deepEqual(service.Meta, { some_key: "v" });
  const [script, http] = checkTypes;
  assert.deepEqual([script?.ScriptArgs, script?.Interval, script?.TLSSkipVerify], [["true"], 10e9, true]);
  assert.equal(script?.DeregisterCriticalServiceAfter, 300e9);
  assert.deepEqual([http?.Header, http?.Interval], [{ x_y: ["1"] }, 5e9]);
});

test("Connect settings and upstreams are passed through, with the upstream's default type", () => {
  const { service } = readServiceRegistration(
    JSON.stringify({
      Name: "p",
      Kind: "connect-proxy",
      Port: 1,
      Proxy: {
        destination_service_name: "web",
        Upstreams: [{ destination_name: "db", LocalBindPort: 9, Config: { some_key: 1 } }],
      },
      Connect: { SidecarService: { Port: 2 }, whatever: 1 },
    }),
  );
  assert.equal(service.Proxy.DestinationServiceName, "web");
  const upstream = service.Proxy.Upstreams?.[0];
  assert.deepEqual([upstream?.DestinationType, upstream?.Config], ["service", { some_key: 1 }]);
  assert.deepEqual(service.Connect.SidecarService, { Port: 2 });
});

test("services are refused in Consul's words", () => {
  const cases: readonly (readonly [body: unknown, text: string])[] = [
    [{}, "Missing service name"],
    [{ Name: "t", Address: "[::]" }, "Invalid service address"],
    [{ Name: "t", Weights: { Passing: -1, Warning: 1 } }, "Invalid Weights: Passing must be greater than 0"],
    [{ Name: "t", Weights: { Passing: 65536 } }, "Invalid Weights: DNS Weight must be between 0 and 65535"],
    [
      { Name: "t", Meta: { "a b": "x" } },
      "Invalid Service Meta: Couldn't load metadata pair ('a b', 'x'): Key contains invalid characters",
    ],
    [
      { Name: "t", Meta: { "consul-x": "y" } },
      "Invalid Service Meta: Couldn't load metadata pair ('consul-x', 'y'): Key prefix 'consul-' is reserved for internal use",
    ],
    [{ Name: "t", Check: { Interval: "10s" } }, "Invalid check: TTL must be > 0 for TTL checks"],
    [{ Name: "t", Check: { TTL: "10s", Status: "great" } }, "Status for checks must 'passing', 'warning', 'critical'"],
    [
      { Name: "t", Kind: "connect-proxy", Port: 1 },
      "1 error occurred:\n\t* Proxy.DestinationServiceName must be non-empty for Connect proxy services\n\n",
    ],
    [
      { Name: "t", Kind: "connect-proxy" },
      "2 errors occurred:\n\t* Proxy.DestinationServiceName must be non-empty for Connect proxy services\n" +
        "\t* Port or SocketPath must be set for a Connect proxy\n\n",
    ],
    [{ Name: "t", Bogus: 1 }, 'Request decode failed: json: unknown field "Bogus"'],
    [{ Name: "t", Check: { Script: "x" } }, 'Request decode failed: json: unknown field "Script"'],
    [{ Name: "t", Check: { TTL: "abc" } }, 'Request decode failed: time: invalid duration "abc"'],
    [
      { Name: "t", Port: "80" },
      "Request decode failed: json: cannot unmarshal string into Go struct field .Alias.Port of type int",
    ],
  ];
  for (const [body, text] of cases) assert.equal(serviceRefusal(body), text);
  assert.equal(
    refusal(() => readServiceRegistration("")),
    "Request decode failed: EOF",
  );
  assert.match(
    refusal(() => readServiceRegistration("{")),
    /^Request decode failed: /,
  );
});

test("more than 64 pairs of metadata are too many", () => {
  const Meta = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`k${at}`, ""]));
  assert.equal(
    serviceRefusal({ Name: "t", Meta }),
    "Invalid Service Meta: Node metadata cannot contain more than 64 key/value pairs",
  );
});

test("a check on its own carries its definition's texts", () => {
  const { check, checkType } = readCheckRegistration(
    JSON.stringify({ Name: "mem", TCP: "h:1", Interval: "1s", Timeout: "1500ms", Notes: "n", ServiceID: "web" }),
  );
  assert.deepEqual(
    [check.CheckID, check.Name, check.Status, check.Type, check.Interval, check.Timeout, check.ServiceID, check.Notes],
    ["mem", "mem", "critical", "tcp", "1s", "1.5s", "web", "n"],
  );
  assert.equal(checkType.Timeout, 1.5e9);
  assert.equal(readCheckRegistration('{"ID":"i","Name":"n","TTL":"1s"}').check.CheckID, "i");
});

test("checks are refused in Consul's words", () => {
  const interval = "Invalid check: Interval must be > 0 for Script, HTTP, H2PING, or TCP checks";
  const cases: readonly (readonly [body: unknown, text: string])[] = [
    [{ TTL: "10s" }, "Missing check name"],
    [{ Name: "x" }, "Invalid check: TTL must be > 0 for TTL checks"],
    [{ Name: "x", HTTP: "http://h" }, interval],
    [{ Name: "x", UDP: "h:1" }, interval],
    [{ Name: "x", TTL: "10s", Interval: "10s" }, "Invalid check: Interval and TTL cannot both be specified"],
    [{ Name: "x", TTL: "10s", Status: "odd" }, "Bad check status"],
    [{ Name: "x", TTL: "1s", AliasService: "y" }, "Invalid check: TTL must be not be set for Alias checks"],
    [{ Name: "x", HTTP: "h", Interval: "1s", OutputMaxSize: -5 }, "Invalid check: MaxOutputMaxSize must be positive"],
    [{ Name: "x", Script: "true", Interval: "1s" }, 'Request decode failed: json: unknown field "Script"'],
  ];
  for (const [body, text] of cases) assert.equal(checkRefusal(body), text);
});

test("a status update names one of the three", () => {
  assert.deepEqual(readCheckUpdate('{"Status":"passing","Output":"o"}'), { status: "passing", output: "o" });
  assert.equal(
    refusal(() => readCheckUpdate("{}")),
    "Invalid check status: ''",
  );
  assert.match(
    refusal(() => readCheckUpdate("{")),
    /^Request decode failed: /,
  );
});
