import type { CallOptions } from "../contract-client.ts";
import { follow, type Surroundings } from "../surroundings.ts";
import { type Change, changeOf, type Resume } from "./change.ts";
import type { Subject, TransportContext, WatchFailure, WatchTransport } from "./transport.ts";

export interface WatchOptions<T> extends Omit<CallOptions, "index" | "retry"> {
  /** Go on behind this index, or behind this change. */
  readonly from?: Resume<T>;
  /** Told of each failure that the watch rides out. */
  readonly onFailure?: (failure: WatchFailure) => void;
  /** Told of each answer, whether or not something had changed. */
  readonly onContact?: () => void;
}

export interface WatchPorts {
  readonly world: Surroundings;
  readonly transport: WatchTransport;
  /** Aborted when the client is closed. */
  readonly closed: AbortSignal;
}

/** A subject and how its answer falls into rows with keys. */
export interface Rows<Answered, Row, C extends Change<Row>> {
  readonly subject: Subject<Answered>;
  rows(answer: Answered): Iterable<readonly [string, Row]>;
  /** What a change says besides its rows; undefined when it shall pass unseen. */
  finish(change: Change<Row>, answer: Answered): C | undefined;
}

/**
 * Changes as they come, for `for await`. Leaving the loop or aborting the signal ends the watch and its request. Nothing
 * is asked while the loop's body runs: whoever is slow sees several changes as one.
 */
export class Watch<Answered, Row, C extends Change<Row>> implements AsyncIterable<C> {
  readonly #rows: Rows<Answered, Row, C>;
  readonly #options: WatchOptions<Row>;
  readonly #ports: WatchPorts;

  constructor(rows: Rows<Answered, Row, C>, options: WatchOptions<Row>, ports: WatchPorts) {
    this.#rows = rows;
    this.#options = options;
    this.#ports = ports;
  }

  [Symbol.asyncIterator](): AsyncIterator<C, undefined> {
    const { controller, release } = follow(this.#options.signal, this.#ports.closed);
    const changes = this.#changes(controller.signal);
    const end = (): void => {
      release();
      controller.abort();
    };
    return {
      next: async () => {
        try {
          const step = await changes.next();
          if (step.done === true) end();
          return step as IteratorResult<C, undefined>;
        } catch (error) {
          end();
          throw error;
        }
      },
      return: async () => {
        end(); // first, so that a question on its way does not have to be answered
        await changes.return(undefined);
        return { done: true, value: undefined };
      },
    };
  }

  async *#changes(signal: AbortSignal): AsyncGenerator<C, undefined> {
    const { from, onFailure, onContact, signal: _, ...call } = this.#options;
    const { world, transport } = this.#ports;
    const context: TransportContext = {
      world,
      signal,
      call,
      contact: () => onContact?.(),
      failure: (failure) => onFailure?.(failure),
    };
    let known = from?.all;
    let since = from?.index;
    for await (const { value, index } of transport(this.#rows.subject, from?.index, context)) {
      if (signal.aborted) return;
      const all = new Map(this.#rows.rows(value));
      const change = changeOf(known, all, index, since);
      known = all;
      since = undefined;
      const finished = change && this.#rows.finish(change, value);
      if (finished !== undefined) yield finished;
    }
  }
}
