import { DeregisterRequest, make, RegisterRequest, type Schema } from "@tribune/api";
import type { Logger } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { Cancel, Runtime } from "../../lib/runtime.ts";
import { keeps, type ServerMember, serverOf } from "../../pool/server-tags.ts";
import type { PoolEvent, PoolMember } from "../../pool/types.ts";
import { getNodeCheck } from "../../state/catalog/checks.ts";
import { checksInState } from "../../state/catalog/health-queries.ts";
import { nodeWithServices } from "../../state/catalog/node-queries.ts";
import { getNode } from "../../state/catalog/nodes.ts";
import type { Database } from "../../state/memdb/types.ts";
import { hostPort } from "../identity.ts";
import type { Autopilot } from "./autopilot.ts";
import { type CatalogView, type Reconciliation, reconcileMember, type SeenStatus, type Self } from "./reconcile.ts";
import { CONSUL_SERVICE, SERF_HEALTH } from "./self-registration.ts";

/** Consul's `ReconcileInterval`: what an event missed is found by then. */
const RECONCILE_INTERVAL_MS = 60_000;

const TYPE = { register: 0, deregister: 1 } as const;

export interface MemberDutiesDependencies {
  readonly self: Self;
  readonly db: Database;
  readonly runtime: Pick<Runtime, "clock" | "timers">;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly members: () => readonly PoolMember[];
  readonly autopilot: Autopilot;
  /** Why a server must not become a Raft peer now, if so. Asked before each is added. */
  readonly whyNotPeer: (server: ServerMember) => Promise<string | undefined>;
  readonly propose: <T>(type: number, schema: Schema<T>, request: T) => Promise<unknown>;
}

function isThere(status: PoolMember["status"]): boolean {
  return status === "alive" || status === "leaving";
}

/** Brings catalog and peer set in line with the gossip pool, one member after the other, while this server leads. */
export class MemberDuties {
  readonly #d: MemberDutiesDependencies;
  /** By name: of several events of one member only the newest counts. */
  readonly #pending = new Map<string, { readonly member: PoolMember; readonly status: SeenStatus }>();
  #leading = false;
  #working = false;
  #cancel: Cancel = () => {};
  /** A round over everybody is done when nothing is left to do. */
  #onDrained: (() => void) | undefined;

  constructor(dependencies: MemberDutiesDependencies) {
    this.#d = dependencies;
  }

  begin(): void {
    this.#leading = true;
    // A leader that just started may not have found the others yet: whom it does not know is not gone by that.
    this.#everybody({ findLost: false });
  }

  end(): void {
    this.#leading = false;
    this.#cancel();
    this.#pending.clear();
  }

  event(event: PoolEvent): void {
    if (!this.#leading || event.type === "user" || event.type === "query") return;
    for (const member of event.members)
      this.#pending.set(member.name, { member, status: event.type === "reap" ? "reap" : member.status });
    this.#work();
  }

  #everybody({ findLost }: { readonly findLost: boolean }): void {
    this.#cancel = this.#d.runtime.timers.after(RECONCILE_INTERVAL_MS, () => this.#everybody({ findLost: true }));
    const members = this.#d.members();
    for (const member of members) this.#pending.set(member.name, { member, status: member.status });
    if (findLost) this.#findLost(members);
    const startedMs = this.#d.runtime.clock.nowMs();
    this.#onDrained = () => this.#d.metrics.sample("leader.reconcile", this.#d.runtime.clock.nowMs() - startedMs);
    this.#work();
  }

