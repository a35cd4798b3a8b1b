import { snapshotContracts } from "@tribune/api";
import { empty } from "./answer.ts";
import { type Bindings, bind } from "./binding.ts";
import { requireOwnDatacenter } from "./datacenter.ts";

export const snapshotEndpoints = bind(snapshotContracts, {
  snapshotSave: {
    answer(_values, http, agent) {
      requireOwnDatacenter(http.datacenter, agent.datacenter);
      const meta = agent.operator.queryMeta();
      return {
        kind: "stream",
        contentType: "application/x-gzip",
        headers: [
          "X-Consul-Index",
          String(meta.index),
          "X-Consul-Knownleader",
          String(meta.knownLeader),
          "X-Consul-Lastcontact",
          String(Math.floor(meta.lastContactMs)),
        ],
        start: (sink) => agent.snapshots.save(sink),
      };
    },
  },
  snapshotRestore: {
    async answer({ archive }, http, agent) {
      requireOwnDatacenter(http.datacenter, agent.datacenter);
      await agent.snapshots.restore(archive);
      return empty();
    },
  },
} satisfies Bindings<typeof snapshotContracts>);
