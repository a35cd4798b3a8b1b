import type { IncomingHttpHeaders } from "node:http";
import type { Answer } from "../endpoints/answer.ts";
import type { Clock } from "../lib/runtime.ts";
import { type AnswerSender, acceptsGzip } from "./answer-sender.ts";
import type { HttpBackend, ReadOutcome } from "./backend.ts";
import { type Encoded, encode, encodedBytes, heldBytes } from "./encoded.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import type { Target } from "./parsed-urls.ts";
import { gather, type Keeper, LONG_BYTES_MAX, LongBody, WHOLE_BYTES_MAX } from "./pieces.ts";
import { type ReadHead, readFields } from "./read-head.ts";
import { type Refusals, refusedFields } from "./refusals.ts";
import type { RequestTimes } from "./request-times.ts";

/** What is counted for keeping something beside its bytes. */
const MARK_BYTES = 256;

export interface AnsweringDependencies {
  readonly backend: HttpBackend;
  readonly clock: Clock;
  readonly sender: AnswerSender;
  readonly refusals: Refusals;
  readonly times: RequestTimes;
}

/** Reads of the state: asked at once or waited for, and encoded once for all who get the same answer. */
export class Reads {
  readonly #backend: HttpBackend;
  readonly #clock: Clock;
  readonly #sender: AnswerSender;
  readonly #refusals: Refusals;
  readonly #times: RequestTimes;

  constructor({ backend, clock, sender, refusals, times }: AnsweringDependencies) {
    this.#backend = backend;
    this.#clock = clock;
    this.#sender = sender;
    this.#refusals = refusals;
    this.#times = times;
  }

  answer(target: Target, request: HttpRequest, response: HttpResponse): void {
    const startedMs = this.#clock.nowMs();
    let now: ReadOutcome | undefined;
    try {
      now = target.minIndex === 0 ? this.#backend.readNow(target) : undefined;
    } catch (error) {
      this.#times.answered(target.route, "GET", this.#clock.nowMs() - startedMs, true);
      this.#refusals.send(request, response, error, refusedFields(target.endpoint, error));
      return;
    }
    if (now !== undefined) {
      this.#show(target, now, request, response);
      this.#times.answered(target.route, "GET", this.#clock.nowMs() - startedMs, false);
      return;
    }
    let finished = false;
    const cancel = this.#backend.read(target, (outcome) => {
      finished = true;
      this.#deliver(target, outcome, request, response);
      this.#times.answered(target.route, "GET", this.#clock.nowMs() - startedMs, outcome instanceof Error);
    });
    if (finished) return;
    park(request, target);
    response.on("close", cancel);
  }

  /** Comes from a timer or a write, where nobody would catch what is thrown. */
  #deliver(target: Target, outcome: ReadOutcome | Error, request: HttpRequest, response: HttpResponse): void {
    try {
      if (outcome instanceof Error)
        this.#refusals.send(request, response, outcome, refusedFields(target.endpoint, outcome));
      else this.#show(target, outcome, request, response);
    } catch (error) {
      this.#refusals.send(request, response, error);
    }
  }

  #show(target: Target, { answer, meta }: ReadOutcome, request: HttpRequest, response: HttpResponse): void {
    let shown = answer.shown.get(target.variant) as Encoded | LongBody | undefined;
    const { cacheHit, ageMs } = meta;
    const read: ReadHead = {
      index: answer.index,
      lastContactMs: Math.floor(meta.lastContactMs),
      knownLeader: meta.knownLeader,
      streamed: meta.streamed === true,
      consistency: target.saysConsistency ? target.consistency : undefined,
      cacheHit,
      ageSeconds: ageMs !== undefined && cacheHit !== false ? Math.round(ageMs / 1_000) : undefined,
    };
    if (shown instanceof LongBody) {
      const head = { status: 200, contentType: shown.contentType, headers: readFields(read) };
      this.#sender.sendPieces(shown.gathered, head, request, response);
      return;
    }
    if (shown === undefined) {
      let rendered: Answer;
      try {
        rendered = target.endpoint.binding.show(answer.reply, target.request, target.view);
      } catch (error) {
        this.#refusals.send(request, response, error, readFields(read));
        return;
      }
      if (rendered.kind === "stream") {
        this.#sender.stream(rendered, readFields(read), response);
        return;
      }
      if (rendered.kind === "pieces") {
        const { contentType } = rendered;
        const gathered = gather(rendered.pieces(target.pretty), this.#clock);
        if (!("whole" in gathered)) {
          const head = { status: 200, contentType, headers: readFields(read) };
          const keeper = this.#keeperOf(answer, target.variant, contentType);
          this.#sender.sendPieces(gathered, head, request, response, keeper);
          return;
        }
        shown = encodedBytes(gathered.whole, rendered.contentType);
      } else {
        shown = encode(rendered, target.pretty);
      }
      this.#backend.keep(answer, target.variant, shown, heldBytes(shown));
    }
    this.#sender.sendEncoded(shown, shown.withoutMeta === true ? undefined : read, request, response);
  }

  /** Bodies of megabytes are kept only where somebody asks for them again and again. */
  #keeperOf(answer: ReadOutcome["answer"], variant: string, contentType: string): Keeper {
    const backend = this.#backend;
    const mark = `asked ${variant}`;
    const isAskedAgain = answer.shown.has(mark);
    if (!isAskedAgain) backend.keep(answer, mark, true, MARK_BYTES);
    return {
      bytesMax: isAskedAgain ? LONG_BYTES_MAX : WHOLE_BYTES_MAX,
      keep(pieces, bytes) {
        const isShort = bytes <= WHOLE_BYTES_MAX;
        const form = isShort
          ? encodedBytes(Buffer.concat(pieces, bytes), contentType)
          : new LongBody(pieces, contentType);
        backend.keep(answer, variant, form, bytes + MARK_BYTES);
      },
    };
  }
}

const ANY_HEADERS: IncomingHttpHeaders = Object.freeze({});
const GZIP_HEADERS: IncomingHttpHeaders = Object.freeze({ "accept-encoding": "gzip" });
const NO_RAW_HEADERS: string[] = [];

/** Thousands of requests may be held for minutes: of what they said, each keeps only what its answer depends on. */
function park(request: HttpRequest, target: Target): void {
  request.headers = acceptsGzip(request) ? GZIP_HEADERS : ANY_HEADERS;
  if ("rawHeaders" in request) request.rawHeaders = NO_RAW_HEADERS;
  request.url = target.view.path;
}
