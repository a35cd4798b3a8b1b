/** The servers' RPC methods: the same bindings that answer HTTP, between decoded arguments and encoded replies. */
import { MsgpackError } from "../codec/msgpack.ts";
import { decodeStruct } from "../codec/struct-msgpack.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Cancel, Clock } from "../lib/runtime.ts";
import { isSteps, type Steps } from "../lib/steps.ts";
import type { RpcCall, RpcHandler, RpcReply } from "../rpc/types.ts";
import { CallLabels } from "./call-labels.ts";
import type { LeaderCalls } from "./leader-calls.ts";
import { questionKey } from "./question-key.ts";
import type { RequestLimits } from "./request-limits.ts";
import { encodeAnswer, encodeReplyPieces } from "./rpc-encoding.ts";
import { findMethod, type Served } from "./rpc-methods.ts";
import type { Server } from "./server.ts";

/** The fields of requests that say who answers, how fresh and how patiently; not every request has them. */
export interface CommonRequest {
  readonly Datacenter?: string;
  readonly AllowStale?: boolean;
  readonly RequireConsistent?: boolean;
  readonly MinQueryIndex?: number;
  readonly MaxQueryTime?: number;
  readonly Op?: string;
}

/** Pieces of one msgpack value, or why there is none. */
export type RpcBytes = readonly Uint8Array[] | Error;

/** Asks the servers of another datacenter. The call's bytes go there as they are. */
export type ForwardDatacenter = (
  datacenter: string,
  call: { readonly method: string; readonly args: Uint8Array },
  done: (outcome: RpcBytes) => void,
) => Cancel;

export interface RpcServiceDependencies {
  readonly server: Server;
  readonly datacenter: string;
  readonly leaderCalls: LeaderCalls;
  readonly limits: RequestLimits;
  readonly forwardDatacenter: ForwardDatacenter;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

const NS_PER_MS = 1e6;
const nothing = (): void => {};

export class RpcService {
  readonly #d: RpcServiceDependencies;
  readonly #labels = new CallLabels();

  constructor(dependencies: RpcServiceDependencies) {
    this.#d = dependencies;
  }

  /** For the server port. */
  readonly handle: RpcHandler = (call, reply) => {
    const { metrics } = this.#d;
    metrics.count("rpc.request");
    const found = findMethod(call.method);
    // Without a certificate only those methods may be called that give one out, and there are none yet.
    if (call.insecure) return refuse(reply, `rpc: can't find service ${call.method}`, true);
    if ("refusal" in found) {
      metrics.count("rpc.request_error");
      return refuse(reply, found.refusal, found.close);
    }
    const refusal = this.#d.limits.active ? this.#d.limits.refusal(call.method, call.from) : undefined;
    if (refusal !== undefined) {
      metrics.count("rpc.request_error");
      return refuse(reply, refusal.message, false);
    }
    let request: CommonRequest;
    try {
      request = decodeStruct(found.served.request, call.args) as CommonRequest;
    } catch (error) {
      if (!(error instanceof MsgpackError)) throw error;
      return refuse(reply, error.message, true);
    }
    const { server } = this.#d;
    const startedMs = this.#d.clock.nowMs();
    return this.#route(found.served, call, request, (outcome) => {
      const labels = this.#labels.of(call.method, found.served.kind, outcome instanceof Error, server.isLeader);
      metrics.sample("rpc.server.call", this.#d.clock.nowMs() - startedMs, labels);
      if (outcome instanceof Error) reply.fail(this.#textOf(call, outcome));
      else reply.ok(...outcome);
    });
  };

  #route(served: Served, { method, args }: RpcCall, request: CommonRequest, done: (outcome: RpcBytes) => void): Cancel {
    const { server, datacenter, leaderCalls, forwardDatacenter } = this.#d;
    const asked = request.Datacenter ?? "";
    if (asked !== "" && asked !== datacenter) return forwardDatacenter(asked, { method, args }, done);
    if (server.mayAnswer(served.answeredBy, request)) return this.local(served, request, done);
    return leaderCalls.start(
      {
        method,
        args: () => args,
        isRead: served.kind !== "write" && served.answeredBy !== "leader",
        here: (then) => this.local(served, request, then),
        remote: (bytes) => [bytes],
      },
      done,
    );
  }

  /** Carries a call out on this server, which may. @returns cancel */
  local(served: Served, request: CommonRequest, done: (outcome: RpcBytes) => void): Cancel {
    const { server } = this.#d;
    const method = served.formOf(request);
    if (served.kind === "read") return this.#read(served, request, done);
    const settled = served.kind === "write" ? server.write(method, request) : server.call(method, request);
    let gone = false;
    settled.then(
      (result) => {
        if (!gone)
          this.#encoded(
            () => encodeReplyPieces(served.reply, result),
            (bytes) => gone || done(bytes),
          );
      },
      (error: Error) => {
        if (!gone) done(error);
      },
    );
    return () => {
      gone = true;
    };
  }

  #read(served: Served, request: CommonRequest, done: (outcome: RpcBytes) => void): Cancel {
    const { server, datacenter } = this.#d;
    const method = served.formOf(request);
    const { contract } = method;
    if (contract.kind !== "read") return nothing;
    const minIndex = contract.blocking ? (request.MinQueryIndex ?? 0) : 0;
    const read = {
      endpoint: method,
      key: questionKey(method, request as Readonly<Record<string, unknown>>),
      request,
      minIndex,
      waitMs: (request.MaxQueryTime ?? 0) / NS_PER_MS,
      consistency: request.RequireConsistent === true ? "consistent" : request.AllowStale === true ? "stale" : "leader",
      datacenter,
    } as const;
    let gone = false;
    const cancel = server.readLater(read, (outcome) => {
      if (outcome instanceof Error) return done(outcome);
      const { answer, meta } = outcome;
      const keep = (variant: string, encoded: unknown, bytes: number): void =>
        server.engine.keep(answer, variant, encoded, bytes);
      this.#encoded(
        () => encodeAnswer(contract.reply, answer, meta, keep),
        (bytes) => gone || done(bytes),
      );
    });
    return () => {
      gone = true;
      cancel();
    };
  }

  /** Long replies are encoded over several turns of the event loop. */
  #encoded(
    encode: () => readonly Uint8Array[] | Steps<readonly Uint8Array[]>,
    done: (outcome: RpcBytes) => void,
  ): void {
    let bytes: RpcBytes | Promise<readonly Uint8Array[]>;
    try {
      const encoding = encode();
      bytes = isSteps(encoding) ? this.#d.server.engine.carryOn(encoding) : encoding;
    } catch (error) {
      bytes = error as Error;
    }
    if (bytes instanceof Promise) bytes.then(done, done);
    else done(bytes);
  }

  #textOf({ method, from }: RpcCall, error: Error): string {
    const { logger, metrics } = this.#d;
    if (!(error instanceof TribuneError)) {
      metrics.count("rpc.request_error");
      logger.error("RPC failed", { method, from, error: error.stack ?? error.message });
    }
    return error.message === "" ? "internal error" : error.message;
  }
}

function refuse(reply: RpcReply, text: string, close: boolean): Cancel {
  reply.fail(text, close);
  return nothing;
}
