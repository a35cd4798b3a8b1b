import { TribuneError } from "../lib/errors.ts";
import type { Cancel, Timers } from "../lib/runtime.ts";

/** Whether this server may answer for the datacenter, and the patience of those who ask while it may not. */
export class Leadership {
  #ready = false;
  readonly #waiting = new Set<() => void>();
  readonly #holdMs: number;
  readonly #timers: Timers;

  /** @param holdMs `rpc_hold_timeout`: how long a request waits for a leader before it is refused. */
  constructor(holdMs: number, timers: Timers) {
    this.#holdMs = holdMs;
    this.#timers = timers;
  }

  /** True once this server leads and has applied everything committed before its term. */
  get ready(): boolean {
    return this.#ready;
  }

  gained(): void {
    this.#ready = true;
    for (const wake of [...this.#waiting]) wake();
  }

  lost(): void {
    this.#ready = false;
  }

  /** Calls back at once when ready, else when it is or when patience ends. @returns cancel */
  whenReady(then: (refusal: TribuneError | undefined) => void): Cancel {
    if (this.#ready) {
      then(undefined);
      return () => {};
    }
    const finish = (): void => {
      if (!this.#waiting.delete(finish)) return;
      cancelTimer();
      then(this.#ready ? undefined : TribuneError.of("NO_LEADER"));
    };
    const cancelTimer = this.#timers.after(this.#holdMs, finish);
    this.#waiting.add(finish);
    return () => {
      this.#waiting.delete(finish);
      cancelTimer();
    };
  }

  waitReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.whenReady((refusal) => (refusal === undefined ? resolve() : reject(refusal)));
    });
  }
}
