/** `/v1/health`: checks, and instances with their checks. */
import { boolQuery, everyQuery, flag, inPath, inQuery, metaQuery, read } from "../contract.ts";
import {
  ChecksInStateRequest,
  IndexedCheckServiceNodes,
  IndexedHealthChecks,
  NodeSpecificRequest,
  ServiceSpecificRequest,
} from "../structs/catalog.ts";

const near = inQuery("Sort by round-trip time from this node; `_agent` is the agent's own");
const nodeMeta = metaQuery("Only on nodes with this metadata (`key:value`)", { name: "node-meta" });
const filter = inQuery("Filter expression over the rows");
const mergeCentralConfig = flag("Proxies and gateways with what configuration entries say of them", {
  name: "merge-central-config",
});
const peer = inQuery("What was imported from this peer of the cluster: nothing, since there are no peers");
const service = inPath("Name of the service", { missing: "Missing service name" });
const tag = everyQuery("Only instances with all of these tags");
const passing = boolQuery("Only instances whose checks all pass; without a value: true");

const discovery = { blocking: true, saysConsistency: true, acl: { by: "filter" } } as const;
const instances = {
  rpc: "Health.ServiceNodes",
  parameters: { service, tag, passing, near, nodeMeta, filter, mergeCentralConfig, peer },
  request: ServiceSpecificRequest,
  reply: IndexedCheckServiceNodes,
  cacheable: true,
  plainRefusals: true,
  answers: "CheckServiceNodes",
  ...discovery,
} as const;

export const healthContracts = {
  healthNode: read({
    http: "GET /v1/health/node/*node",
    namespaced: true,
    rpc: "Health.NodeChecks",
    parameters: { node: inPath("Name of the node", { missing: "Missing node name" }), filter },
    request: NodeSpecificRequest,
    reply: IndexedHealthChecks,
    ...discovery,
    summary: "List the checks on a node",
    answers: "HealthChecks",
  }),
  healthChecks: read({
    http: "GET /v1/health/checks/*service",
    namespaced: true,
    rpc: "Health.ServiceChecks",
    parameters: { service, near, nodeMeta, filter },
    request: ServiceSpecificRequest,
    reply: IndexedHealthChecks,
    ...discovery,
    summary: "List the checks of a service's instances",
    answers: "HealthChecks",
  }),
  healthState: read({
    http: "GET /v1/health/state/*state",
    namespaced: true,
    rpc: "Health.ChecksInState",
    parameters: {
      state: inPath("passing, warning, critical or any", { missing: "Missing check state" }),
      near,
      nodeMeta,
      filter,
    },
    request: ChecksInStateRequest,
    reply: IndexedHealthChecks,
    ...discovery,
    summary: "List the checks in a state",
    answers: "HealthChecks",
  }),
  healthService: read({
    http: "GET /v1/health/service/*service",
    namespaced: true,
    ...instances,
    summary: "List the instances of a service with their checks",
  }),
  healthConnect: read({
    http: "GET /v1/health/connect/*service",
    namespaced: true,
    ...instances,
    summary: "List what reaches a service through the mesh, with checks",
  }),
  healthIngress: read({
    http: "GET /v1/health/ingress/*service",
    namespaced: true,
    ...instances,
    summary: "List the ingress gateways of a service, with checks",
  }),
};
