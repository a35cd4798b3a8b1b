/** Calls that only the leader may answer: carried out here while we lead, sent to it otherwise, held while there is none. */
import { TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import { randomStagger } from "../lib/random.ts";
import type { Cancel, Clock, Runtime } from "../lib/runtime.ts";
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
  readonly #patience: Patience;

  /** @param holdMs `rpc_hold_timeout`: patience from the first failure on. */
  constructor(holdMs: number, dependencies: LeaderCallsDependencies) {
    this.#d = dependencies;
    this.#patience = new Patience(holdMs, dependencies);
  }

  /** From now on nothing is held: whoever asks is sent elsewhere at once. */
  leave(): void {
    this.#patience.end();
  }

  /** Calls back once, at once where that is possible. @returns cancel, after which nothing comes. */
  start<T>(call: LeaderCall<T>, done: (outcome: T | Error) => void): Cancel {
    const pending = new PendingCall(call, done, this.#patience, this.#d);
    pending.attempt();
    return () => pending.cancel();
  }
}

/** How long calls are held, and what the log says of those that are. */
class Patience {
  readonly holdMs: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #isOver = false;
  /** Calls that have failed once and are tried again. */
  #held = 0;
  /** Since when there are any, and how many there have been. */
  #heldSinceMs = 0;
  #heldInAll = 0;

  constructor(holdMs: number, { runtime, logger }: Pick<LeaderCallsDependencies, "runtime" | "logger">) {
    this.holdMs = holdMs;
    this.#clock = runtime.clock;
    this.#logger = logger;
  }

  end(): void {
    this.#isOver = true;
  }

  /** Whether a call that failed first at `failedAtMs` is given up. */
  isOverFor(failedAtMs: number): boolean {
    return this.#isOver || this.#clock.nowMs() - failedAtMs >= this.holdMs;
  }

  /** Said for the first and the last of them: an election holds hundreds. */
  hold(method: string, error: Error): void {
    this.#heldInAll++;
    if (++this.#held > 1) return;
    this.#heldSinceMs = this.#clock.nowMs();
    this.#logger.debug("calls wait for a leader that answers", { method, error: error.message });
  }

  release(): void {
    if (--this.#held > 0) return;
    const milliseconds = Math.round(this.#clock.nowMs() - this.#heldSinceMs);
    this.#logger.debug("no call waits for a leader any more", { milliseconds, calls: this.#heldInAll });
    this.#heldInAll = 0;
  }
}

/** One call, from its first attempt until it is settled, given up or cancelled. */
class PendingCall<T> {
  readonly #call: LeaderCall<T>;
  readonly #done: (outcome: T | Error) => void;
  readonly #patience: Patience;
  readonly #d: LeaderCallsDependencies;
  /** Ends what is under way: an attempt, or the wait for the next one. */
  #cancelCurrent: Cancel = () => {};
  #failedAtMs: number | undefined;
  #isHeld = false;
  #isOver = false;

  constructor(
    call: LeaderCall<T>,
    done: (outcome: T | Error) => void,
    patience: Patience,
    dependencies: LeaderCallsDependencies,
  ) {
    this.#call = call;
    this.#done = done;
    this.#patience = patience;
    this.#d = dependencies;
  }

  attempt(): void {
    if (this.#isOver) return;
    if (this.#d.leads()) return this.#carryOutHere();
    const target = this.#d.leader();
    if (target === undefined) return this.#failed(TribuneError.of("NO_LEADER"), true);
    this.#send(target);
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#end();
    this.#cancelCurrent();
  }

  #carryOutHere(): void {
    this.#begin(() =>
      this.#call.here((outcome) => {
        if (outcome instanceof Error) this.#failed(outcome, isLeaderless(outcome));
        else this.#settle(outcome);
      }),
    );
  }

  #send(target: RpcTarget): void {
    const call = this.#call;
    this.#d.metrics.count("rpc.forward");
    this.#begin(() =>
      this.#d.pool.start(target, call.method, call.args(), (outcome) => {
        if (outcome instanceof Error) this.#failed(wrapped(outcome), mayRepeat(call.isRead, outcome));
        else this.#settle(received(call, outcome));
      }),
    );
  }

  /** Keeps the cancel of what begins, unless it has called back before it returned and put another in its place. */
  #begin(start: () => Cancel): void {
    const before = this.#cancelCurrent;
    const started = start();
    if (this.#cancelCurrent === before) this.#cancelCurrent = started;
  }

  #failed(error: Error, mayBeRepeated: boolean): void {
    if (this.#isOver) return;
    this.#failedAtMs ??= this.#d.runtime.clock.nowMs();
    if (!mayBeRepeated || this.#patience.isOverFor(this.#failedAtMs)) return this.#settle(error);
    if (!this.#isHeld) this.#patience.hold(this.#call.method, error);
    this.#isHeld = true;
    this.#tryAgainLater();
  }

  /** Not sooner than the next turn: nobody may be called back while he is still asking. */
  #tryAgainLater(): void {
    const { timers, rng } = this.#d.runtime;
    let waiting = true;
    const again = (): void => {
      if (!waiting) return;
      stop();
      this.attempt();
    };
    const cancelTimer = timers.after(randomStagger(rng, this.#patience.holdMs / JITTER_FRACTION), again);
    // Who leads and cannot write just now, for instance while it hands over, waits as well: else this would spin.
    const cancelLeading = this.#d.leads() ? () => {} : this.#d.onLeader(() => timers.soon(again));
    const stop = (): void => {
      waiting = false;
      cancelTimer();
      cancelLeading();
    };
    this.#cancelCurrent = stop;
  }

  #settle(outcome: T | Error): void {
    if (this.#isOver) return;
    this.#end();
    this.#done(outcome);
  }

  #end(): void {
    this.#isOver = true;
    if (this.#isHeld) this.#patience.release();
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
