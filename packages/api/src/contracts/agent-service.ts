import { boolQuery, flag, inPath, inQuery, jsonBytes, local } from "../contract.ts";
import { AgentServiceRegistration } from "../structs/registration.ts";

const unhealthy = {
  429: "At least one check warns",
  503: "At least one check is critical, or in maintenance",
} as const;
const format = inQuery("`text` for the status alone, as `Accept: text/plain`");

const write = { by: "require", resource: "service", access: "write" } as const;

/** Services registered on this agent. */
export const agentServiceContracts = {
  agentServices: local({
    http: "GET /v1/agent/services",
    namespaced: true,
    parameters: { filter: inQuery("Expression that selects services") },
    acl: { by: "filter" },
    summary: "Services of this agent by ID",
    answers: "AgentServices",
  }),
  agentService: local({
    http: "GET /v1/agent/service/:id",
    namespaced: true,
    hashBlocking: true,
    parameters: {
      id: inPath("ID of the service"),
      hash: inQuery("ContentHash the client has: waits until it differs"),
    },
    acl: { by: "require", resource: "service", access: "read" },
    summary: "One service of this agent",
    answers: "AgentService",
  }),
  agentServiceHealthById: local({
    http: "GET /v1/agent/health/service/id/:id",
    namespaced: true,
    parameters: { id: inPath("ID of the service"), format },
    acl: { by: "require", resource: "service", access: "read" },
    statuses: { ...unhealthy, 404: "There is no such service" },
    summary: "Health of one service",
    answers: "AgentServiceHealth",
  }),
  agentServiceHealthByName: local({
    http: "GET /v1/agent/health/service/name/:name",
    namespaced: true,
    parameters: { name: inPath("Name of the service"), format },
    acl: { by: "require", resource: "service", access: "read" },
    statuses: { ...unhealthy, 404: "There is no service of this name" },
    summary: "Health of all services of a name: the worst decides the status",
    answers: "AgentServiceHealths",
  }),
  agentServiceRegister: local({
    http: "PUT /v1/agent/service/register",
    namespaced: true,
    parameters: {
      definition: jsonBytes(AgentServiceRegistration, "Service definition", { bytesMax: 4 << 20 }),
      replaceExistingChecks: flag("Remove the checks the definition does not name", {
        name: "replace-existing-checks",
      }),
    },
    acl: write,
    summary: "Register a service with its checks",
    answers: "Nothing",
  }),
  agentServiceDeregister: local({
    http: "PUT /v1/agent/service/deregister/:id",
    namespaced: true,
    parameters: { id: inPath("ID of the service") },
    acl: write,
    summary: "Remove a service and its checks",
    answers: "Nothing",
  }),
  agentServiceMaintenance: local({
    http: "PUT /v1/agent/service/maintenance/:id",
    namespaced: true,
    parameters: {
      id: inPath("ID of the service"),
      enable: boolQuery("Whether to begin or to end"),
      reason: inQuery("Shown in the notes of the check"),
    },
    acl: write,
    summary: "Take a service out of discovery, or put it back",
    answers: "Nothing",
  }),
};
