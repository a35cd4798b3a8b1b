import type { AliasedCheck, AliasSource } from "../../checks/alias.ts";
import type { Cancel } from "../../lib/runtime.ts";
import type { LocalState } from "./local-state.ts";

/** Blocking reads of another node's checks, from the catalog. See `AliasSource`. */
export type RemoteChecks = Pick<AliasSource, "remoteChecks" | "remoteServiceExists">;

/** What alias checks follow: this agent's state, and the catalog for other nodes. */
export function localAliasSource(state: LocalState, remote: RemoteChecks): AliasSource {
  const wakers = new Map<string, Set<() => void>>();
  state.listen({
    healthChanged: (serviceId) => {
      // A check of the node concerns every alias.
      const woken = serviceId === "" ? [...wakers.values()].flatMap((set) => [...set]) : wakers.get(serviceId);
      for (const wake of woken ?? []) wake();
    },
  });
  return {
    localChecks: (serviceId): readonly AliasedCheck[] => state.checksOf(serviceId, true),
    localServiceExists: (serviceId) => state.service(serviceId) !== undefined,
    onLocalChange(serviceId, wake): Cancel {
      let set = wakers.get(serviceId);
      if (set === undefined) {
        set = new Set();
        wakers.set(serviceId, set);
      }
      set.add(wake);
      return () => {
        set.delete(wake);
        if (set.size === 0 && wakers.get(serviceId) === set) wakers.delete(serviceId);
      };
    },
    remoteChecks: (query) => remote.remoteChecks(query),
    remoteServiceExists: (query) => remote.remoteServiceExists(query),
  };
}
