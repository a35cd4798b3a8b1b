import { ALL_CONTRACTS, ANSWERS } from "@tribune/api";
import { CallPlan } from "../call-plan.ts";
import type { ContractClient } from "../contract-client.ts";
import { RequestError, ResponseError } from "../errors.ts";
import { isTransient } from "../failures.ts";
import { parseJson } from "../json-text.ts";
import { backoffMs, delay, follow } from "../surroundings.ts";
import { blockingQueries } from "./blocking-queries.ts";
import type { Index } from "./change.ts";
import { EventLines } from "./event-lines.ts";
import { FollowedValue, type Told } from "./followed-value.ts";
import type { Sight, Subject, TransportContext, WatchTransport } from "./transport.ts";

const BACKOFF = { minMs: 100, maxMs: 30_000 };
const HEARTBEAT_S = 10;
/** Without a sign of life for so long the agent counts as gone. */
const SILENCE_MS = 2_500 * HEARTBEAT_S;

/** Statuses of an agent that has no streams (Consul's), or none left for this. */
const NO_STREAM: ReadonlySet<number> = new Set([404, 405, 413, 429, 501]);

interface Event extends Told {
  readonly Index?: Index;
  readonly Error?: string;
}

/**
 * Changes as Tribune's agents push them (docs/streams.md): one connection a watch, no question after each change, and only
 * what changed. What cannot be streamed, and agents that do not, are asked by blocking queries.
 */
export const eventStreams: WatchTransport = async function* <T>(
  subject: Subject<T>,
  from: Index | undefined,
  context: TransportContext,
): AsyncIterable<Sight<T>> {
  const plan = planOf(subject);
  const { client } = subject;
  if (plan !== undefined && client !== undefined) {
    try {
      yield* streamed(client, plan, subject, from, context);
      return;
    } catch (error) {
      if (!(error instanceof NotStreamed)) throw error;
    }
  }
  yield* blockingQueries(subject, from, context);
};

/** Nothing was told yet, and nothing will be. */
class NotStreamed extends Error {}

const plans = new Map<string, CallPlan | undefined>();

function planOf({ endpoint }: Pick<Subject<unknown>, "endpoint">): CallPlan | undefined {
  if (!plans.has(endpoint)) {
    const contract = ALL_CONTRACTS[endpoint];
    const isFollowed = contract.kind === "read" && contract.blocking && ANSWERS[contract.answers].body === "json";
    plans.set(endpoint, isFollowed ? new CallPlan(endpoint, contract) : undefined);
  }
  return plans.get(endpoint);
}

async function* streamed<T>(
  client: ContractClient,
  plan: CallPlan,
  subject: Subject<T>,
  from: Index | undefined,
  context: TransportContext,
): AsyncIterable<Sight<T>> {
  const { world, signal, call, contact, failure } = context;
  const watch = [plan.target(subject.given, { ...call, wait: undefined, index: undefined, dc: call.dc }, undefined)];
  const known = new FollowedValue(plan.contract.answers);
  let after: string | undefined;
  let failures = 0;
  let told = false;
  while (!signal.aborted) {
    const { controller, release } = follow(signal);
    try {
      const options = { token: call.token, dc: call.dc, signal: controller.signal, retry: false } as const;
      const given = { watch, after, heartbeat: `${HEARTBEAT_S}s` };
      const { value: body } = await client.stream(given, options);
      const lines = new EventLines();
      for await (const bytes of watched(body, context, controller)) {
        contact();
        failures = 0;
        let index: Index | undefined;
        for (const { event, data, id } of lines.push(bytes)) {
          const what = parseJson(data) as Event;
          if (event === "refused") throw refusal(what, told);
          if (event === "failed") failure({ error: errorOf(what), failures: 1, retryInMs: 0 });
          if (event === "snapshot") known.snapshot(what);
          // What does not fit was missed: from the beginning, then.
          if (event === "change" && !known.change(what)) throw new RequestError(`${watch[0]}: a change is missing`);
          if (event === "snapshot" || event === "change") index = what.Index;
          after = id;
        }
        if (index === undefined) continue;
        const isKnown = !told && from === index;
        told = true;
        if (!isKnown) yield { value: known.value as T, index };
      }
      throw new RequestError(`${watch[0]}: the stream has ended`);
    } catch (error) {
      if (signal.aborted) return;
      if (!told && error instanceof ResponseError && NO_STREAM.has(error.status)) throw new NotStreamed();
      if (!isTransient(error) && !(told && error instanceof ResponseError && error.status >= 500)) throw error;
      if (String((error as Error).message).includes("a change is missing")) after = undefined;
      const retryInMs = backoffMs(BACKOFF, failures++, world.random());
      failure({ error, failures, retryInMs });
      await delay(world, retryInMs, signal).catch(() => {}); // aborted: the loop ends
    } finally {
      release();
      controller.abort();
    }
  }
}

const errorOf = ({ Status = 500, Error: text = "" }: Event): ResponseError => new ResponseError(Status, text);

/** A view that is too large, or of a server without it, may still be asked for. */
function refusal(event: Event, told: boolean): Error {
  return !told && NO_STREAM.has(event.Status ?? 0) ? new NotStreamed() : errorOf(event);
}

/** The pieces of a body; one that stays away too long breaks it off. Time does not count while nobody reads. */
async function* watched(
  body: AsyncIterable<Uint8Array>,
  { world }: TransportContext,
  controller: AbortController,
): AsyncIterable<Uint8Array> {
  const pieces = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      let isSilent = false;
      const cancel = world.after(SILENCE_MS, () => {
        isSilent = true;
        controller.abort();
      });
      try {
        const piece = await pieces.next();
        if (piece.done === true) return;
        cancel();
        yield piece.value;
      } catch (cause) {
        throw new RequestError(isSilent ? "the agent is silent" : "the stream broke", { cause });
      } finally {
        cancel();
      }
    }
  } finally {
    // The connection goes with its signal; a body that is being read cannot be returned.
    void pieces.return?.().catch(() => {});
  }
}
