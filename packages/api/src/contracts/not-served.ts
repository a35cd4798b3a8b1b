import { type Contracts, type HttpRoute, local } from "../contract.ts";

/**
 * Consul's routes that this version does not serve, by area. They are here so that a client is told what is the
 * matter instead of 404, and so that methods and redirects are right. Whoever serves a route takes its line out.
 */
export const NOT_SERVED_ROUTES = {
  acl: [
    "PUT /v1/acl/bootstrap",
    "PUT /v1/acl/create",
    "PUT /v1/acl/update",
    "PUT /v1/acl/destroy/:id",
    "GET /v1/acl/info/:id",
    "PUT /v1/acl/clone/:id",
    "GET /v1/acl/list",
    "POST /v1/acl/login",
    "POST /v1/acl/logout",
    "GET /v1/acl/replication",
    "GET /v1/acl/policies",
    "PUT /v1/acl/policy",
    "GET /v1/acl/policy/:id",
    "PUT /v1/acl/policy/:id",
    "DELETE /v1/acl/policy/:id",
    "GET /v1/acl/policy/name/:name",
    "GET /v1/acl/roles",
    "PUT /v1/acl/role",
    "GET /v1/acl/role/name/:name",
    "GET /v1/acl/role/:id",
    "PUT /v1/acl/role/:id",
    "DELETE /v1/acl/role/:id",
    "GET /v1/acl/binding-rules",
    "PUT /v1/acl/binding-rule",
    "GET /v1/acl/binding-rule/:id",
    "PUT /v1/acl/binding-rule/:id",
    "DELETE /v1/acl/binding-rule/:id",
    "GET /v1/acl/auth-methods",
    "PUT /v1/acl/auth-method",
    "GET /v1/acl/auth-method/:name",
    "PUT /v1/acl/auth-method/:name",
    "DELETE /v1/acl/auth-method/:name",
    "POST /v1/acl/rules/translate",
    "GET /v1/acl/rules/translate/:id",
    "GET /v1/acl/tokens",
    "PUT /v1/acl/token",
    "GET /v1/acl/token/self",
    "GET /v1/acl/token/:id",
    "PUT /v1/acl/token/:id",
    "DELETE /v1/acl/token/:id",
    "POST /v1/internal/acl/authorize",
  ],
  "certificate authority": [
    "GET /v1/agent/connect/ca/leaf/:service",
    "GET /v1/connect/ca/configuration",
    "PUT /v1/connect/ca/configuration",
  ],
  "federation states": [
    "GET /v1/internal/federation-states",
    "GET /v1/internal/federation-states/mesh-gateways",
    "GET /v1/internal/federation-state/:datacenter",
  ],
  authorization: ["POST /v1/agent/connect/authorize"],
} as const satisfies Readonly<Record<string, readonly HttpRoute[]>>;

export type NotServedArea = keyof typeof NOT_SERVED_ROUTES;

/** The contracts of one area. They take nothing and promise nothing. */
export function notServedContracts(area: NotServedArea): Contracts {
  const routes: readonly HttpRoute[] = NOT_SERVED_ROUTES[area];
  return Object.fromEntries(
    routes.map((http) => [
      `notServed ${http}`,
      local({ http, parameters: {}, acl: { by: "none" }, summary: `Not served yet: ${area}`, answers: "Nothing" }),
    ]),
  );
}
