import { boolQuery, inQuery, jsonBytes, local, numberQuery, u64Query } from "../contract.ts";
import { AutopilotConfiguration, KeyringKey } from "../structs/operator.ts";

const operator = (access: "read" | "write") => ({ by: "require", resource: "operator", access }) as const;
const keyring = (access: "read" | "write") => ({ by: "require", resource: "keyring", access }) as const;

const relayFactor = numberQuery("How many members relay each answer, 0 to 5", { name: "relay-factor" });
const localOnly = boolQuery("Ask this server's own pools only", { name: "local-only" });
const key = jsonBytes(KeyringKey, "The key, in base64");

export const operatorContracts = {
  operatorRaftConfiguration: local({
    http: "GET /v1/operator/raft/configuration",
    honours: ["dc"],
    parameters: {},
    acl: operator("read"),
    summary: "The Raft peers of the datacenter",
    answers: "RaftConfiguration",
  }),
  operatorRaftPeer: local({
    http: "DELETE /v1/operator/raft/peer",
    honours: ["dc"],
    parameters: { id: inQuery("Id of the server"), address: inQuery("ip:port of the server") },
    acl: operator("write"),
    summary: "Remove a server from the Raft peers",
    answers: "Nothing",
  }),
  operatorAutopilotGet: local({
    http: "GET /v1/operator/autopilot/configuration",
    honours: ["dc"],
    parameters: {},
    acl: operator("read"),
    summary: "Read how servers are kept",
    answers: "AutopilotConfiguration",
  }),
  operatorAutopilotSet: local({
    http: "PUT /v1/operator/autopilot/configuration",
    honours: ["dc"],
    parameters: {
      configuration: jsonBytes(AutopilotConfiguration, "The whole configuration"),
      cas: u64Query("Change it only when its ModifyIndex is this"),
    },
    acl: operator("write"),
    summary: "Change how servers are kept",
    answers: "Boolean",
  }),
  operatorAutopilotHealth: local({
    http: "GET /v1/operator/autopilot/health",
    honours: ["dc"],
    parameters: {},
    acl: operator("read"),
    statuses: { 429: "A server is unhealthy" },
    summary: "Health of the servers",
    answers: "AutopilotHealth",
  }),
  operatorAutopilotState: local({
    http: "GET /v1/operator/autopilot/state",
    honours: ["dc"],
    parameters: {},
    acl: operator("read"),
    summary: "What autopilot knows of each server",
    answers: "AutopilotState",
  }),
  operatorKeyringList: local({
    http: "GET /v1/operator/keyring",
    parameters: { relayFactor, localOnly },
    acl: keyring("read"),
    summary: "List the gossip encryption keys",
    answers: "KeyringResponses",
  }),
  operatorKeyringInstall: local({
    http: "POST /v1/operator/keyring",
    parameters: { key, relayFactor, localOnly },
    acl: keyring("write"),
    summary: "Install a gossip encryption key",
    answers: "Nothing",
  }),
  operatorKeyringUse: local({
    http: "PUT /v1/operator/keyring",
    parameters: { key, relayFactor, localOnly },
    acl: keyring("write"),
    summary: "Encrypt with another installed key",
    answers: "Nothing",
  }),
  operatorKeyringRemove: local({
    http: "DELETE /v1/operator/keyring",
    parameters: { key, relayFactor, localOnly },
    acl: keyring("write"),
    summary: "Remove a gossip encryption key",
    answers: "Nothing",
  }),
};
