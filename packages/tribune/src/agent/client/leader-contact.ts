import { parseGoDuration, statusRpcContracts } from "@tribune/api";
import { decodeStruct } from "../../codec/struct-msgpack.ts";
import type { ServerMember } from "../../pool/server-tags.ts";
import type { RpcPool } from "../../rpc/types.ts";
import { targetOf } from "./server-calls.ts";

const TIMEOUT_MS = 5_000;
/** A msgpack map without members. */
const NOTHING = new Uint8Array([0x80]);

/**
 * Milliseconds since this server heard of a leader, 0 if it leads; undefined: never, or it does not answer. What
 * autopilot asks the servers too (`Status.RaftStats`), so that every Consul server answers it.
 */
export async function leaderContactMs(pool: Pick<RpcPool, "call">, server: ServerMember): Promise<number | undefined> {
  const { rpc, reply } = statusRpcContracts.statusRaftStats;
  try {
    const { LastContact } = decodeStruct(
      reply,
      await pool.call(targetOf(server), rpc, NOTHING, { timeoutMs: TIMEOUT_MS }),
    );
    const ns = parseGoDuration(LastContact); // "never" is none
    return ns === undefined ? undefined : ns / 1e6;
  } catch {
    return undefined; // whatever it was, nobody knows what this server knows
  }
}
