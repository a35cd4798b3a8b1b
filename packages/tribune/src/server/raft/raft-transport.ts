import type { RaftHeader, RaftRpc } from "../../codec/raft-messages.ts";
import type { Logger } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { Cancel, Runtime, Stream } from "../../lib/runtime.ts";
import type { ExchangeId, RaftInput, RaftMessage, RaftRequest, ServerId, SnapshotMeta } from "../../raft/types.ts";
import type { StoredSnapshot } from "../storage-port.ts";
import { Inbound, type StateSink } from "./inbound.ts";
import { Lane, type LaneOutcome } from "./lane.ts";
import { isHeartbeat, RequestEncoder } from "./request-encoder.ts";
import { sendSnapshot } from "./snapshot-sender.ts";
import { fromWireReply, headerOf, isReply, UNEXPECTED_COMMAND } from "./wire.ts";

export interface RaftTransportDependencies {
  readonly runtime: Pick<Runtime, "clock" | "timers">;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly self: { readonly id: ServerId; readonly address: string };
  /** A stream to the Raft listener at `host:port`, behind the byte that asks for Raft, TLS inside. */
  readonly dial: (id: ServerId, address: string) => Promise<Stream>;
  /** Where a server is: by the member list, else by the peer set. */
  readonly addressOf: (id: ServerId) => string | undefined;
  /** Whose RPC listener this address is; undefined for one nobody has. */
  readonly idOf: (address: string) => ServerId | undefined;
  /** The snapshot the core speaks of, while we still have it. */
  readonly snapshot: (meta: SnapshotMeta) => StoredSnapshot | undefined;
  readonly feed: (input: RaftInput) => void;
}

/** hashicorp's timeout for one exchange. */
export const RAFT_IO_TIMEOUT_MS = 10_000;
/** Elections are rare, and a connection left from the last one may lead to a process that is gone. */
const ELECTION_IDLE_MS = 1_000;
/** After a leader's last connection closed: how long to wait before each further look whether its port is closed too. */
const GONE_RETRIES_MS = [20, 60, 150] as const;
/** Connections that peers may have open here; seven servers need fewer than thirty. */
export const RAFT_INBOUND_MAX = 256;

/** Connections of one peer. Three, as hashicorp's pool has, besides one for each snapshot on its way. */
interface Lanes {
  /** Alone, so that a large append never makes the leader look dead. */
  readonly heartbeat: Lane;
  readonly append: Lane;
  readonly election: Lane;
}

/** A request that a peer waits for, and what its time is measured as. */
interface Asked {
  readonly inbound: Inbound;
  readonly metric: string;
  readonly atMs: number;
}

/**
 * Carries the Raft core's messages to the peers and theirs to the core, as hashicorp's network transport does (sheet
 * raft §1-3). Every request ends in exactly one input: the reply, or `exchangeFailed`.
 */
export class RaftTransport {
  readonly #d: RaftTransportDependencies;
  readonly #header: RaftHeader;
  readonly #encoder: RequestEncoder;
  readonly #peers = new Map<ServerId, Lanes>();
  readonly #inbound = new Set<Inbound>();
  readonly #asked = new Map<ExchangeId, Asked>();
  readonly #snapshots = new Set<Cancel>();
  #cancelRetain: Cancel = () => {};
  #lastExchange = 0;
  #closed = false;

  constructor(dependencies: RaftTransportDependencies) {
    this.#d = dependencies;
    this.#header = headerOf(dependencies.self.id, dependencies.self.address);
    this.#encoder = new RequestEncoder(this.#header);
  }

  /** Connections that peers opened. */
  get inboundCount(): number {
    return this.#inbound.size;
  }

  send(to: ServerId, exchange: ExchangeId, message: RaftMessage): void {
    if (isReply(message)) {
      const asked = this.#asked.get(exchange);
      if (asked === undefined) return; // no connection any more: nobody waits
      this.#asked.delete(exchange);
      asked.inbound.answer(exchange, message);
      this.#d.metrics.sample(asked.metric, this.#d.runtime.clock.nowMs() - asked.atMs);
      return;
    }
    if (message.type === "installSnapshot") this.#sendSnapshot(to, exchange, message);
    else this.#request(to, exchange, message);
  }

