import { TribuneError, WIRE_TEXT } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import { randomStagger } from "../../lib/random.ts";
import type { RateLimit } from "../../lib/rate-limit.ts";
import type { Cancel, Runtime } from "../../lib/runtime.ts";
import type { ServerMember } from "../../pool/server-tags.ts";
import {
  type RpcCallOptions,
  type RpcOutcome,
  type RpcPool,
  RpcRemoteError,
  type RpcTarget,
  RpcTransportError,
} from "../../rpc/types.ts";
import type { ServerList } from "./server-list.ts";

export interface ServerCall {
  readonly method: string;
  readonly args: Uint8Array;
  /** May be repeated when nobody knows whether it was carried out. */
  readonly isRead: boolean;
  /** How long a server may hold a blocking query back, in milliseconds; 0: its default. Absent: it does not block. */
  readonly waitMs?: number;
}

export interface ServerCallsOptions {
  /** `rpc_hold_timeout`: how long calls are repeated. */
  readonly holdMs: number;
  /** `rpc_client_timeout`: how long an answer is waited for that nobody holds back; 0: for ever. */
  readonly answerMs: number;
  /** `default_query_time` and `max_query_time` */
  readonly waitDefaultMs: number;
  readonly waitMaxMs: number;
}

export interface ServerCallsDependencies {
  readonly servers: Pick<ServerList, "active" | "failed" | "servers">;
  readonly pool: Pick<RpcPool, "start">;
  readonly runtime: Pick<Runtime, "clock" | "timers" | "rng">;
  readonly limit: Pick<RateLimit, "admit">;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** A repeated call waits up to this part of the patience before it is sent again (Consul's `jitterFraction`). */
const JITTER_FRACTION = 16;
/** A server holds a blocking query back for up to this part longer than it may. */
const WAIT_JITTER_FRACTION = 16;
const NO_LIMITS: RpcCallOptions = {};
/** A server that took only part of a large write in (`ErrChunkingResubmit`). */
const RESUBMIT = "please resubmit call for rechunking";

export function targetOf(server: ServerMember): RpcTarget {
  return { name: server.shortName, host: server.host, port: server.port, datacenter: server.datacenter };
}

/**
 * Calls from an agent to the servers of its datacenter: finds one that answers, and holds out while they elect a
 * leader (sheet consul-rpc §7).
 */
export class ServerCalls {
  readonly #d: ServerCallsDependencies;
  #options: ServerCallsOptions;

  constructor(options: ServerCallsOptions, dependencies: ServerCallsDependencies) {
    this.#options = options;
    this.#d = dependencies;
  }

  /** Takes effect for calls to come. */
  configure(options: ServerCallsOptions): void {
    this.#options = options;
  }

  /** Calls back once, with the reply's bytes or a TribuneError, never before this has returned. @returns cancel */
  start(call: ServerCall, done: (outcome: Uint8Array | TribuneError) => void): Cancel {
    const { clock, timers } = this.#d.runtime;
    const { holdMs } = this.#options;
    const limits = this.#limitsOf(call);
    const startedMs = clock.nowMs();
    /** Servers that could not even be reached, since the last that could. */
    const unreachable = new Set<string>();
    let cancel: Cancel = () => {};
    const refuse = (error: TribuneError): void => {
      cancel = timers.after(0, () => done(error));
    };
    const attempt = (): void => {
      const server = this.#d.servers.active;
      if (server === undefined) return refuse(TribuneError.of("NO_SERVERS"));
      this.#d.metrics.count("client.rpc");
      if (!this.#d.limit.admit()) {
        this.#d.metrics.count("client.rpc.exceeded");
        return refuse(TribuneError.of("RATE_EXCEEDED"));
      }
      const answered = (outcome: RpcOutcome): void => {
        if (!(outcome instanceof Error)) return done(outcome);
        this.#tell(call, server, outcome);
        const answers = outcome instanceof RpcRemoteError;
        // Who answers and is only of another mind is not worse than the others.
        if (!answers || isLeaderless(outcome) || isBusy(outcome)) this.#d.servers.failed(server);
        if (!answers && !outcome.sent) {
          unreachable.add(server.name);
          if (this.#d.servers.active !== undefined && !unreachable.has(this.#d.servers.active.name)) return attempt();
        } else unreachable.clear();
        const error = wrapped(outcome);
        if (!mayRepeat(call, outcome) || clock.nowMs() - startedMs >= holdMs) return done(error);
        cancel = timers.after(randomStagger(this.#d.runtime.rng, holdMs / JITTER_FRACTION), attempt);
      };
      cancel = this.#d.pool.start(targetOf(server), call.method, call.args, answered, limits);
    };
    attempt();
    return () => cancel();
  }

  call(call: ServerCall): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.start(call, (outcome) => {
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      });
    });
  }

  /** As in later versions of Consul: to a blocking query its wait, and what a server adds to it and spends on an election. */
  #limitsOf({ waitMs }: ServerCall): RpcCallOptions {
    const { holdMs, answerMs, waitDefaultMs, waitMaxMs } = this.#options;
    if (waitMs !== undefined) {
      const heldMs = Math.min(waitMs === 0 ? waitDefaultMs : waitMs, waitMaxMs);
      return { timeoutMs: heldMs + heldMs / WAIT_JITTER_FRACTION + holdMs };
    }
    return answerMs > 0 ? { timeoutMs: answerMs } : NO_LIMITS;
  }

  #tell({ method }: ServerCall, server: ServerMember, error: RpcRemoteError | RpcTransportError): void {
    const { logger, metrics } = this.#d;
    metrics.count("client.rpc.failed", 1, [["server", server.name]]);
    logger.error("RPC failed to server", {
      method,
      server: `${server.host}:${server.port}`,
      error: wrapped(error).message,
    });
  }
}

function isLeaderless(error: Error): boolean {
  return error.message.includes("No cluster leader");
}

/** The server had too much to do, and did nothing; others may have less. */
function isBusy(error: Error): boolean {
  return error.message.includes(WIRE_TEXT.RETRY_ELSEWHERE[1]);
}

/**
 * Without a leader nothing was changed, so everything may be repeated; with a stream that ended a write may have been
 * carried out, so only reads are, and what was not sent.
 */
function mayRepeat({ isRead }: ServerCall, error: RpcRemoteError | RpcTransportError): boolean {
  if (isLeaderless(error) || isBusy(error) || error.message.includes(RESUBMIT)) return true;
  return error instanceof RpcTransportError && error.eof && (isRead || !error.sent);
}

function wrapped(error: RpcRemoteError | RpcTransportError): TribuneError {
  if (error instanceof RpcRemoteError) return TribuneError.fromWire(`rpc error making call: ${error.message}`);
  const where = error.sent ? "rpc error making call" : "rpc error getting client: failed to get conn";
  return new TribuneError("unavailable", `${where}: ${error.message}`, { cause: error });
}
