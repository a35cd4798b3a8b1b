import type { Answer } from "../contract-client.ts";
import { RequestError, ResponseError } from "../errors.ts";
import { isTransient } from "../failures.ts";
import { backoffMs, delay } from "../surroundings.ts";
import type { Index } from "./change.ts";
import { Pace } from "./pace.ts";
import type { Sight, Subject, TransportContext } from "./transport.ts";

const BACKOFF = { minMs: 100, maxMs: 30_000 };
const WAIT = "60s";
/** Long enough for an answer that waits, short enough to be none. */
const NO_WAIT = "1ms";

/** Asks again and again, each time behind the index of the last answer, as Consul's documentation has it. */
export async function* blockingQueries<T>(
  subject: Subject<T>,
  from: Index | undefined,
  { world, signal, call, contact, failure }: TransportContext,
): AsyncIterable<Sight<T>> {
  const pace = new Pace(world);
  let index: Index = from ?? 0;
  // Whoever resumes may meet an agent that does not have that index yet, and would wait for it in vain.
  let wait = from === undefined ? (call.wait ?? WAIT) : NO_WAIT;
  let failures = 0;
  let answered = false;
  let shown = from !== undefined;
  while (!signal.aborted) {
    let answer: Answer<T>;
    try {
      await pace.turn(signal);
      const behind = index === 0 ? {} : { index, wait };
      answer = await subject.ask({ ...call, wait: undefined, ...behind, signal, retry: false });
    } catch (error) {
      if (signal.aborted) return;
      if (!isTransient(error) && !(answered && isServerError(error))) throw error;
      const retryInMs = backoffMs(BACKOFF, failures++, world.random());
      failure({ error, failures, retryInMs });
      // Another agent may answer next time, with smaller indexes: see first what there is.
      if (error instanceof RequestError || isGatewayError(error)) index = 0;
      await delay(world, retryInMs, signal).catch(() => {}); // aborted: the loop ends
      continue;
    }
    if (answer.index === undefined)
      throw new TypeError(`${subject.endpoint} cannot be watched: its answer has no index`);
    contact();
    failures = 0;
    answered = true;
    wait = call.wait ?? WAIT;
    const { index: next, value } = answer;
    const changed = next !== index;
    // Back means that the state was replaced, by a restored snapshot or a new server: begin anew.
    const back = subject.unordered !== true && next < index;
    // An index of 0 would not wait.
    index = back ? 0 : next || 1;
    if (changed || !shown) yield { value, index: next };
    shown = true;
  }
}

/** Of a proxy that does not reach its agent: what it reaches next may have been started anew. */
const isGatewayError = (error: unknown): boolean =>
  error instanceof ResponseError && (error.status === 502 || error.status === 503 || error.status === 504);
const isServerError = (error: unknown): boolean => error instanceof ResponseError && error.status >= 500;
