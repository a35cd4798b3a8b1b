import { statusContracts } from "@tribune/api";
import { json } from "./answer.ts";
import { type Bindings, bind } from "./binding.ts";
import { requireOwnDatacenter } from "./datacenter.ts";

export const statusEndpoints = bind(statusContracts, {
  statusLeader: {
    answer(_values, http, agent) {
      requireOwnDatacenter(http.datacenter, agent.datacenter);
      return json(agent.operator.leaderAddress());
    },
  },
  statusPeers: {
    answer(_values, http, agent) {
      requireOwnDatacenter(http.datacenter, agent.datacenter);
      return json(agent.operator.peerAddresses());
    },
  },
} satisfies Bindings<typeof statusContracts>);
