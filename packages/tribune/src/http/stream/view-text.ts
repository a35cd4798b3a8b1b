import type { Answer } from "../../endpoints/answer.ts";
import { TribuneError } from "../../lib/errors.ts";
import { stringifyGo } from "../../lib/go-json.ts";
import type { Clock, Timers } from "../../lib/runtime.ts";
import { type Encoded, encode, encodedBytes } from "../encoded.ts";

/** Making one answer holds the event loop at most this long at a stretch. */
const SLICE_MS = 5;

/**
 * The bytes of an answer, however long they take to be made.
 *
 * @param done called once, perhaps before this returns. Gets an error for answers that are no JSON or longer than `bytesMax`.
 */
export function encodeWhole(
  answer: Answer,
  bytesMax: number,
  runtime: { readonly clock: Clock; readonly timers: Timers },
  done: (encoded: Encoded | Error) => void,
): void {
  if (answer.kind === "stream" || answer.kind === "bytes") return done(noJson());
  const [whole, contentType] = inPieces(answer);
  if (whole === undefined) return done(withinBound(encode(answer as AtOnce, false), bytesMax));
  const pieces = whole[Symbol.iterator]();
  const made: Uint8Array[] = [];
  let bytes = 0;
  const go = (): void => {
    const startedMs = runtime.clock.nowMs();
    try {
      for (let next = pieces.next(); next.done !== true; next = pieces.next()) {
        made.push(next.value);
        bytes += next.value.length;
        if (bytes > bytesMax) return done(tooLong(bytesMax));
        if (runtime.clock.nowMs() - startedMs <= SLICE_MS) continue;
        runtime.timers.soon(go);
        return;
      }
    } catch (error) {
      return done(error as Error);
    }
    done(encodedBytes(Buffer.concat(made, bytes), contentType));
  };
  go();
}

type AtOnce = Exclude<Answer, { kind: "stream" | "pieces" }>;

/** Of what can be made so: undefined for the rest, which is short. */
function inPieces(answer: Answer): readonly [pieces: Iterable<Uint8Array> | undefined, contentType: string] {
  if (answer.kind === "pieces") return [answer.pieces(false), answer.contentType];
  const isList = answer.kind === "json" && (answer.status ?? 200) === 200 && Array.isArray(answer.value);
  return [isList ? rowByRow(answer.value) : undefined, "application/json"];
}

function* rowByRow(rows: readonly unknown[]): Generator<Uint8Array, void, undefined> {
  yield Buffer.from("[");
  for (const [at, row] of rows.entries()) yield Buffer.from(`${at === 0 ? "" : ","}${stringifyGo(row)}`);
  yield Buffer.from("]");
}

/** What steps lead to, however long they take. */
export function inSlices<T>(
  steps: Generator<void, T, undefined>,
  runtime: { readonly clock: Clock; readonly timers: Timers },
  done: (result: T) => void,
): void {
  const startedMs = runtime.clock.nowMs();
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return done(step.value);
    if (runtime.clock.nowMs() - startedMs <= SLICE_MS) continue;
    runtime.timers.soon(() => inSlices(steps, runtime, done));
    return;
  }
}

function withinBound(encoded: Encoded, bytesMax: number): Encoded | Error {
  if (encoded.body.length > bytesMax) return tooLong(bytesMax);
  return encoded.status === 200 && !isJson(encoded) ? noJson() : encoded;
}

function isJson({ headers }: Encoded): boolean {
  const at = headers.indexOf("Content-Type");
  return at >= 0 && headers[at + 1] === "application/json";
}

const noJson = (): TribuneError => TribuneError.badRequest("this view is no JSON and cannot be streamed");
const tooLong = (bytesMax: number): TribuneError =>
  new TribuneError("payloadTooLarge", `the answer is longer than ${bytesMax} bytes: ask for it by blocking queries`);
