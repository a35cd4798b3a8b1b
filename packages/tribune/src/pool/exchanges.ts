/** Exchanges over TCP, one for each connection (sheet memberlist §6): ours, and those of peers. */
import { GossipCodecError } from "../codec/gossip-error.ts";
import type { Ack, Ping, RemoteError, User } from "../codec/memberlist-messages.ts";
import type { GossipSecurity } from "../codec/memberlist-packet.ts";
import { encodeStream, type PushPull, StreamDecoder, type StreamMessage } from "../codec/memberlist-stream.ts";
import { type Endpoint, endpointParts } from "../gossip/swim/endpoint.ts";
import type { ExchangeId } from "../gossip/swim/types.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Cancel, Clock, Network, Stream, Timers } from "../lib/runtime.ts";
import { encryptionHint } from "./encryption-hint.ts";
import { dialErrorText, isRefusal } from "./join-address.ts";
import { PUSH_PULLS_MAX, STREAM_BYTES_MAX, STREAMS_MAX } from "./stream-limits.ts";

export interface ExchangesOptions {
  readonly network: Network;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** As it is now: keys change. */
  readonly security: () => GossipSecurity;
  /** For a peer's whole exchange. */
  readonly timeoutMs: number;
  readonly onReply: (exchange: ExchangeId, message: PushPull | Ack | RemoteError) => void;
  /** @param refused the host is there and nobody listens */
  readonly onFailed: (exchange: ExchangeId, reason: string, refused: boolean) => void;
  /** Answered by `respond` before it returns, or never. */
  readonly onRequest: (exchange: ExchangeId, message: PushPull | Ping | User) => void;
}

interface Incoming {
  readonly stream: Stream;
  isPushPull: boolean;
  answered: boolean;
}

export class Exchanges {
  readonly #options: ExchangesOptions;
  readonly #incoming = new Map<ExchangeId, Incoming>();
  /** Ours: how to give each up. */
  readonly #dialled = new Map<ExchangeId, (reason: string) => void>();
  #lastIncoming = 0;
  #heldBytes = 0;
  #closed = false;

  constructor(options: ExchangesOptions) {
    this.#options = options;
  }

  // ---- ours ----

  /** Ends in `onReply` or `onFailed`, once, unless the pool stops first. */
  dial(exchange: ExchangeId, to: Endpoint, message: PushPull | Ping, timeoutMs: number): void {
    const { timers, clock, metrics, onReply, onFailed } = this.#options;
    const startedMs = clock.nowMs();
    let stream: Stream | undefined;
    const settle = (then: () => void): void => {
      if (!this.#dialled.delete(exchange)) return;
      cancel();
      stream?.destroy();
      if (!this.#closed) then();
    };
    const fail = (reason: string, refused = false): void => settle(() => onFailed(exchange, reason, refused));
    const cancel = timers.after(timeoutMs, () => fail(`dial tcp ${to}: i/o timeout`));
    this.#dialled.set(exchange, fail);
    this.#connect(to, timeoutMs).then(
      (connected) => {
        stream = connected;
        if (!this.#dialled.has(exchange)) return connected.destroy(); // Given up while it was being opened.
        this.#converse(connected, to, message, fail, (reply) => {
          if (message.type === "pushPull") metrics.sample("memberlist.pushPullNode", clock.nowMs() - startedMs);
          settle(() => onReply(exchange, reply));
        });
      },
      (error: unknown) => fail(dialErrorText(to, error), isRefusal(error)),
    );
  }