  /** Those erased from the pool while nobody led here, or while nothing could be written. */
  #findLost(members: readonly PoolMember[]): void {
    const names = new Set(members.map(({ name }) => name));
    const serfChecks = this.#d.db
      .peek((tx) => checksInState(tx, "any").checks)
      .filter(({ CheckID }) => CheckID === SERF_HEALTH);
    for (const { Node: name } of serfChecks) {
      const known = this.#pending.has(name) || names.has(name);
      if (!known) this.#pending.set(name, { member: this.#lost(name), status: "reap" });
    }
  }

  /** A member that only the catalog remembers. */
  #lost(name: string): PoolMember {
    const found = this.#d.db.peek((tx) => nodeWithServices(tx, name));
    const server = found.services.find(({ ID }) => ID === CONSUL_SERVICE);
    const tags = new Map([
      ["dc", this.#d.self.datacenter],
      ["role", server === undefined ? "node" : "consul"],
      ["id", found.node?.ID ?? ""],
    ]);
    if (server !== undefined)
      for (const [tag, value] of [
        ["port", server.Port],
        ["vsn", 2],
        ["build", "0.0.0"],
      ] as const)
        tags.set(tag, String(value));
    const versions = { min: 0, max: 0, current: 0 };
    return {
      name,
      host: found.node?.Address ?? "",
      port: 0,
      tags,
      status: "left",
      protocol: versions,
      delegate: versions,
    };
  }

  #work(): void {
    if (this.#working) return;
    this.#working = true;
    this.#drain()
      .catch((error: unknown) => this.#d.logger.error("failed to reconcile members", { error }))
      .finally(() => {
        this.#working = false;
        if (this.#leading && this.#pending.size > 0) return this.#work();
        this.#onDrained?.();
        this.#onDrained = undefined;
      });
  }

  async #drain(): Promise<void> {
    const { self, logger, metrics, runtime } = this.#d;
    for (const [name, { member, status }] of this.#pending) {
      this.#pending.delete(name);
      const startedMs = runtime.clock.nowMs();
      for (const step of reconcileMember(member, status, this.#view(name), self)) {
        if (!this.#leading) return;
        try {
          await this.#carryOut(step, name);
        } catch (error) {
          // Its turn comes again with the next round.
          if (this.#leading) logger.error("failed to reconcile member", { member: name, error });
          break;
        }
      }
      metrics.sample("leader.reconcileMember", runtime.clock.nowMs() - startedMs);
    }
  }

  #view(name: string): CatalogView {
    return this.#d.db.peek((tx) => {
      const node = getNode(tx, name);
      if (node === undefined) return { node, serfHealth: undefined, serverMeta: undefined };
      const { services } = nodeWithServices(tx, name);
      return {
        node,
        serfHealth: getNodeCheck(tx, name, SERF_HEALTH)?.Status,
        serverMeta: services.find(({ ID }) => ID === CONSUL_SERVICE)?.Meta,
      };
    });
  }

  async #carryOut(step: Reconciliation, name: string): Promise<void> {
    const { autopilot, propose, logger } = this.#d;
    switch (step.type) {
      case "addServer": {
        const { id, host, port } = step.server;
        if (this.#bootstrapsAlone(step.server.name) || (await this.#mustStayOut(step.server))) return;
        await autopilot.addServer({ id, address: hostPort(host, port) });
        return;
      }
      case "removeServer":
        if (this.#goesByAnotherName(step.id, name)) return;
        await autopilot.removeServer(step.id);
        return;
      case "register": {
        const { Node: node, Check } = step.request;
        logger.info(
          Check?.Status === "passing"
            ? "member joined, marking health alive"
            : "member failed, marking health critical",
          { member: node },
        );
        await propose(TYPE.register, RegisterRequest, step.request);
        return;
      }
      case "deregister":
        logger.info("deregistering member", { member: step.request.Node });
        await propose(TYPE.deregister, DeregisterRequest, make(DeregisterRequest, step.request));
        return;
    }
  }

  /**
   * A host that took another name leaves the old one behind: that goes, and the server stays. One that is a client now is
   * no server any more, though it has kept its id.
   */
  #goesByAnotherName(id: string, name: string): boolean {
    const { members, self, logger } = this.#d;
    const other = members().find((member) => {
      if (member.name === name || member.tags.get("id") !== id || !isThere(member.status)) return false;
      const server = serverOf(member, "lan");
      return server?.datacenter === self.datacenter && server.segment === "";
    });
    if (other === undefined) return false;
    // Each round comes by here for as long as the pool knows the old name, which may be three days.
    logger.debug("server is there under another name, keeping it as Raft peer", {
      id,
      name: other.name,
      old: name,
    });
    return true;
  }

  async #mustStayOut(server: ServerMember): Promise<boolean> {
    if (keeps(server, "laterKinds") && keeps(server, "laterFields")) return false;
    const reason = await this.#d.whyNotPeer(server);
    if (reason === undefined) return false;
    const { name, version } = server;
    this.#d.logger.error("not adding this server as Raft peer", { server: name, version, reason });
    return true;
  }

  /** Two servers that each began a datacenter of their own are two datacenters: neither may swallow the other. */
  #bootstrapsAlone(name: string): boolean {
    const alone = this.#d.members().filter(({ tags }) => tags.get("role") === "consul" && tags.has("bootstrap"));
    if (!alone.some((member) => member.name === name)) return false;
    const other = alone.find((member) => member.name !== name);
    if (other === undefined) return false;
    this.#d.logger.error(
      "Two nodes are in bootstrap mode. Only one node should be in bootstrap mode, not adding Raft peer.",
      { node_to_add: name, other: other.name },
    );
    return true;
  }
}
