import { inQuery, local, rawBody } from "../contract.ts";

const operator = (access: "read" | "write") => ({ by: "require", resource: "operator", access }) as const;
const keyring = (access: "read" | "write") => ({ by: "require", resource: "keyring", access }) as const;

const relayFactor = inQuery("How many members relay each answer, 0 to 5", { name: "relay-factor" });
const localOnly = inQuery("Ask this server's own pools only", { name: "local-only" });
const key = rawBody("JSON object with the base64 Key");

export const operatorContracts = {
  operatorRaftConfiguration: local({
    http: "GET /v1/operator/raft/configuration",
    parameters: {},
    acl: operator("read"),
    summary: "The Raft peers of the datacenter",
    answers: "RaftConfiguration",
  }),
  operatorRaftPeer: local({
    http: "DELETE /v1/operator/raft/peer",
    parameters: { id: inQuery("Id of the server"), address: inQuery("ip:port of the server") },
    acl: operator("write"),
    summary: "Remove a server from the Raft peers",
    answers: "Nothing",
  }),
  operatorAutopilotGet: local({
    http: "GET /v1/operator/autopilot/configuration",
    parameters: {},
    acl: operator("read"),
    summary: "Read how servers are kept",
    answers: "AutopilotConfiguration",
  }),
  operatorAutopilotSet: local({
    http: "PUT /v1/operator/autopilot/configuration",
    parameters: { configuration: rawBody("The whole configuration; durations as text") },
    acl: operator("write"),
    summary: "Change how servers are kept",
    answers: "Boolean",
  }),
  operatorAutopilotHealth: local({
    http: "GET /v1/operator/autopilot/health",
    parameters: {},
    acl: operator("read"),
    summary: "Health of the servers; status 429 when one is unhealthy",
    answers: "AutopilotHealth",
  }),
  operatorAutopilotState: local({
    http: "GET /v1/operator/autopilot/state",
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
