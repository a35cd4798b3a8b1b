import assert from "node:assert/strict";
import { test } from "node:test";
import { entrySummary } from "./entry-summary.ts";

test("entries are said in words, and in JSON where nobody knows better", () => {
  const cases: [Record<string, unknown>, string][] = [
    [{ Kind: "service-defaults", Name: "web", Protocol: "http", MeshGateway: {} }, "protocol http"],
    [{ Kind: "proxy-defaults", Name: "global", Config: { protocol: "http", n: 1 } }, "protocol http · n 1"],
    [
      {
        Kind: "service-intentions",
        Sources: [
          { Name: "web", Permissions: [{ Action: "allow", HTTP: { PathPrefix: "/v1/" } }] },
          { Name: "*", Action: "deny" },
        ],
      },
      "web: allow /v1/… · *: deny",
    ],
    [
      { Kind: "service-resolver", Subsets: { v1: {}, v2: {} }, DefaultSubset: "v1", Failover: { "*": {} } },
      "subsets v1, v2 · default v1 · fails over for *",
    ],
    [
      {
        Kind: "service-splitter",
        Splits: [{ Weight: 90, ServiceSubset: "v2" }, { Weight: 10, Service: "b" }, { Weight: 0 }],
      },
      "90 % v2 · 10 % b · 0 % itself",
    ],
    [
      {
        Kind: "service-router",
        Routes: [{ Match: { HTTP: { PathPrefix: "/a" } }, Destination: { Service: "a" } }, {}],
      },
      "/a → a · everything → itself",
    ],
    [
      {
        Kind: "ingress-gateway",
        Listeners: [{ Port: 80, Protocol: "http", Services: [{ Name: "web" }, { Name: "api" }] }],
      },
      "80 http: web, api",
    ],
    [{ Kind: "terminating-gateway", Services: [{ Name: "db" }] }, "db"],
    [
      { Kind: "mesh", TransparentProxy: { MeshDestinationsOnly: true } },
      '"TransparentProxy":{"MeshDestinationsOnly":true}',
    ],
    [{ Kind: "service-defaults", Name: "web", Odd: 1, CreateIndex: 7 }, '"Odd":1'],
    [{ Kind: "service-splitter", Splits: "damaged" }, '"Splits":"damaged"'],
  ];
  for (const [entry, summary] of cases) assert.equal(entrySummary(entry), summary);
});
