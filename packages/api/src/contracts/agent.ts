import { boolQuery, flag, inPath, inQuery, jsonBytes, local } from "../contract.ts";
import { AgentTokenUpdate } from "../structs/registration.ts";

const read = { by: "require", resource: "agent", access: "read" } as const;
const write = { by: "require", resource: "agent", access: "write" } as const;

/** The agent itself: what it is, whom it sees, how it is told to change. */
export const agentContracts = {
  agentSelf: local({
    http: "GET /v1/agent/self",
    parameters: {},
    acl: read,
    summary: "Configuration, coordinate, membership and statistics of this agent",
    answers: "AgentSelf",
  }),
  agentVersion: local({
    http: "GET /v1/agent/version",
    parameters: {},
    acl: { by: "none" },
    summary: "Version of Consul that this agent behaves as, and what it was built from",
    answers: "AgentVersion",
  }),
  agentMembers: local({
    http: "GET /v1/agent/members",
    parameters: {
      wan: inQuery("Members of the pool between datacenters, when not empty"),
      segment: inQuery("Network segment; `_all` for every one"),
      filter: inQuery("Expression that selects members"),
    },
    acl: { by: "filter" },
    summary: "Members of the gossip pool as this agent sees them",
    answers: "AgentMembers",
  }),
  agentHost: local({
    http: "GET /v1/agent/host",
    parameters: {},
    acl: { by: "require", resource: "operator", access: "read" },
    summary: "Memory, processors, disk and system of the machine",
    answers: "AgentHost",
  }),
  agentMetrics: local({
    http: "GET /v1/agent/metrics",
    parameters: { format: inQuery("`prometheus` for its text format") },
    acl: read,
    summary: "Measurements of the last finished interval",
    answers: "AgentMetrics",
  }),
  agentMetricsStream: local({
    http: "GET /v1/agent/metrics/stream",
    parameters: {},
    acl: read,
    summary:
      "Measurements of each interval when it is over, one JSON object after the other, until the client hangs up",
    answers: "MetricsStream",
  }),
  agentMonitor: local({
    http: "GET /v1/agent/monitor",
    parameters: {
      loglevel: inQuery("Least grave level to send; INFO when empty"),
      logjson: flag("Send each line as a JSON object"),
    },
    acl: read,
    summary: "The log as it is written, until the client hangs up",
    answers: "Log",
  }),
  agentReloadReport: local({
    http: "PUT /v1/agent/reload",
    when: "verbose",
    parameters: {},
    acl: write,
    summary: "Read the configuration again and say which keys were applied and which wait for a restart",
    answers: "ReloadReport",
  }),
  agentReload: local({
    http: "PUT /v1/agent/reload",
    parameters: {},
    acl: write,
    summary: "Read the configuration again and apply what may change",
    answers: "Nothing",
  }),
  agentLeave: local({
    http: "PUT /v1/agent/leave",
    parameters: {},
    acl: write,
    summary: "Leave the cluster and end",
    answers: "Nothing",
  }),
  agentJoin: local({
    http: "PUT /v1/agent/join/:address",
    parameters: {
      address: inPath("Host, or host and port, of a member"),
      wan: inQuery("Join the pool between datacenters, when not empty"),
    },
    acl: write,
    summary: "Join the gossip pool of another agent",
    answers: "Nothing",
  }),
  agentForceLeave: local({
    http: "PUT /v1/agent/force-leave/:name",
    parameters: { name: inPath("Name of the node"), prune: flag("Remove it from the list of members as well") },
    acl: { by: "require", resource: "operator", access: "write" },
    summary: "Declare a failed node to have left",
    answers: "Nothing",
  }),
  agentMaintenance: local({
    http: "PUT /v1/agent/maintenance",
    parameters: {
      enable: boolQuery("Whether to begin or to end"),
      reason: inQuery("Shown in the notes of the check"),
    },
    acl: { by: "require", resource: "node", access: "write" },
    summary: "Take the whole node out of discovery, or put it back",
    answers: "Nothing",
  }),
  agentToken: local({
    http: "PUT /v1/agent/token/:kind",
    parameters: {
      kind: inPath("`default`, `agent`, `agent_master` or `replication`"),
      token: jsonBytes(AgentTokenUpdate, "The SecretID", { bytesMax: 64 << 10 }),
    },
    acl: write,
    summary: "Replace one of the agent's own ACL tokens",
    answers: "Nothing",
  }),
};
