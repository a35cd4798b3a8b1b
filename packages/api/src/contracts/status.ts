import { local } from "../contract.ts";

export const statusContracts = {
  statusLeader: local({
    http: "GET /v1/status/leader",
    parameters: {},
    honours: ["dc"],
    acl: { by: "none" },
    summary: "Address of the Raft leader of the datacenter",
    answers: "Address",
  }),
  statusPeers: local({
    http: "GET /v1/status/peers",
    parameters: {},
    honours: ["dc"],
    acl: { by: "none" },
    summary: "Addresses of the Raft peers of the datacenter",
    answers: "Addresses",
  }),
};
