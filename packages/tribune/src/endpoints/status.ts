import { formatGoDuration, make, RaftStats, statusContracts, statusRpcContracts } from "@tribune/api";
import { json } from "./answer.ts";
import { type Bindings, bind, bindRpc, type RpcBindings } from "./binding.ts";

export const statusEndpoints = bind(statusContracts, {
  statusLeader: {
    request: (_values, _http, common) => common,
    answer: (_request, server) => server.operator.leaderAddress(),
    show: (address) => json(address),
  },
  statusPeers: {
    request: (_values, _http, common) => common,
    answer: (_request, server) => server.operator.peerAddresses(),
    show: (addresses) => json(addresses),
  },
} satisfies Bindings<typeof statusContracts>);

export const statusMethods = bindRpc(statusRpcContracts, {
  statusPing: { answer: () => ({}) },
  statusRaftStats: {
    answer(_request, server) {
      const { lastContactMs, lastTerm, lastIndex } = server.operator.raftStats();
      // As Consul's Raft library prints it: whole nanoseconds, which is all that Go's parser takes.
      const contact =
        lastContactMs === undefined
          ? "never"
          : lastContactMs === 0
            ? "0"
            : formatGoDuration(Math.round(lastContactMs * 1e6));
      return make(RaftStats, { LastContact: contact, LastTerm: lastTerm, LastIndex: lastIndex });
    },
  },
} satisfies RpcBindings<typeof statusRpcContracts>);
