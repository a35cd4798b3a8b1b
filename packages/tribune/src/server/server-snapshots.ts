/** Snapshots as a server gives and takes them: its own, or the leader's over a connection of their own. */
import { make, SnapshotRequest, SnapshotResponse } from "@tribune/api";
import type { SavedSnapshot, SnapshotApi, SnapshotOptions } from "../endpoints/agent-api.ts";
import { wireMeta } from "../endpoints/wire-meta.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Stream } from "../lib/runtime.ts";
import { restoreOverStream, type SnapshotServer, saveOverStream } from "../rpc/snapshot-stream.ts";
import { type RpcPool, RpcRemoteError, type RpcTarget, RpcTransportError } from "../rpc/types.ts";
import type { Server } from "./server.ts";

export interface ServerSnapshotsDependencies {
  readonly server: Server;
  readonly datacenter: string;
  readonly pool: Pick<RpcPool, "dial">;
  readonly leader: () => RpcTarget | undefined;
}

export class ServerSnapshots implements SnapshotApi {
  readonly #d: ServerSnapshotsDependencies;

  constructor(dependencies: ServerSnapshotsDependencies) {
    this.#d = dependencies;
  }

  async save(options: SnapshotOptions): Promise<SavedSnapshot> {
    const { server } = this.#d;
    const target = this.#target(options);
    if (target === "here") {
      if (!options.stale) await server.verifyLeader();
      return { meta: server.operator.queryMeta(), start: (sink) => server.snapshots.save(sink) };
    }
    const { response, start } = await over(this.#dial(target), (stream) => saveOverStream(stream, requestOf(options)));
    const { Index, KnownLeader, LastContact } = response;
    return { meta: { index: Index, knownLeader: KnownLeader, lastContactMs: LastContact / 1e6 }, start };
  }

  async restore(archive: AsyncIterable<Uint8Array>, options: SnapshotOptions): Promise<void> {
    if (options.stale) throw TribuneError.internal("stale not allowed for restore");
    const target = this.#target(options);
    if (target === "here") return this.#d.server.snapshots.restore(archive);
    await over(this.#dial(target), (stream) => restoreOverStream(stream, requestOf(options), archive));
  }

  /** For connections that others open to us. */
  readonly served: SnapshotServer = {
    save: async (request) => {
      const { meta, start } = await this.save(optionsOf(request));
      return { response: make(SnapshotResponse, wireMeta(meta)), start };
    },
    restore: async (request, archive) => {
      await this.restore(archive, optionsOf(request));
      return make(SnapshotResponse, wireMeta(this.#d.server.operator.queryMeta()));
    },
  };

  #target({ datacenter, stale }: SnapshotOptions): "here" | RpcTarget {
    const { server, leader } = this.#d;
    if (datacenter !== "" && datacenter !== this.#d.datacenter) throw TribuneError.of("NO_DC_PATH");
    if (stale || server.isLeader) return "here";
    const target = leader();
    // Nobody else leads: it is this server's to wait until it does, or to refuse.
    if (target === undefined) throw TribuneError.of("NO_LEADER");
    return target;
  }

  #dial(target: RpcTarget): Promise<Stream> {
    return this.#d.pool.dial(target, "snapshot");
  }
}

function requestOf({ datacenter, token, stale }: SnapshotOptions): SnapshotRequest {
  return make(SnapshotRequest, { Datacenter: datacenter, Token: token, AllowStale: stale });
}

function optionsOf({ Datacenter, Token, AllowStale }: SnapshotRequest): SnapshotOptions {
  return { datacenter: Datacenter, token: Token, stale: AllowStale };
}

async function over<T>(dialling: Promise<Stream>, use: (stream: Stream) => Promise<T>): Promise<T> {
  try {
    return await use(await dialling);
  } catch (error) {
    if (error instanceof RpcRemoteError) throw TribuneError.fromWire(error.message);
    if (error instanceof RpcTransportError) throw new TribuneError("unavailable", error.message, { cause: error });
    throw error;
  }
}
