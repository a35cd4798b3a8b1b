import { call, rpcCall } from "../contract.ts";
import { list, text } from "../schema.ts";
import { DCSpecificRequest } from "../structs/catalog.ts";
import { nothing } from "../structs/common.ts";
import { RaftStats } from "../structs/operator.ts";

export const statusContracts = {
  statusLeader: call({
    http: "GET /v1/status/leader",
    rpc: "Status.Leader",
    parameters: {},
    request: DCSpecificRequest,
    reply: text,
    answeredBy: "any",
    queryOptions: true,
    plainRefusals: true,
    acl: { by: "none" },
    summary: "Address of the Raft leader of the datacenter",
    answers: "Address",
  }),
  statusPeers: call({
    http: "GET /v1/status/peers",
    rpc: "Status.Peers",
    parameters: {},
    request: DCSpecificRequest,
    reply: list(text),
    answeredBy: "any",
    queryOptions: true,
    plainRefusals: true,
    acl: { by: "none" },
    summary: "Addresses of the Raft peers of the datacenter",
    answers: "Addresses",
  }),
};

export const statusRpcContracts = {
  statusPing: rpcCall({
    rpc: "Status.Ping",
    request: nothing,
    reply: nothing,
    answeredBy: "any",
    summary: "Whether the server is there",
  }),
  statusRaftStats: rpcCall({
    rpc: "Status.RaftStats",
    request: nothing,
    reply: RaftStats,
    answeredBy: "any",
    summary: "How far this server's log is, for autopilot",
  }),
};
