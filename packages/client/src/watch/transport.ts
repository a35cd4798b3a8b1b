/** How the newest state of something comes to a watch. */
import type { Answer, CallOptions, ContractClient } from "../contract-client.ts";
import type { Surroundings } from "../surroundings.ts";
import type { Index } from "./change.ts";

/** One endpoint with its arguments: what is watched. */
export interface Subject<T> {
  readonly endpoint: keyof ContractClient;
  readonly given: Readonly<Record<string, unknown>>;
  ask(options: CallOptions): Promise<Answer<T>>;
  /** For transports that ask in another way; without it they cannot. */
  readonly client?: ContractClient;
  /** Indexes are names rather than numbers: a smaller one is not older. */
  readonly unordered?: boolean;
}

/** The whole of it, as of `index`. */
export interface Sight<T> {
  readonly value: T;
  readonly index: Index;
}

export interface WatchFailure {
  readonly error: unknown;
  /** How many in a row. */
  readonly failures: number;
  readonly retryInMs: number;
}

export interface TransportContext {
  readonly world: Surroundings;
  /** Ends the watch, quietly. */
  readonly signal: AbortSignal;
  /** Sent with every question: token, datacenter, consistency. */
  readonly call: CallOptions;
  /** The agent answered, whether or not something had changed. */
  contact(): void;
  failure(failure: WatchFailure): void;
}

/**
 * Yields what there is now (or, behind `from`, what is newer), then again whenever it may have changed, until `signal`
 * ends it. Rides out what is transient; throws what will not get better. Saying the same twice is harmless.
 *
 * `blockingQueries` is one, `eventStreams` another; which one is used is said to `createClient` as `watchTransport`.
 */
export type WatchTransport = <T>(
  subject: Subject<T>,
  from: Index | undefined,
  context: TransportContext,
) => AsyncIterable<Sight<T>>;
