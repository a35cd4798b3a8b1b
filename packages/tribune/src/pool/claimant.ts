/**
 * Whether somebody answers by our name at another address. A vote about the name asks the others what they heard last,
 * and that may be ourselves before our host moved: nobody need be there any more.
 */
import type { Ping } from "../codec/memberlist-messages.ts";
import type { Endpoint } from "../gossip/swim/endpoint.ts";
import type { ExchangeId } from "../gossip/swim/types.ts";
import { Exchanges, type ExchangesOptions } from "./exchanges.ts";

/** Any: each connection has one ping. */
const SEQ_NO = 1;

export class Claimant {
  readonly #exchanges: Exchanges;
  readonly #timeoutMs: number;
  readonly #waiting = new Map<ExchangeId, (answers: boolean) => void>();
  #last = 0;

  constructor(options: Omit<ExchangesOptions, "onReply" | "onFailed" | "onRequest">) {
    this.#timeoutMs = options.timeoutMs;
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
    const ping: Ping = { type: "ping", seqNo: SEQ_NO, node: name, ...source };
    return new Promise((resolve) => {
      this.#waiting.set(exchange, resolve);
      this.#exchanges.dial(exchange, at, ping, this.#timeoutMs);
    });
  }

  #settle(exchange: ExchangeId, answers: boolean): void {
    this.#waiting.get(exchange)?.(answers);
    this.#waiting.delete(exchange);
  }

  close(): void {
    this.#exchanges.close();
  }
}
