import { statusContracts, statusRpcContracts } from "@tribune/api";
import { json } from "./answer.ts";
import { type Bindings, bind, bindRpc, type RpcBindings } from "./binding.ts";

export const statusEndpoints = bind(statusContracts, {
  statusLeader: {
    request: (_values, http, common) => ({ ...common, Datacenter: http.datacenter }),
    answer: (_request, server) => server.operator.leaderAddress(),
    show: (address) => json(address),
  },
  statusPeers: {
    request: (_values, http, common) => ({ ...common, Datacenter: http.datacenter }),
    answer: (_request, server) => server.operator.peerAddresses(),
    show: (addresses) => json(addresses),
  },
} satisfies Bindings<typeof statusContracts>);

export const statusMethods = bindRpc(statusRpcContracts, {
  statusPing: { answer: () => ({}) },
  statusRaftStats: { answer: (_request, server) => server.operator.raftStats() },
} satisfies RpcBindings<typeof statusRpcContracts>);
