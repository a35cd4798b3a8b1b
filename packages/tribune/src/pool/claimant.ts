/**
 * Whether somebody else answers by our name at another address. A vote about the name asks the others what they heard last,
 * and that may be ourselves before our host moved: nobody need be there any more.
 */
import type { Ping } from "../codec/memberlist-messages.ts";
import type { Endpoint } from "../gossip/swim/endpoint.ts";
import type { ExchangeId } from "../gossip/swim/types.ts";
import { randomInt } from "../lib/random.ts";
import type { Rng } from "../lib/runtime.ts";
import { Exchanges, type ExchangesOptions } from "./exchanges.ts";

const SEQ_NO_END = 2 ** 32;

export interface ClaimantOptions extends Omit<ExchangesOptions, "onReply" | "onFailed" | "onRequest"> {
  readonly rng: Rng;
}

export class Claimant {
  readonly #exchanges: Exchanges;
  readonly #timeoutMs: number;
  /** Of our ping: nobody else's has it. */
  readonly #seqNo: number;
  readonly #waiting = new Map<ExchangeId, (answers: boolean) => void>();
  #last = 0;

  constructor(options: ClaimantOptions) {
    this.#timeoutMs = options.timeoutMs;
    this.#seqNo = randomInt(options.rng, SEQ_NO_END);
    this.#exchanges = new Exchanges({
      ...options,
      onReply: (exchange, message) => this.#settle(exchange, message.type === "ack"),
      onFailed: (exchange) => this.#settle(exchange, false),
      onRequest: () => {},
    });
  }

  /** Over TCP, by which a member answers a ping for its own name only. Never settles once closed. */
  answers(name: string, at: Endpoint): Promise<boolean> {
    const exchange = ++this.#last as ExchangeId;
    const source = { sourceAddr: new Uint8Array(0), sourcePort: 0, sourceNode: name };
    const ping: Ping = { type: "ping", seqNo: this.#seqNo, node: name, ...source };
    return new Promise((resolve) => {
      this.#waiting.set(exchange, resolve);
      this.#exchanges.dial(exchange, at, ping, this.#timeoutMs);
    });
  }

  /** A ping has come to us. If it is ours, that address is our host's as well, and whoever answers there is no other. */
  heardPing(seqNo: number): void {
    if (seqNo !== this.#seqNo) return;
    for (const exchange of [...this.#waiting.keys()]) this.#settle(exchange, false);
  }

  #settle(exchange: ExchangeId, answers: boolean): void {
    this.#waiting.get(exchange)?.(answers);
    this.#waiting.delete(exchange);
  }

  close(): void {
    this.#exchanges.close();
  }
}