  async #connect(to: Endpoint, timeoutMs: number): Promise<Stream> {
    const parts = endpointParts(to);
    if (parts === undefined) throw new Error("no address");
    return this.#options.network.connectTcp(parts.host, parts.port, timeoutMs);
  }

  #converse(
    stream: Stream,
    to: Endpoint,
    message: PushPull | Ping,
    fail: (reason: string) => void,
    succeed: (reply: PushPull | Ack | RemoteError) => void,
  ): void {
    const { logger, metrics, security } = this.#options;
    if (message.type === "pushPull") {
      logger.debug(`memberlist: Initiating push/pull sync with: ${to}`);
      metrics.count("memberlist.tcp.connect");
    }
    const decoder = new StreamDecoder({ ...security(), dialling: true });
    stream.onClose = (error) => fail(error === undefined ? "EOF" : dialErrorText(to, error));
    stream.onEnd = () => fail("EOF");
    stream.onData = (chunk) => {
      const reply = decoded(
        () => decoder.push(chunk),
        (error) => fail(error.message),
      );
      if (reply === undefined) return;
      if (reply.type === "pushPull" || reply.type === "ack" || reply.type === "error") succeed(reply);
      else fail(`received invalid message type ${reply.type}`);
    };
    decoded(
      () => this.#send(stream, message, true),
      (error) => fail(error.message),
    );
  }

  #send(stream: Stream, message: StreamMessage, dialling: boolean): void {
    const bytes = encodeStream(message, { ...this.#options.security(), compress: true, dialling });
    this.#options.metrics.count("memberlist.tcp.sent", bytes.length);
    stream.write(bytes);
  }

  // ---- theirs ----

  accept(stream: Stream): void {
    const { timers, logger, metrics, security, timeoutMs } = this.#options;
    if (this.#closed || this.#incoming.size >= STREAMS_MAX) return stream.destroy();
    const from = `from=${stream.remoteAddress}`;
    logger.debug(`memberlist: Stream connection ${from}`);
    metrics.count("memberlist.tcp.accept");
    const exchange = ++this.#lastIncoming as ExchangeId;
    const incoming: Incoming = { stream, isPushPull: false, answered: false };
    this.#incoming.set(exchange, incoming);
    const decoder = new StreamDecoder({ ...security(), dialling: false });
    let held = 0;
    let cancel: Cancel | undefined = timers.after(timeoutMs, () => stream.destroy());
    const release = (): void => {
      this.#heldBytes -= held;
      held = 0;
    };
    stream.onClose = () => {
      cancel?.();
      cancel = undefined;
      release();
      this.#incoming.delete(exchange);
    };
    stream.onEnd = () => {
      if (!incoming.answered) stream.end(); // Nothing more will come, and it was no message.
    };
    stream.onData = (chunk) => {
      if (incoming.answered) return;
      held += chunk.length;
      this.#heldBytes += chunk.length;
      if (this.#heldBytes > STREAM_BYTES_MAX) {
        logger.error(`memberlist: too much waits to be received, closing the stream ${from}`);
        return stream.destroy();
      }
      const message = decoded(
        () => decoder.push(chunk),
        (error) => this.#refuse(incoming, error, from),
      );
      if (message === undefined) return;
      release();
      this.#serve(exchange, incoming, message, from);
    };
  }

  #refuse(incoming: Incoming, error: GossipCodecError, from: string): void {
    const { logger } = this.#options;
    logger.error(`memberlist: failed to receive: ${error.message} ${from}`, encryptionHint(error.message));
    incoming.answered = true;
    if (error.fault === "label") return incoming.stream.destroy(); // Not one of ours: it gets no answer.
    this.#send(incoming.stream, { type: "error", error: error.message }, false);
    incoming.stream.end();
  }

  #serve(exchange: ExchangeId, incoming: Incoming, message: StreamMessage, from: string): void {
    const { logger, onRequest } = this.#options;
    if (message.type === "ack" || message.type === "error") {
      logger.error(`memberlist: Received invalid msgType (${message.type}) ${from}`);
      return incoming.stream.destroy();
    }
    if (message.type === "pushPull") {
      const others = [...this.#incoming.values()].filter(({ isPushPull }) => isPushPull).length;
      if (others >= PUSH_PULLS_MAX) {
        logger.error("memberlist: Too many pending push/pull requests");
        return incoming.stream.destroy();
      }
      incoming.isPushPull = true;
    }
    incoming.answered = true;
    onRequest(exchange, message);
    incoming.stream.end();
  }

  /** What a peer told of itself is not taken, while `onRequest` runs. It learns nothing of that; our operator does. */
  refusedMerge(exchange: ExchangeId, reason: string): void {
    const from = this.#incoming.get(exchange)?.stream.remoteAddress ?? "";
    this.#options.metrics.count("memberlist.dropped");
    this.#options.logger.error(`memberlist: Failed push/pull merge: ${reason} from=${from}`);
  }

  /** The answer to a request, while `onRequest` runs. */
  respond(exchange: ExchangeId, message: PushPull | Ack): void {
    const incoming = this.#incoming.get(exchange);
    if (incoming === undefined) return;
    decoded(
      () => this.#send(incoming.stream, message, false),
      (error) => this.#options.logger.error(`memberlist: Failed to push local state: ${error.message}`),
    );
  }

  /** Resets everything that is open; nothing is reported any more. */
  close(): void {
    this.#closed = true;
    for (const fail of [...this.#dialled.values()]) fail("the pool was stopped");
    for (const { stream } of [...this.#incoming.values()]) stream.destroy();
  }
}

/** What `run` gives, or undefined once `refused` was told of a peer's (or our own) bytes that do not fit. */
function decoded<T>(run: () => T, refused: (error: GossipCodecError) => void): T | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof GossipCodecError)) throw error;
    refused(error);
    return undefined;
  }
}
