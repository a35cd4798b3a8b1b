import { make, SnapshotRequest } from "@tribune/api";
import type { SavedSnapshot, SnapshotApi, SnapshotOptions } from "../../endpoints/agent-api.ts";
import { TribuneError } from "../../lib/errors.ts";
import type { Stream } from "../../lib/runtime.ts";
import { restoreOverStream, saveOverStream } from "../../rpc/snapshot-stream.ts";
import { type RpcPool, RpcRemoteError, RpcTransportError } from "../../rpc/types.ts";
import { targetOf } from "./server-calls.ts";
import type { ServerList } from "./server-list.ts";

/** Snapshots of the datacenter, over a connection to a server of their own each. */
export class ClientSnapshots implements SnapshotApi {
  readonly #servers: Pick<ServerList, "active" | "failed">;
  readonly #rpc: Pick<RpcPool, "dial">;

  constructor(servers: Pick<ServerList, "active" | "failed">, rpc: Pick<RpcPool, "dial">) {
    this.#servers = servers;
    this.#rpc = rpc;
  }

  async save(options: SnapshotOptions): Promise<SavedSnapshot> {
    const { response, start } = await this.#over((stream) => saveOverStream(stream, requestOf(options)));
    const { Index, KnownLeader, LastContact } = response;
    return { meta: { index: Index, knownLeader: KnownLeader, lastContactMs: LastContact / 1e6 }, start };
  }

  async restore(archive: AsyncIterable<Uint8Array>, options: SnapshotOptions): Promise<void> {
    await this.#over((stream) => restoreOverStream(stream, requestOf(options), archive));
  }

  async #over<T>(use: (stream: Stream) => Promise<T>): Promise<T> {
    const server = this.#servers.active;
    if (server === undefined) throw TribuneError.of("NO_SERVERS");
    try {
      return await use(await this.#rpc.dial(targetOf(server), "snapshot"));
    } catch (error) {
      if (error instanceof RpcRemoteError) throw TribuneError.fromWire(error.message);
      if (error instanceof TribuneError) throw error;
      // Not for an archive that broke off on its way to us: the server has nothing to do with that.
      if (error instanceof RpcTransportError) this.#servers.failed(server);
      throw new TribuneError("unavailable", error instanceof Error ? error.message : String(error), { cause: error });
    }
  }
}

function requestOf({ datacenter, token, stale }: SnapshotOptions): SnapshotRequest {
  return make(SnapshotRequest, { Datacenter: datacenter, Token: token, AllowStale: stale });
}
