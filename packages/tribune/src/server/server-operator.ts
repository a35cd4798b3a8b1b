import type { AutopilotConfig } from "@tribune/api";
import type { OperatorApi, RaftPeer, ServerHealth } from "../endpoints/agent-api.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { ServerMember } from "../pool/server-tags.ts";
import type { ServerId } from "../raft/types.ts";
import { autopilotConfig } from "../state/autopilot.ts";
import { getNodeById } from "../state/catalog/nodes.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { hostPort, type ServerIdentity } from "./identity.ts";
import type { Autopilot, AutopilotServer } from "./leader/autopilot.ts";
import type { RaftStats } from "./leader/server-health.ts";
import type { Leadership } from "./leadership.ts";
import { raftPeersOf, serverHealthOf } from "./operator-view.ts";
import type { RaftHost, RoleChange } from "./raft-host.ts";
import type { Freshness } from "./reads.ts";
import { foremostById, type ServerDirectory } from "./server-directory.ts";
import type { StateMachine } from "./state-machine-port.ts";

export interface ServerOperatorDependencies {
  readonly identity: ServerIdentity;
  /** Without a pool and an RPC port: nobody's metadata is looked up. */
  readonly alone: boolean;
  readonly directory: ServerDirectory;
  readonly leadership: Leadership;
  readonly autopilot: () => Autopilot;
  readonly db: StateMachine["db"];
  readonly logger: Logger;
  readonly host: () => RaftHost;
  readonly role: () => RoleChange;
  readonly freshness: () => Freshness;
}

/** What operators and other servers ask of this one's place among the servers, and what they change about it. */
export class ServerOperator implements OperatorApi {
  readonly #d: ServerOperatorDependencies;

  constructor(dependencies: ServerOperatorDependencies) {
    this.#d = dependencies;
  }

  /** `host:port` of the leader as far as this server knows; "" when it knows none. */
  leaderAddress(): string {
    const { leader, leaderAddress } = this.#d.role();
    if (leader === undefined) return "";
    if (leader === this.#d.identity.id) return hostPort(this.#d.identity.address, this.#d.identity.rpcPort);
    return this.#d.directory.addressOf(leader) ?? leaderAddress ?? "";
  }

  /** Node id of the leader, as far as this server knows. */
  get leaderId(): string | undefined {
    return this.#d.role().leader;
  }

  /** The leader as the members describe it; undefined for none, for ourselves, and for one they do not know yet. */
  leaderMember(): ServerMember | undefined {
    const { leader } = this.#d.role();
    return leader === undefined ? undefined : this.#d.directory.byId(leader);
  }

  /** What this server says to `Status.RaftStats`. */
  raftStats(): RaftStats {
    const { lastLogTerm, lastLogIndex } = this.#d.host().status();
    const lastContactMs = this.#d.role().role === "leader" ? 0 : this.#d.host().lastContactMs;
    return { lastContactMs, lastTerm: lastLogTerm, lastIndex: lastLogIndex };
  }

  peerAddresses(): readonly string[] {
    return this.#d
      .host()
      .status()
      .configuration.servers.map((server) => server.address);
  }

  raftPeers(): readonly RaftPeer[] {
    return raftPeersOf(this.#d.host().status(), this.knownServers());
  }

  /** Servers that the members name, ourselves always. */
  knownServers(): ReadonlyMap<string, AutopilotServer> {
    const { identity } = this.#d;
    const self: AutopilotServer = {
      id: identity.id,
      name: identity.name,
      address: hostPort(identity.address, identity.rpcPort),
      alive: true,
      left: false,
      serfStatus: "alive",
      version: identity.version,
      raftVersion: 3,
      replica: false,
    };
    const known = new Map<string, AutopilotServer>();
    for (const server of foremostById(this.#d.directory.servers()).values()) {
      // One that is leaving is still there: taking it out early would cost its vote.
      const serfStatus = server.status === "leaving" ? "alive" : server.status;
      known.set(server.id, {
        id: server.id,
        name: server.shortName,
        address: hostPort(server.host, server.port),
        alive: serfStatus === "alive",
        left: serfStatus === "left",
        serfStatus,
        version: server.version,
        raftVersion: server.raftVersion,
        replica: server.nonVoter,
      });
    }
    known.set(identity.id, self);
    return known;
  }

  /**
   * Before this server leaves the pool: hands leadership over, so that the rest elects nobody; without a taker it
   * takes itself out of the peer set.
   */
  async prepareLeave(): Promise<void> {
    const { servers } = this.#d.host().status().configuration;
    const voters = servers.filter(({ suffrage }) => suffrage !== "nonvoter").length;
    if (this.#d.role().role !== "leader" || voters <= 1) return;
    try {
      await this.transferLeadership();
    } catch (error) {
      this.#d.logger.warn("failed to transfer leadership, removing the server", { error });
      await this.#d.host().changeConfiguration({ type: "removeServer", id: this.#d.identity.id as ServerId });
    }
  }

  /** Whether this server is in the peer set: behind a leave it waits until it is not. */
  get isPeer(): boolean {
    return this.#d
      .host()
      .status()
      .configuration.servers.some(({ id }) => id === this.#d.identity.id);
  }

  /** Hands leadership to a voter, or to the one most up to date. Rejects when it did not take over in time. */
  async transferLeadership(id?: string): Promise<void> {
    await this.#d.host().transferLeadership(id as ServerId | undefined);
  }

  async removePeer(by: { readonly id: string } | { readonly address: string }): Promise<void> {
    if (!this.#d.leadership.ready) await this.#d.leadership.waitReady();
    const { servers } = this.#d.host().status().configuration;
    const found =
      "id" in by
        ? servers.find((server) => server.id === by.id)
        : servers.find((server) => server.address === by.address);
    if (found === undefined) {
      const what = "id" in by ? `id ${JSON.stringify(by.id)}` : `address ${JSON.stringify(by.address)}`;
      throw TribuneError.internal(`${what} was not found in the Raft configuration`);
    }
    await this.#d.host().changeConfiguration({ type: "removeServer", id: found.id });
  }

  autopilotConfig(): AutopilotConfig | undefined {
    return this.#d.db.peek((tx) => autopilotConfig(tx).config);
  }

  serverHealth(): {
    readonly healthy: boolean;
    readonly failureTolerance: number;
    readonly servers: readonly ServerHealth[];
  } {
    const metaOf = (id: string): Readonly<Record<string, string>> =>
      (this.#d.alone ? undefined : this.#d.db.peek((tx) => nodeMeta(tx, id))) ?? {};
    return serverHealthOf(this.#d.host().status(), this.knownServers(), this.#d.autopilot().health(), metaOf);
  }

  queryMeta(): { readonly index: number; readonly knownLeader: boolean; readonly lastContactMs: number } {
    return { index: Math.max(1, this.#d.host().appliedIndex), ...this.#d.freshness() };
  }
}

function nodeMeta(tx: ReadTx, id: string): Readonly<Record<string, string>> | null | undefined {
  try {
    return getNodeById(tx, id)?.Meta;
  } catch (error) {
    // An id that is no UUID belongs to no node.
    if (error instanceof TribuneError) return undefined;
    throw error;
  }
}
