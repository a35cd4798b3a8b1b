import { randomInt } from "../../lib/random.ts";
import type { ExchangeId, RaftEffect, RaftMessage, SnapshotMeta } from "../../raft/index.ts";
import type { ServerId } from "../../raft/types.ts";
import type { SimDisk } from "../sim-disk.ts";
import type { Host, Life } from "./life.ts";
import type { ServerDisk } from "./server-disk.ts";

/** A server's side of the network: requests with their deadlines, replies, and the bytes of snapshots. */
export class Messages {
  readonly #host: Host;
  readonly #knowsPreVote: () => boolean;

  constructor(host: Host, knowsPreVote: () => boolean) {
    this.#host = host;
    this.#knowsPreVote = knowsPreVote;
  }

  send(life: Life, effect: Extract<RaftEffect, { type: "send" }>): void {
    const { broken } = this.#host.world;
    const { type } = effect.message;
    const isReply = type.endsWith("Reply");
    const reply = isReply ? life.inbound.get(effect.exchange) : undefined;
    if (isReply) life.inbound.delete(effect.exchange);
    const send = (): void => {
      if (isReply) reply?.(effect.message);
      else this.#request(life, effect);
    };
    const early =
      (broken === "vote-before-durable" && type === "requestVoteReply") ||
      (broken === "ack-before-durable" && type === "appendEntriesReply");
    if (effect.after === undefined || effect.after <= life.durable || early) send();
    else life.held.push({ after: effect.after, send });
    if (effect.after === undefined) return;
    if (type === "requestVoteReply") this.#host.reached("votes");
    if (type === "appendEntriesReply") this.#host.reached("acknowledges");
  }

  #request(life: Life, effect: Extract<RaftEffect, { type: "send" }>): void {
    const { sim, network, servers, exchangeTimeoutMs } = this.#host.world;
    const { to, exchange, message } = effect;
    const failed = (): void => {
      if (life.exchanges.delete(exchange))
        this.#host.feed(life, { type: "exchangeFailed", exchange, reason: "failed" });
    };
    // A deadline; sometimes the connection breaks earlier than that.
    const cancel = sim.after(exchangeTimeoutMs * (0.5 + this.#host.rng.next() / 2), failed);
    life.exchanges.set(exchange, cancel);
    const bytes = message.type === "installSnapshot" ? snapshotBytes(this.#host.disk, message.snapshot) : undefined;
    if (message.type === "installSnapshot") {
      cancel(); // the stream has its own end
      if (bytes === undefined) {
        sim.after(1, failed); // replaced by a newer one meanwhile
        return;
      }
      life.exchanges.set(exchange, sim.after(4 * exchangeTimeoutMs, failed));
    }
    network.send(this.#host.id, to, () => {
      servers.get(to)?.deliver(this.#host.id, message, bytes, (reply) => {
        network.send(to, this.#host.id, () => this.#replied(life, to, exchange, reply));
      });
    });
  }

  #replied(life: Life, from: ServerId, exchange: ExchangeId, reply: RaftMessage | "unsupported"): void {
    if (!this.#host.isCurrent(life)) return;
    const cancel = life.exchanges.get(exchange);
    if (cancel === undefined) return; // failed already, or answered by a double
    cancel();
    life.exchanges.delete(exchange);
    if (reply === "unsupported") this.#host.feed(life, { type: "exchangeFailed", exchange, reason: "unsupported" });
    else this.#host.feed(life, { type: "message", from, exchange, message: reply });
  }

  /** @param answer takes the reply back to who asked */
  deliver(
    life: Life,
    from: ServerId,
    message: RaftMessage,
    bytes: string | undefined,
    answer: (message: RaftMessage | "unsupported") => void,
  ): void {
    const { sim, checker } = this.#host.world;
    sim.record(`${from}>${this.#host.id} ${describe(message)}`);
    if (message.type === "requestPreVote" && !this.#knowsPreVote()) {
      answer("unsupported");
      return;
    }
    const exchange = this.#host.newId() as ExchangeId;
    life.inbound.set(exchange, (reply) => {
      sim.record(`${this.#host.id}>${from} ${describe(reply)}`);
      if (reply.type === "requestVoteReply" && reply.granted) checker.votes(this.#host.id, reply.term, from);
      answer(reply);
    });
    if (bytes !== undefined) life.incoming.set(exchange, bytes);
    this.#host.feed(life, { type: "message", from, address: `${from}:8300`, exchange, message });
  }

  /** The bytes behind an accepted snapshot, some chunks over some time, cut off by a partition. */
  receive(life: Life, from: ServerId, exchange: ExchangeId): void {
    const { sim, network } = this.#host.world;
    let chunks = 1 + randomInt(this.#host.rng, 4);
    const next = (): void => {
      if (!this.#host.isCurrent(life) || !life.incoming.has(exchange)) return;
      if (network.isBlocked(from, this.#host.id) || this.#host.rng.next() < network.faults.loss / 4) {
        life.incoming.delete(exchange);
        this.#host.feed(life, { type: "snapshotFailed", exchange });
        return;
      }
      if (--chunks > 0) {
        this.#host.feed(life, { type: "snapshotChunk", exchange });
        sim.after(randomInt(this.#host.rng, 30), next);
      } else {
        this.#host.feed(life, { type: "snapshotReceived", exchange });
      }
    };
    sim.after(randomInt(this.#host.rng, 30), next);
  }
}

function snapshotBytes(disk: SimDisk<ServerDisk>, meta: SnapshotMeta): string | undefined {
  const { snapshot } = disk.durable;
  return snapshot?.meta.index === meta.index && snapshot.meta.term === meta.term ? snapshot.state : undefined;
}

/** For the trace. */
function describe(message: RaftMessage): string {
  switch (message.type) {
    case "appendEntries":
      return message.entries.length === 0 && message.prevLogIndex === 0
        ? `heartbeat ${message.term}`
        : `append ${message.term} behind ${message.prevLogIndex}/${message.prevLogTerm}: ${message.entries.length}, commit ${message.leaderCommit}`;
    case "appendEntriesReply":
      return `append reply ${message.term} ${message.success ? "ok" : "no"} ${message.lastLog}`;
    case "requestVote":
    case "requestPreVote":
      return `${message.type} ${message.term}, log ${message.lastLogIndex}/${message.lastLogTerm}`;
    case "requestVoteReply":
    case "requestPreVoteReply":
      return `${message.type} ${message.term} ${message.granted ? "granted" : "refused"}`;
    case "installSnapshot":
      return `snapshot ${message.snapshot.index}/${message.snapshot.term} in term ${message.term}`;
    case "installSnapshotReply":
      return `snapshot reply ${message.success ? "ok" : "no"}`;
    case "timeoutNow":
    case "timeoutNowReply":
      return message.type;
  }
}
