import { type IndexedDirEntries, KVSRequest, make } from "@tribune/api";
import { type Asking, ask, endpointNamed, ownRead } from "./asking.ts";
import type { RemoteExecPorts } from "./remote-exec.ts";

/** The key-value store as remote jobs use it: through the servers, with the agent's own token. */
export function remoteExecStore(
  asking: Asking,
  { datacenter, token }: { readonly datacenter: string; readonly token: () => string },
): Pick<RemoteExecPorts, "readKey" | "lockKey"> {
  return {
    async readKey(key, stale) {
      const request = {
        Datacenter: datacenter,
        Token: token(),
        Key: key,
        AllowStale: stale,
        RequireConsistent: !stale,
      };
      const { answer } = await ask(asking, ownRead(endpointNamed("kvGet"), request));
      const entry = (answer.reply as IndexedDirEntries).Entries?.[0];
      return entry === undefined || entry === null ? undefined : (entry.Value ?? new Uint8Array(0));
    },
    async lockKey(key, value, session) {
      const request = make(KVSRequest, {
        Datacenter: datacenter,
        Token: token(),
        Op: "lock",
        DirEnt: { Key: key, Flags: 0, Value: value, Session: session, LockIndex: 0, CreateIndex: 0, ModifyIndex: 0 },
      });
      return (await asking.write(endpointNamed("kvPut"), request)) === true;
    },
  };
}
