import type { ByteSink } from "../../endpoints/answer.ts";
import { JOINED_BYTES_MAX, PIECE_BYTES, type StreamLimits } from "./limits.ts";
import { formatPositions, type Position } from "./position.ts";
import type { Reason, Telling, Topic, TopicListener } from "./topic.ts";

/** One view of one reader: what he has been told of it. */
interface Reading extends TopicListener {
  readonly number: number;
  readonly topic: Topic;
  at: Position | "unknown" | undefined;
  /** An event of this view was sent on this connection. */
  begun: boolean;
  /** The trouble that was told, until it is over. */
  toldTrouble: string | undefined;
  /** There may be something to tell. */
  due: boolean;
  /** Something changed while the connection was full. */
  behind: boolean;
}

export interface EventStreamOptions {
  readonly heartbeatMs: number;
  readonly limits: StreamLimits;
}

const HEARTBEAT = Buffer.from(":\n\n");
/** A browser comes back after so many milliseconds. */
const OPENING = Buffer.from("retry: 1000\n\n");

/**
 * One connection on which events are sent. Nothing is queued for it: while the client does not read, its views are only
 * marked, and what they are then is told when it does.
 */
export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #sink: ByteSink;
  readonly #readings: Reading[];
  readonly #positions: (Position | undefined)[];
  readonly #now: () => number;
  /** The rest of a long event. Others may get their part of this turn of the event loop meanwhile. */
  #unsent: Buffer | undefined;
  #blockedAtMs: number | undefined;
  #spokeAtMs: number;

  /**
   * @param now the runtime's clock, in milliseconds.
   * @param onClosed the connection is gone.
   */
  constructor(
    options: EventStreamOptions,
    sink: ByteSink,
    views: readonly { readonly topic: Topic; readonly at: Position | "unknown" | undefined }[],
    now: () => number,
    onClosed: () => void,
  ) {
    this.#options = options;
    this.#sink = sink;
    this.#now = now;
    this.#spokeAtMs = now();
    this.#positions = views.map(({ at }) => (at === "unknown" ? undefined : at));
    this.#readings = views.map(({ topic, at }, number) => {
      const reading: Reading = {
        number,
        topic,
        at,
        begun: false,
        toldTrouble: undefined,
        due: true,
        behind: false,
        changed: () => {
          reading.due = true;
          if (this.#isBusy) reading.behind = true;
          else this.#tell(reading);
        },
      };
      return reading;
    });
    sink.drained = () => {
      this.#blockedAtMs = undefined;
      this.#sendOn();
      this.#tellAll();
    };
    sink.closed = () => {
      for (const reading of this.#readings) reading.topic.leave(reading);
      onClosed();
    };
    this.#write(OPENING);
    for (const reading of this.#readings) reading.topic.join(reading);
    this.#tellAll();
  }

  /** To be called every second or so. */
  tick(nowMs: number): void {
    if (this.#blockedAtMs !== undefined) {
      if (nowMs - this.#blockedAtMs >= this.#options.limits.stalledMs) this.#sink.abort();
    } else if (!this.#isBusy && nowMs - this.#spokeAtMs >= this.#options.heartbeatMs) {
      this.#write(HEARTBEAT);
    }
  }

  get #isBusy(): boolean {
    return this.#blockedAtMs !== undefined || this.#unsent !== undefined;
  }

  #tellAll(): void {
    for (const reading of this.#readings) {
      if (this.#isBusy) return;
      if (reading.due) this.#tell(reading);
    }
  }

  #tell(reading: Reading): void {
    const { topic } = reading;
    reading.due = false;
    if (topic.refusal !== undefined) {
      topic.leave(reading);
      const { status, text } = topic.refusal;
      this.#positions[reading.number] = undefined;
      return this.#say(reading, "refused", `"Status":${status},"Error":${JSON.stringify(text)}`);
    }
    if (topic.trouble !== undefined) {
      const { status, text } = topic.trouble;
      if (reading.toldTrouble === text) return;
      reading.toldTrouble = text;
      return this.#say(reading, "failed", `"Status":${status},"Error":${JSON.stringify(text)}`);
    }
    const { position } = topic;
    if (position === undefined || !topic.isReadyFor(reading)) return; // the answer is on its way
    const tellings = topic.since(reading.at, this.#reasonFor(reading));
    for (const telling of tellings) {
      if (this.#isBusy) {
        reading.due = true; // the rest of them when it reads again
        return;
      }
      this.#send(reading, telling);
    }
    if (tellings.length > 0) return;
    const isNews = !reading.begun || reading.toldTrouble !== undefined;
    reading.at = position;
    this.#positions[reading.number] = position;
    if (isNews) this.#say(reading, "current", `"Index":${position.index}`);
    this.#toldAllOf(reading);
  }

  #reasonFor({ begun, at, behind }: Reading): Reason {
    if (!begun) return at === undefined ? "start" : "resume";
    return behind ? "behind" : "replaced";
  }

  #send(reading: Reading, { event, reason, tail, position }: Telling): void {
    reading.at = position;
    this.#positions[reading.number] = position;
    const why = reason === undefined ? "" : `"Reason":"${reason}",`;
    const head = `${this.#opening(event)}{"Watch":${reading.number},${why}`;
    this.#toldAllOf(reading);
    if (tail.length > JOINED_BYTES_MAX) {
      this.#write(Buffer.from(head));
      this.#unsent = tail;
      if (this.#blockedAtMs === undefined) this.#sendOn();
      return;
    }
    const bytes = Buffer.allocUnsafe(head.length + tail.length); // of ASCII
    bytes.write(head, 0, "latin1");
    tail.copy(bytes, head.length);
    this.#write(bytes);
  }

  #sendOn(): void {
    while (this.#unsent !== undefined && this.#blockedAtMs === undefined) {
      const piece = this.#unsent.subarray(0, PIECE_BYTES);
      this.#unsent = piece.length === this.#unsent.length ? undefined : this.#unsent.subarray(PIECE_BYTES);
      this.#write(piece);
    }
  }

  #toldAllOf(reading: Reading): void {
    reading.begun = true;
    reading.behind = false;
    reading.toldTrouble = undefined;
  }

  #say(reading: Reading, event: string, members: string): void {
    reading.begun ||= event !== "failed";
    this.#write(Buffer.from(`${this.#opening(event)}{"Watch":${reading.number},${members}}\n\n`));
  }

  #opening(event: string): string {
    return `id: ${formatPositions(this.#positions)}\nevent: ${event}\ndata: `;
  }

  #write(bytes: Buffer): void {
    this.#spokeAtMs = this.#now();
    if (!this.#sink.write(bytes)) this.#blockedAtMs ??= this.#spokeAtMs;
  }
}
