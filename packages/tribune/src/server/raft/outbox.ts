import type { ExchangeId, RaftEffect, RaftMessage, ServerId, WriteId } from "../../raft/types.ts";

type Send = Extract<RaftEffect, { type: "send" }>;

/** Holds each message until the write it speaks of is durable (Raft Figure 2: storage first, then the answer). */
export class Outbox {
  readonly #send: (to: ServerId, exchange: ExchangeId, message: RaftMessage) => void;
  /** Ascending by `after`: a later message never waits for an earlier write. */
  #held: Send[] = [];
  #durable = 0 as WriteId;

  constructor(send: (to: ServerId, exchange: ExchangeId, message: RaftMessage) => void) {
    this.#send = send;
  }

  post(effect: Send): void {
    if (effect.after === undefined || effect.after <= this.#durable)
      this.#send(effect.to, effect.exchange, effect.message);
    else this.#held.push(effect);
  }

  durable(write: WriteId): void {
    if (write <= this.#durable) return;
    this.#durable = write;
    let free = 0;
    while (free < this.#held.length && this.#held[free]!.after! <= write) free++;
    if (free === 0) return;
    const sent = this.#held.slice(0, free);
    this.#held = this.#held.slice(free);
    for (const { to, exchange, message } of sent) this.#send(to, exchange, message);
  }
}
