/**
 * A server as the doors see it, whether it leads or not: what it may answer it answers itself, the rest goes to the
 * leader (sheet consul-rpc §7).
 */
import type { Schema, Struct } from "@tribune/api";
import { decodeStruct, encodeStruct } from "../codec/struct-msgpack.ts";
import { decodeSteps, isLongReply } from "../codec/struct-steps.ts";
import type { Method } from "../endpoints/binding.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Cancel, Runtime } from "../lib/runtime.ts";
import type { LeaderCalls } from "./leader-calls.ts";
import type { Answered } from "./query-engine.ts";
import type { ServerRead, ServerReadOutcome } from "./reads.ts";
import { RemoteAnswers, type RemoteRead } from "./remote-answers.ts";
import type { RequestLimits } from "./request-limits.ts";
import { findMethod } from "./rpc-methods.ts";
import type { CommonRequest, ForwardDatacenter, RpcBytes, RpcService } from "./rpc-service.ts";
import type { Server } from "./server.ts";

/** Questions whose last reply is kept, and what they may hold together. */
const QUESTIONS_MAX = 8192;
const REPLY_BYTES_MAX = 48 << 20;
const SHOWN_BYTES_MAX = 48 << 20;

type Read = ServerRead & RemoteRead;

export interface ForwardingDependencies {
  readonly server: Server;
  readonly service: RpcService;
  readonly leaderCalls: LeaderCalls;
  readonly limits: RequestLimits;
  readonly datacenter: string;
  readonly forwardDatacenter: ForwardDatacenter;
  readonly runtime: Pick<Runtime, "clock" | "timers">;
}

/** `HttpBackend` without its agent. */
export class Forwarding {
  readonly #d: ForwardingDependencies;
  readonly #remote: RemoteAnswers;

  constructor(dependencies: ForwardingDependencies) {
    this.#d = dependencies;
    this.#remote = new RemoteAnswers(
      { questionsMax: QUESTIONS_MAX, replyBytesMax: REPLY_BYTES_MAX, shownBytesMax: SHOWN_BYTES_MAX },
      {
        runtime: dependencies.runtime,
        fetch: ({ method, args }, done) => this.#fetch(method, args, true, undefined, done),
      },
    );
  }

  readNow(call: ServerRead): ServerReadOutcome | undefined {
    if (this.#d.limits.active) return undefined; // `read` can refuse
    return this.#isHere(call) ? this.#d.server.readNow(call) : undefined;
  }

  read(call: Read, deliver: (outcome: ServerReadOutcome | Error) => void): Cancel {
    const refusal = this.#refusal(call.endpoint);
    if (refusal !== undefined) return this.#d.runtime.timers.after(0, () => deliver(refusal));
    return this.#isHere(call) ? this.#d.server.readLater(call, deliver) : this.#remote.read(call, deliver);
  }

  write(method: Method, request: CommonRequest): Promise<unknown> {
    const { server } = this.#d;
    const refusal = this.#refusal(method);
    if (refusal !== undefined) return Promise.reject(refusal);
    if (this.#isOwn(request) && server.isLeader)
      return server.write(method, request).catch((error: unknown) => {
        // Nothing was written: whoever leads now may do it.
        if (!isLeaderless(error)) throw error;
        return this.#carryOut(method, request, false);
      });
    return this.#carryOut(method, request, false);
  }

  call(method: Method, request: CommonRequest): Promise<unknown> {
    const { server } = this.#d;
    const { contract } = method;
    if (contract.kind !== "call") return Promise.reject(TribuneError.internal(`${method.name} is no call`));
    const refusal = this.#refusal(method);
    if (refusal !== undefined) return Promise.reject(refusal);
    if (this.#isOwn(request) && server.mayAnswer(contract.answeredBy, request)) return server.call(method, request);
    return this.#carryOut(method, request, contract.answeredBy !== "leader");
  }

  callNow(method: Method, request: CommonRequest): unknown {
    const { server, limits } = this.#d;
    if (limits.active) return undefined; // `call` can refuse
    const { contract } = method;
    if (contract.kind !== "call" || !this.#isOwn(request)) return undefined;
    return server.mayAnswer(contract.answeredBy, request) ? server.callNow(method, request) : undefined;
  }

  keep(answer: Answered, variant: string, encoded: unknown, bytes: number): void {
    // Each knows its own answers: the state's are watched, those of others are outdated by the next.
    if (this.#remote.owns(answer)) this.#remote.keep(answer, variant, encoded, bytes);
    else this.#d.server.engine.keep(answer, variant, encoded, bytes);
  }

  #refusal({ contract }: Method): TribuneError | undefined {
    const { limits } = this.#d;
    return limits.active && contract.kind !== "local" ? limits.refusal(contract.rpc, "") : undefined;
  }

  #isOwn({ Datacenter = "" }: CommonRequest): boolean {
    return Datacenter === "" || Datacenter === this.#d.datacenter;
  }

  #isHere({ datacenter, consistency }: ServerRead): boolean {
    const own = datacenter === "" || datacenter === this.#d.datacenter;
    return own && this.#d.server.mayAnswer("asked", { AllowStale: consistency === "stale" });
  }

  async #carryOut(method: Method, request: CommonRequest, isRead: boolean): Promise<unknown> {
    const { contract } = method;
    if (contract.kind === "local") throw TribuneError.internal(`${method.name} is the agent's own`);
    const args = encodeStruct(contract.request as Struct<unknown>, request);
    const reply = await new Promise<Uint8Array>((resolve, reject) => {
      this.#fetch(contract.rpc, args, isRead, request, (outcome) =>
        outcome instanceof Error ? reject(outcome) : resolve(outcome),
      );
    });
    const { engine } = this.#d.server;
    return isLongReply(reply)
      ? engine.carryOn(decodeSteps(contract.reply as Schema<unknown>, reply))
      : decodeStruct(contract.reply as Schema<unknown>, reply);
  }

  /** Gets a reply's bytes from whoever may answer. Calls back once, never before it has returned. */
  #fetch(
    method: string,
    args: Uint8Array,
    isRead: boolean,
    known: CommonRequest | undefined,
    done: (outcome: Uint8Array | Error) => void,
  ): Cancel {
    const { service, leaderCalls, forwardDatacenter, datacenter, runtime } = this.#d;
    const found = findMethod(method);
    let returned = false;
    let over = false;
    const finish = (outcome: RpcBytes | Uint8Array): void => {
      if (over) return;
      if (!returned) return void runtime.timers.soon(() => finish(outcome));
      over = true;
      done(outcome instanceof Error || outcome instanceof Uint8Array ? outcome : Buffer.concat(outcome));
    };
    if ("refusal" in found) {
      runtime.timers.soon(() => finish(TribuneError.internal(found.refusal)));
      returned = true;
      return () => {
        over = true;
      };
    }
    const request = known ?? (decodeStruct(found.served.request, args) as CommonRequest);
    const cancel = this.#isOwn(request)
      ? leaderCalls.start<RpcBytes & readonly Uint8Array[]>(
          {
            method,
            args: () => args,
            isRead,
            here: (then) => service.local(found.served, request, then),
            remote: (bytes) => [bytes],
          },
          finish,
        )
      : forwardDatacenter(request.Datacenter ?? datacenter, { method, args }, finish);
    returned = true;
    return () => {
      over = true;
      cancel();
    };
  }
}

function isLeaderless(error: unknown): boolean {
  return error instanceof Error && error.message.includes("No cluster leader");
}
