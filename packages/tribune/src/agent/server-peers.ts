import { list, RaftStats, text } from "@tribune/api";
import { decodeStruct } from "../codec/struct-msgpack.ts";
import { parseGoDuration } from "../lib/duration.ts";
import type { Logger } from "../lib/log.ts";
import type { ServerMember } from "../pool/server-tags.ts";
import type { GossipPool } from "../pool/types.ts";
import type { RpcPool } from "../rpc/types.ts";
import type { PeersPort } from "../server/peers-port.ts";
import { targetOf } from "./client/server-calls.ts";

/** Gossip event of a server that gained leadership (sheet serf §8 Events); its payload is the server's name. */
export const NEW_LEADER_EVENT = "consul:new-leader";
/** Autopilot asks every two seconds; who does not answer by then is as good as silent. */
const STATUS_TIMEOUT_MS = 2_000;
const NO_ARGUMENTS = new Uint8Array([0x80]);

/** How a server reaches others of its datacenter: through its LAN pool, and on their RPC port. */
export function serverPeers(
  nodeName: string,
  { lan, rpc, logger }: { readonly lan: GossipPool; readonly rpc: RpcPool; readonly logger: Logger },
): PeersPort {
  const ask = (server: ServerMember, method: string) =>
    rpc.call(targetOf(server), method, NO_ARGUMENTS, { timeoutMs: STATUS_TIMEOUT_MS });
  return {
    members: () => lan.members(),
    dialRaft: (target) => rpc.dial(target, "raft"),
    async raftStats(server) {
      const { LastContact, LastTerm, LastIndex } = decodeStruct(RaftStats, await ask(server, "Status.RaftStats"));
      const lastContactNs = LastContact === "never" ? undefined : parseGoDuration(LastContact);
      return {
        lastContactMs: lastContactNs === undefined ? undefined : lastContactNs / 1e6,
        lastTerm: LastTerm,
        lastIndex: LastIndex,
      };
    },
    statusPeers: async (server) => decodeStruct(list(text), await ask(server, "Status.Peers")) ?? [],
    removeFailed(name) {
      try {
        lan.forceLeave(name, false);
      } catch (error) {
        logger.warn("could not remove a failed server from the pool", { server: name, error });
      }
    },
    announceLeader() {
      try {
        lan.userEvent(NEW_LEADER_EVENT, Buffer.from(nodeName), false);
      } catch (error) {
        logger.error("failed to broadcast new leader event", { error });
      }
    },
  };
}
