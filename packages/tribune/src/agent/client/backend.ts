import type { Schema, Struct } from "@tribune/api";
import { decodeStruct, encodeStruct } from "../../codec/struct-msgpack.ts";
import { decodeSteps, isLongReply } from "../../codec/struct-steps.ts";
import type { Endpoint, Method } from "../../endpoints/binding.ts";
import type { HttpBackend, ReadCall, ReadOutcome } from "../../http/backend.ts";
import { TribuneError } from "../../lib/errors.ts";
import type { Cancel, Clock, Runtime } from "../../lib/runtime.ts";
import type { Answered } from "../../server/query-engine.ts";
import { RemoteAnswers } from "../../server/remote-answers.ts";
import { StepRunner } from "../../server/step-runner.ts";
import type { Asking } from "../asking.ts";
import type { ServerCalls } from "./server-calls.ts";

/** Questions whose last reply a client agent holds, and bytes of replies and of their encoded forms. */
const QUESTIONS_MAX = 8192;
const REPLY_BYTES_MAX = 32 << 20;
const SHOWN_BYTES_MAX = 48 << 20;
const NS_PER_MS = 1e6;
/** A long reply is decoded for this long at a stretch. */
const SLICE_MS = 4;
const KEYRING_RPC = "Internal.KeyringOperation";

/** An agent without state: every question and every change goes to a server. */
export class ClientBackend implements Asking {
  readonly #calls: ServerCalls;
  readonly #answers: RemoteAnswers;
  readonly #clock: Clock;
  readonly #runner: StepRunner;

  constructor(calls: ServerCalls, runtime: Pick<Runtime, "clock" | "timers">) {
    this.#calls = calls;
    this.#clock = runtime.clock;
    this.#runner = new StepRunner(SLICE_MS, runtime);
    this.#answers = new RemoteAnswers(
      { questionsMax: QUESTIONS_MAX, replyBytesMax: REPLY_BYTES_MAX, shownBytesMax: SHOWN_BYTES_MAX },
      {
        runtime,
        fetch: ({ method, args, blocking, waitMs }, done) =>
          calls.start({ method, args, isRead: true, ...(blocking ? { waitMs } : {}) }, done),
      },
    );
  }

  readNow(): undefined {
    return undefined;
  }

  read(call: ReadCall, deliver: (outcome: ReadOutcome | Error) => void): Cancel {
    let cancel = this.#answers.read(call, (outcome) => {
      if (outcome instanceof Error) return deliver(this.#lastKnown(call, outcome) ?? outcome);
      const maxStaleMs = maxStaleMsOf(call);
      if (call.consistency !== "stale" || maxStaleMs === 0 || outcome.meta.lastContactMs <= maxStaleMs)
        return deliver(outcome);
      // That server fell behind further than the caller can bear: the leader never has.
      cancel = this.#answers.read(fromLeader(call), (fresh) => {
        deliver(fresh instanceof Error ? (this.#lastKnown(call, fresh) ?? fresh) : fresh);
      });
    });
    return () => cancel();
  }

  async write(method: Method, request: unknown): Promise<unknown> {
    return this.#call(method, request, false);
  }

  async call(method: Method, request: unknown): Promise<unknown> {
    // A server would do it; Consul's clients do not ask.
    if ("rpc" in method.contract && method.contract.rpc === KEYRING_RPC)
      throw TribuneError.internal("keyring operations must run against a server node");
    const { contract } = method;
    return this.#call(method, request, "http" in contract && contract.http.startsWith("GET "));
  }

  keep: HttpBackend["keep"] = (answer, variant, encoded, bytes) => {
    this.#answers.keep(answer, variant, encoded, bytes);
  };

  /** An answer that came from a view of the servers' events is replaced: its encoded forms may go. */
  forget(answer: Answered): void {
    this.#answers.forget(answer);
  }

  async #call({ contract }: Method, request: unknown, isRead: boolean): Promise<unknown> {
    const wire = contract as {
      readonly rpc: string;
      readonly request: Struct<unknown>;
      readonly reply: Schema<unknown>;
    };
    const reply = await this.#calls.call({ method: wire.rpc, args: encodeStruct(wire.request, request), isRead });
    try {
      return await (isLongReply(reply)
        ? this.#runner.run(decodeSteps(wire.reply, reply))
        : decodeStruct(wire.reply, reply));
    } catch (error) {
      throw TribuneError.internal(`could not read the reply of a server: ${String(error)}`, error);
    }
  }

  /**
   * Beyond Consul: while no server can be asked, service discovery goes on with what was known last, for those who
   * said that they can live with old answers, and no older than they said. The answer says how old it is.
   */
  #lastKnown(call: ReadCall, error: Error): ReadOutcome | undefined {
    if (call.consistency !== "stale" || !isDiscovery(call.endpoint)) return undefined;
    if (!(error instanceof TribuneError) || error.kind !== "unavailable") return undefined;
    const last = this.#answers.last(call);
    if (last === undefined || (call.minIndex > 0 && last.answer.index <= call.minIndex)) return undefined;
    const ageMs = this.#clock.nowMs() - last.receivedAtMs;
    const lastContactMs = last.meta.lastContactMs + ageMs;
    const maxStaleMs = maxStaleMsOf(call);
    if (maxStaleMs > 0 && lastContactMs > maxStaleMs) return undefined;
    return { answer: last.answer, meta: { knownLeader: false, lastContactMs, ageMs } };
  }
}

function maxStaleMsOf({ request }: ReadCall): number {
  return (request.MaxStaleDuration ?? 0) / NS_PER_MS;
}

function fromLeader(call: ReadCall): ReadCall {
  return { ...call, consistency: "leader", request: { ...call.request, AllowStale: false } };
}

/** Where instances are and how they are: the reads that clients cannot do without. */
export function isDiscovery({ contract }: Endpoint): boolean {
  return contract.http.startsWith("GET /v1/health/") || contract.http.startsWith("GET /v1/catalog/");
}