  /** Takes over a connection whose first byte asked for Raft. */
  accept(stream: Stream): void {
    if (this.#closed || this.#inbound.size >= RAFT_INBOUND_MAX) {
      stream.destroy();
      return;
    }
    const inbound = new Inbound(stream, {
      nextExchange: () => ++this.#lastExchange as ExchangeId,
      request: (from, exchange, wire, message) => {
        this.#asked.set(exchange, {
          inbound: from,
          metric: timeOf(message),
          atMs: this.#d.runtime.clock.nowMs(),
        });
        const address = addressIn(wire) ?? from.leader;
        const id = wire.id === "" ? this.#idOf(address, from) : (wire.id as ServerId);
        if (wire.type === "appendEntries" || wire.type === "installSnapshot") from.leader = id;
        this.#d.feed({
          type: "message",
          from: id,
          exchange,
          message,
          ...(address === undefined || address === "" ? {} : { address }),
        });
      },
      closed: (gone) => this.#inboundClosed(gone),
      nonsense: (from, reason) => {
        this.#d.metrics.count("raft.transport.nonsense");
        this.#d.logger.warn("closing a raft connection on which nothing sensible comes", {
          from: from.remoteAddress,
          reason,
        });
      },
    });
    this.#inbound.add(inbound);
  }

  /** For the effect `receiveSnapshot`. */
  receiveSnapshot(exchange: ExchangeId, sink: StateSink): void {
    const asked = this.#asked.get(exchange);
    if (asked === undefined || !asked.inbound.takeState(exchange, sink))
      sink.fail("the leader's connection was closed");
  }

  /** Peers that left the configuration are not called any more, once they had time to hear of it. */
  retain(ids: ReadonlySet<ServerId>): void {
    this.#cancelRetain();
    this.#cancelRetain = this.#d.runtime.timers.after(RAFT_IO_TIMEOUT_MS, () => this.#closeOthers(ids));
  }

  #closeOthers(ids: ReadonlySet<ServerId>): void {
    for (const [id, lanes] of this.#peers) {
      if (ids.has(id)) continue;
      this.#peers.delete(id);
      for (const lane of [lanes.heartbeat, lanes.append, lanes.election]) lane.close();
    }
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetain();
    this.#closeOthers(new Set());
    for (const cancel of [...this.#snapshots]) cancel();
    for (const inbound of [...this.#inbound]) inbound.close();
  }

  // ---- going out ----

  #lanes(to: ServerId): Lanes {
    const known = this.#peers.get(to);
    if (known !== undefined) return known;
    const lane = (idleMs: number): Lane =>
      new Lane({ runtime: this.#d.runtime, dial: () => this.#dial(to) }, { timeoutMs: RAFT_IO_TIMEOUT_MS, idleMs });
    const lanes: Lanes = {
      heartbeat: lane(Number.POSITIVE_INFINITY),
      append: lane(Number.POSITIVE_INFINITY),
      election: lane(ELECTION_IDLE_MS),
    };
    this.#peers.set(to, lanes);
    return lanes;
  }

  async #dial(to: ServerId): Promise<Stream> {
    const address = this.#d.addressOf(to);
    if (address === undefined) throw new Error(`no address is known for server ${to}`);
    return this.#d.dial(to, address);
  }

  #request(to: ServerId, exchange: ExchangeId, message: RaftRequest): void {
    const lanes = this.#lanes(to);
    const lane =
      message.type !== "appendEntries" ? lanes.election : isHeartbeat(message) ? lanes.heartbeat : lanes.append;
    const type = message.type as RaftRpc;
    const { clock } = this.#d.runtime;
    const startedMs = clock.nowMs();
    lane.send({
      type,
      encode: () => this.#encoder.encode(message),
      done: (outcome) => {
        if (this.#closed) return;
        if (message.type === "appendEntries" && "reply" in outcome) {
          const what = lane === lanes.heartbeat ? "heartbeat" : "appendEntries.rpc";
          this.#d.metrics.sample(`raft.replication.${what}.${to}`, clock.nowMs() - startedMs);
          if (message.entries.length > 0)
            this.#d.metrics.count(`raft.replication.appendEntries.logs.${to}`, message.entries.length);
        }
        if (message.type === "requestPreVote" && "failed" in outcome && outcome.failed === "closed")
          this.#askWhetherAlive(lane, exchange);
        else this.#settle(to, exchange, outcome);
      },
    });
  }

  /**
   * A peer of Consul 1.10 hangs up on a pre-vote; so does one that just died. A vote in term 0, which is always refused
   * and changes nothing, tells them apart.
   */
  #askWhetherAlive(lane: Lane, exchange: ExchangeId): void {
    const log = { lastLogIndex: 0, lastLogTerm: 0 };
    const message: RaftRequest = { type: "requestVote", term: 0, ...log, leadershipTransfer: false };
    lane.send({
      type: "requestVote",
      encode: () => this.#encoder.encode(message),
      done: (outcome) => {
        if (this.#closed) return;
        const reason = "failed" in outcome ? "failed" : "unsupported";
        this.#d.feed({ type: "exchangeFailed", exchange, reason });
      },
    });
  }

  #sendSnapshot(to: ServerId, exchange: ExchangeId, message: Extract<RaftRequest, { type: "installSnapshot" }>): void {
    const { runtime, logger, metrics } = this.#d;
    const snapshot = this.#d.snapshot(message.snapshot);
    if (snapshot === undefined) {
      // A newer one took its place meanwhile: the core asks again with that.
      runtime.timers.soon(() => this.#d.feed({ type: "exchangeFailed", exchange, reason: "failed" }));
      return;
    }
    const startedMs = runtime.clock.nowMs();
    logger.info("sending a snapshot", { to, index: message.snapshot.index, bytes: snapshot.bytes });
    const cancel = sendSnapshot({
      snapshot,
      message,
      header: this.#header,
      dial: () => this.#dial(to),
      runtime,
      ioTimeoutMs: RAFT_IO_TIMEOUT_MS,
      done: (outcome) => {
        this.#snapshots.delete(cancel);
        if (this.#closed) return;
        if ("failed" in outcome) logger.warn("failed to send a snapshot", { to, error: outcome.cause });
        metrics.sample("raft.replication.installSnapshot", runtime.clock.nowMs() - startedMs);
        this.#settle(to, exchange, outcome);
      },
    });
    this.#snapshots.add(cancel);
  }

  #settle(to: ServerId, exchange: ExchangeId, outcome: LaneOutcome): void {
    const { feed, logger } = this.#d;
    if ("failed" in outcome) {
      feed({ type: "exchangeFailed", exchange, reason: "failed" });
    } else if (outcome.error === "") {
      feed({ type: "message", from: to, exchange, message: fromWireReply(outcome.reply) });
    } else {
      const unsupported = outcome.error.includes(UNEXPECTED_COMMAND);
      if (!unsupported) logger.warn("a raft peer answered with an error", { peer: to, error: outcome.error });
      feed({ type: "exchangeFailed", exchange, reason: unsupported ? "unsupported" : "failed" });
    }
  }

  // ---- coming in ----

  #idOf(address: string | undefined, from: Inbound): ServerId {
    const named = address === undefined ? undefined : this.#d.idOf(address);
    return named ?? ((address ?? from.leader ?? from.remoteAddress) as ServerId);
  }

  /**
   * A leader keeps at least one connection to each follower. When the last of them closes its process may be gone, and
   * is for sure if its host refuses a new one: then the core is told. A cut cable refuses nothing.
   */
  #inboundClosed(gone: Inbound): void {
    this.#inbound.delete(gone);
    for (const [exchange, { inbound }] of this.#asked) if (inbound === gone) this.#asked.delete(exchange);
    const { leader } = gone;
    if (this.#closed || leader === undefined) return;
    for (const other of this.#inbound) if (other.leader === leader) return;
    this.#askWhetherGone(leader as ServerId, 0);
  }

  #askWhetherGone(peer: ServerId, attempt: number): void {
    const again = (): void => {
      const delayMs = GONE_RETRIES_MS[attempt];
      if (delayMs === undefined || this.#closed) return;
      this.#d.runtime.timers.after(delayMs, () => {
        if (!this.#closed) this.#askWhetherGone(peer, attempt + 1);
      });
    };
    this.#dial(peer).then(
      (stream) => {
        // A process on its way out closes its sockets one after the other, and the listener may be the last.
        stream.destroy();
        again();
      },
      (error: unknown) => {
        if (this.#closed) return;
        if (isRefused(error)) this.#d.feed({ type: "peerConnectionLost", peer });
        else again();
      },
    );
  }
}

/** hashicorp's name for the time to answer a request. */
function timeOf(message: RaftRequest): string {
  if (message.type === "appendEntries") return isHeartbeat(message) ? HEARTBEAT_TIME : "raft.rpc.appendEntries";
  return message.type === "installSnapshot" ? "raft.rpc.installSnapshot" : "raft.rpc.requestVote";
}

const HEARTBEAT_TIME = "raft.rpc.processHeartbeat";

/** Whether a machine said that nobody listens there; others' errors wrap the system's. */
function isRefused(error: unknown): boolean {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++)
    if ((at as Error & { readonly code?: unknown }).code === "ECONNREFUSED") return true;
  return false;
}

/** The address the sender gives for itself, if it does. */
function addressIn(wire: Parameters<ConstructorParameters<typeof Inbound>[1]["request"]>[2]): string | undefined {
  if (wire.address !== "") return wire.address;
  if (wire.type === "appendEntries" || wire.type === "installSnapshot") return wire.leader;
  return wire.type === "requestVote" ? wire.candidate : undefined;
}
