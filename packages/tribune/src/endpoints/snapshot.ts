import { snapshotContracts } from "@tribune/api";
import { empty } from "./answer.ts";
import { type Bindings, bind, type HttpView } from "./binding.ts";

const optionsOf = ({ datacenter, token, query }: HttpView) => ({ datacenter, token, stale: query.has("stale") });

export const snapshotEndpoints = bind(snapshotContracts, {
  snapshotSave: {
    async answer(_values, http, agent) {
      const { meta, start } = await agent.snapshots.save(optionsOf(http));
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
        start,
      };
    },
  },
  snapshotRestore: {
    async answer({ archive }, http, agent) {
      await agent.snapshots.restore(archive, optionsOf(http));
      return empty();
    },
  },
} satisfies Bindings<typeof snapshotContracts>);
