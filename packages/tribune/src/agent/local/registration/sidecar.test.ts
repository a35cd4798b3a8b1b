import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeService } from "@tribune/api";
import { EMPTY_SERVICE } from "../empty-rows.ts";
import { readServiceRegistration } from "./read-registration.ts";
import { sidecarOf } from "./sidecar.ts";

const PORTS = { min: 21000, max: 21001 };
const at = (ID: string, Port: number): NodeService => ({ ...EMPTY_SERVICE, ID, Service: ID, Port });

function sidecar(sidecarService: unknown, more: object = {}, others: readonly NodeService[] = [], ports = PORTS) {
  const body = { Name: "web", ID: "web-1", Port: 80, ...more, Connect: { SidecarService: sidecarService } };
  return sidecarOf(readServiceRegistration(JSON.stringify(body)).service, ports, others);
}

test("none is made where none is asked for", () => {
  assert.equal(sidecar(null), undefined);
});

test("an empty definition takes everything from its service", () => {
  const { service, checkTypes } = sidecar({}, { Tags: ["t"], Meta: { m: "1" }, Address: "10.0.0.1" })!;
  assert.deepEqual(
    [service.ID, service.Service, service.Kind, service.Port, service.Address, service.Tags, service.Meta],
    ["web-1-sidecar-proxy", "web-sidecar-proxy", "connect-proxy", 21000, "10.0.0.1", ["t"], { m: "1" }],
  );
  const { Proxy: proxy } = service;
  assert.deepEqual(
    [proxy.DestinationServiceName, proxy.DestinationServiceID, proxy.LocalServiceAddress, proxy.LocalServicePort],
    ["web", "web-1", "127.0.0.1", 80],
  );
  assert.equal(service.LocallyRegisteredAsSidecar, true);
  assert.deepEqual(
    checkTypes.map(({ Name, TCP, AliasService }) => [Name, TCP, AliasService]),
    [
      ["Connect Sidecar Listening", "127.0.0.1:21000", ""],
      ["Connect Sidecar Aliasing web-1", "", "web-1"],
    ],
  );
});

test("what it says of itself stays", () => {
  const given = {
    Name: "own",
    Port: 9,
    tags: ["x"],
    Token: "secret",
    Check: { TTL: "5s" },
    Proxy: { LocalServicePort: 7, Upstreams: [{ DestinationName: "db", LocalBindPort: 1 }] },
  };
  const { service, checkTypes, token } = sidecar(given, { Tags: ["t"] })!;
  assert.deepEqual([service.Service, service.Port, service.Tags, token], ["own", 9, ["x"], "secret"]);
  assert.deepEqual([service.Proxy.LocalServicePort, service.Proxy.LocalServiceAddress], [7, "127.0.0.1"]);
  assert.equal(service.Proxy.Upstreams?.[0]?.DestinationType, "service");
  assert.deepEqual(
    checkTypes.map(({ TTL }) => TTL),
    [5e9],
  );
});

test("a service on a socket is reached by it", () => {
  const { Proxy: proxy } = sidecar({}, { Port: 0, SocketPath: "/run/web" })!.service;
  assert.deepEqual([proxy.LocalServiceSocketPath, proxy.LocalServiceAddress], ["/run/web", ""]);
});

test("ports are taken in order, kept by their sidecar, and can run out", () => {
  const port = (...others: NodeService[]) => sidecar({}, {}, others)!.service.Port;
  assert.equal(port(at("x", 21000)), 21001);
  assert.equal(port(at("x", 21000), at("web-1-sidecar-proxy", 21001)), 21001);
  assert.throws(() => port(at("x", 21000), at("y", 21001)), {
    message:
      "Bad request: Invalid SidecarService: no port provided for sidecar_service and none left in the configured range [21000, 21001]",
  });
  assert.throws(() => sidecar({}, {}, [], { min: -1, max: -1 }), /auto-assignment disabled in config$/);
});

test("a bad check or bad metadata is refused", () => {
  assert.throws(() => sidecar({ Check: { Interval: "1s" } }), /^TribuneError: Bad request: Invalid check in sidecar/);
  assert.throws(() => sidecar({ Meta: { "consul-x": "y" } }), /^TribuneError: Bad request: Invalid SidecarService: /);
});
