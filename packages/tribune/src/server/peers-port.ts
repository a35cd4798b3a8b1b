import type { Stream } from "../lib/runtime.ts";
import type { ServerMember } from "../pool/server-tags.ts";
import type { PoolMember } from "../pool/types.ts";
import type { RaftStats } from "./leader/server-health.ts";

/** How a server reaches others of its datacenter. The agent puts it together from the LAN pool and the RPC pool. */
export interface PeersPort {
  /** The LAN pool: everybody known, ourselves included. The server is told of changes by `memberEvent`. */
  members(): readonly PoolMember[];
  /** A stream to the RPC port at `host:port`, behind the byte 01, TLS inside. `name` is "" where nobody knows it. */
  dialRaft(target: { readonly name: string; readonly host: string; readonly port: number }): Promise<Stream>;
  /** `Status.RaftStats` */
  raftStats(server: ServerMember): Promise<RaftStats>;
  /** `Status.Peers` */
  statusPeers(server: ServerMember): Promise<readonly string[]>;
  /** Makes the pool forget a member that failed (serf's force-leave). */
  removeFailed(name: string): void;
  /** Tells the pool that this server leads now (`consul:new-leader`). */
  announceLeader(): void;
}
