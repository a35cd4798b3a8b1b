import { boolQuery, call, inQuery, jsonBytes, numberQuery, u64Query, write } from "../contract.ts";
import { bool } from "../schema.ts";
import { DCSpecificRequest } from "../structs/catalog.ts";
import { nothing } from "../structs/common.ts";
import {
  AutopilotConfig,
  AutopilotConfiguration,
  AutopilotHealthReply,
  AutopilotSetConfigRequest,
  AutopilotState,
  KeyringKey,
  KeyringRequest,
  KeyringResponses,
  RaftConfigurationResponse,
  RaftRemovePeerRequest,
} from "../structs/operator.ts";

const operator = (access: "read" | "write") => ({ by: "require", resource: "operator", access }) as const;
const keyring = (access: "read" | "write") => ({ by: "require", resource: "keyring", access }) as const;

const relayFactor = numberQuery("How many members relay each answer, 0 to 5", { name: "relay-factor" });
const localOnly = boolQuery("Ask this server's own pools only", { name: "local-only" });
const keyringMethod = {
  rpc: "Internal.KeyringOperation",
  request: KeyringRequest,
  reply: KeyringResponses,
  answeredBy: "any",
} as const;
const peer = { id: inQuery("Id of the server"), address: inQuery("ip:port of the server") };
const key = jsonBytes(KeyringKey, "The key, in base64");

export const operatorContracts = {
  operatorRaftConfiguration: call({
    http: "GET /v1/operator/raft/configuration",
    rpc: "Operator.RaftGetConfiguration",
    parameters: {},
    request: DCSpecificRequest,
    reply: RaftConfigurationResponse,
    answeredBy: "asked",
    queryOptions: true,
    acl: operator("read"),
    summary: "The Raft peers of the datacenter",
    answers: "RaftConfiguration",
  }),
  operatorRaftPeerById: call({
    http: "DELETE /v1/operator/raft/peer",
    when: "id",
    rpc: "Operator.RaftRemovePeerByID",
    parameters: peer,
    request: RaftRemovePeerRequest,
    reply: nothing,
    answeredBy: "leader",
    acl: operator("write"),
    summary: "Remove the server with an id from the Raft peers",
    answers: "Nothing",
  }),
  operatorRaftPeer: call({
    http: "DELETE /v1/operator/raft/peer",
    rpc: "Operator.RaftRemovePeerByAddress",
    parameters: peer,
    request: RaftRemovePeerRequest,
    reply: nothing,
    answeredBy: "leader",
    acl: operator("write"),
    summary: "Remove a server from the Raft peers",
    answers: "Nothing",
  }),
  operatorAutopilotGet: call({
    http: "GET /v1/operator/autopilot/configuration",
    rpc: "Operator.AutopilotGetConfiguration",
    parameters: {},
    request: DCSpecificRequest,
    reply: AutopilotConfig,
    answeredBy: "asked",
    queryOptions: true,
    acl: operator("read"),
    summary: "Read how servers are kept",
    answers: "AutopilotConfiguration",
  }),
  operatorAutopilotSet: write({
    http: "PUT /v1/operator/autopilot/configuration",
    rpc: "Operator.AutopilotSetConfiguration",
    parameters: {
      configuration: jsonBytes(AutopilotConfiguration, "The whole configuration"),
      cas: u64Query("Change it only when its ModifyIndex is this"),
    },
    request: AutopilotSetConfigRequest,
    raftType: 9,
    reply: bool,
    acl: operator("write"),
    summary: "Change how servers are kept",
    answers: "Boolean",
  }),
  operatorAutopilotHealth: call({
    http: "GET /v1/operator/autopilot/health",
    rpc: "Operator.ServerHealth",
    parameters: {},
    request: DCSpecificRequest,
    reply: AutopilotHealthReply,
    answeredBy: "leader",
    acl: operator("read"),
    statuses: { 429: "A server is unhealthy" },
    summary: "Health of the servers",
    answers: "AutopilotHealth",
  }),
  operatorAutopilotState: call({
    http: "GET /v1/operator/autopilot/state",
    rpc: "Operator.AutopilotState",
    parameters: {},
    request: DCSpecificRequest,
    reply: AutopilotState,
    answeredBy: "leader",
    acl: operator("read"),
    summary: "What autopilot knows of each server",
    answers: "AutopilotState",
  }),
  operatorKeyringList: call({
    ...keyringMethod,
    http: "GET /v1/operator/keyring",
    parameters: { relayFactor, localOnly },
    acl: keyring("read"),
    summary: "List the gossip encryption keys",
    answers: "KeyringResponses",
  }),
  operatorKeyringInstall: call({
    ...keyringMethod,
    http: "POST /v1/operator/keyring",
    parameters: { key, relayFactor, localOnly },
    acl: keyring("write"),
    summary: "Install a gossip encryption key",
    answers: "Nothing",
  }),
  operatorKeyringUse: call({
    ...keyringMethod,
    http: "PUT /v1/operator/keyring",
    parameters: { key, relayFactor, localOnly },
    acl: keyring("write"),
    summary: "Encrypt with another installed key",
    answers: "Nothing",
  }),
  operatorKeyringRemove: call({
    ...keyringMethod,
    http: "DELETE /v1/operator/keyring",
    parameters: { key, relayFactor, localOnly },
    acl: keyring("write"),
    summary: "Remove a gossip encryption key",
    answers: "Nothing",
  }),
};
