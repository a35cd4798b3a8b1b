/** Calls that only the leader may answer: carried out here while we lead, sent to it otherwise, held while there is none. */
import { TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import { randomStagger } from "../lib/random.ts";
import type { Cancel, Runtime } from "../lib/runtime.ts";
import { type RpcPool, RpcRemoteError, type RpcTarget, RpcTransportError } from "../rpc/types.ts";

export interface LeaderCall<T> {
  readonly method: string;
  args(): Uint8Array;
  /** May be repeated when nobody knows whether it was carried out. */
  readonly isRead: boolean;
  /** Carries it out on this server. May call back at once. @returns cancel */
  here(done: (outcome: T | Error) => void): Cancel;
  /** What the leader's reply is to the caller. @throws for bytes that are none */
  remote(reply: Uint8Array): T;
}

export interface LeaderCallsDependencies {
  /** Whether this server leads and is ready to. */
  readonly leads: () => boolean;
  /** Runs, once, when this server is ready to lead, or when another begins to be known as the leader. @returns cancel */
  readonly onLeader: (run: () => void) => Cancel;
  /** The leader, if it is known and another server. */
  readonly leader: () => RpcTarget | undefined;
  readonly pool: Pick<RpcPool, "start">;
  readonly runtime: Pick<Runtime, "clock" | "timers" | "rng">;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** A call is repeated after up to this part of the patience (Consul's `jitterFraction`). */
const JITTER_FRACTION = 16;
/** A leader that took only part of a large write in (`ErrChunkingResubmit`). */
const RESUBMIT = "please resubmit call for rechunking";
const NO_LEADER = "No cluster leader";

export class LeaderCalls {
  readonly #d: LeaderCallsDependencies;
  readonly #holdMs: number;
  #leaving = false;
  /** Calls that have failed once and are tried again. */
  #held = 0;
  /** Since when there are any, and how many there have been. */
  #heldSinceMs = 0;
  #heldInAll = 0;

  /** @param holdMs `rpc_hold_timeout`: patience from the first failure on. */
  constructor(holdMs: number, dependencies: LeaderCallsDependencies) {
    this.#holdMs = holdMs;
    this.#d = dependencies;
  }

  /** From now on nothing is held: whoever asks is sent elsewhere at once. */
  leave(): void {
    this.#leaving = true;
  }

  /** Said for the first and the last of them: an election holds hundreds. */
  #hold(method: string, error: Error): void {
    this.#heldInAll++;
    if (++this.#held > 1) return;
    this.#heldSinceMs = this.#d.runtime.clock.nowMs();
    this.#d.logger.debug("calls wait for a leader that answers", { method, error: error.message });
  }

  #release(): void {
    if (--this.#held > 0) return;
    const milliseconds = Math.round(this.#d.runtime.clock.nowMs() - this.#heldSinceMs);
    this.#d.logger.debug("no call waits for a leader any more", { milliseconds, calls: this.#heldInAll });
    this.#heldInAll = 0;
  }

  /** Calls back once, at once where that is possible. @returns cancel, after which nothing comes. */
  start<T>(call: LeaderCall<T>, done: (outcome: T | Error) => void): Cancel {
    const { runtime, metrics, pool } = this.#d;
    let over = false;
    let cancel: Cancel = () => {};
    let failedAtMs: number | undefined;
    let isHeld = false;
    const release = (): void => {
      if (isHeld) this.#release();
      isHeld = false;
    };
    const settle = (outcome: T | Error): void => {
      if (over) return;
      over = true;
      release();
      done(outcome);
    };
    /** Keeps the cancel of what is under way; what has called back before it returned has put another in its place. */
    const run = (begin: () => Cancel): void => {
      const before = cancel;
      const begun = begin();
      if (cancel === before) cancel = begun;
    };
    const failed = (error: Error, mayRepeat: boolean): void => {
      if (over) return;
      failedAtMs ??= runtime.clock.nowMs();
      if (!mayRepeat || this.#leaving || runtime.clock.nowMs() - failedAtMs >= this.#holdMs) return settle(error);
      if (!isHeld) this.#hold(call.method, error);
      isHeld = true;
      // Not sooner than the next turn: nobody may be called back while he is still asking.
      let waiting = true;
      const again = (): void => {
        if (!waiting) return;
        waiting = false;
        stop();
        attempt();
      };
      const cancelTimer = runtime.timers.after(randomStagger(runtime.rng, this.#holdMs / JITTER_FRACTION), again);
      // Who leads and cannot write just now, for instance while it hands over, waits as well: else this would spin.
      const cancelLeading = this.#d.leads() ? () => {} : this.#d.onLeader(() => runtime.timers.soon(again));
      const stop = (): void => {
        cancelTimer();
        cancelLeading();
      };
      cancel = () => {
        waiting = false;
        stop();
      };
    };
    const attempt = (): void => {
      if (over) return;
      if (this.#d.leads())
        return run(() =>
          call.here((outcome) => {
            if (outcome instanceof Error) failed(outcome, isLeaderless(outcome));
            else settle(outcome);
          }),
        );
      const target = this.#d.leader();
      if (target === undefined) return failed(TribuneError.of("NO_LEADER"), true);
      metrics.count("rpc.forward");
      run(() =>
        pool.start(target, call.method, call.args(), (outcome) => {
          if (!(outcome instanceof Error)) return settle(received(call, outcome));
          failed(wrapped(outcome), mayRepeat(call.isRead, outcome));
        }),
      );
    };
    attempt();
    return () => {
      if (over) return;
      over = true;
      release();
      cancel();
    };
  }
}

function received<T>(call: LeaderCall<T>, reply: Uint8Array): T | Error {
  try {
    return call.remote(reply);
  } catch (error) {
    return TribuneError.internal(`could not read the reply of the leader: ${String(error)}`, error);
  }
}

const isLeaderless = (error: Error): boolean => error.message.includes(NO_LEADER);

/**
 * Without a leader nothing was changed, so everything may be repeated; with a stream that ended a write may have been
 * carried out, so only reads are, and what was not sent.
 */
function mayRepeat(isRead: boolean, error: RpcRemoteError | RpcTransportError): boolean {
  if (isLeaderless(error) || error.message.includes(RESUBMIT)) return true;
  return error instanceof RpcTransportError && (!error.sent || (isRead && error.eof));
}

/** In Consul's words, once more at each server that passes it on. */
export function wrapped(error: RpcRemoteError | RpcTransportError): TribuneError {
  if (error instanceof RpcRemoteError) return TribuneError.fromWire(`rpc error making call: ${error.message}`);
  const where = error.sent ? "rpc error making call" : "rpc error getting client: failed to get conn";
  return new TribuneError("unavailable", `${where}: ${error.message}`, { cause: error });
}
