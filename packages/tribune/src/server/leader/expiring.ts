import type { Cancel, Runtime } from "../../lib/runtime.ts";

/** Timers by name: setting one again moves it. Node keeps a timer cheap, so one per session is fine. */
export class Expiring {
  readonly #timers = new Map<string, Cancel>();
  readonly #runtime: Pick<Runtime, "timers">;
  readonly #onExpired: (name: string) => void;

  constructor(runtime: Pick<Runtime, "timers">, onExpired: (name: string) => void) {
    this.#runtime = runtime;
    this.#onExpired = onExpired;
  }

  get size(): number {
    return this.#timers.size;
  }

  set(name: string, delayMs: number): void {
    this.#timers.get(name)?.();
    this.#timers.set(
      name,
      this.#runtime.timers.after(delayMs, () => {
        this.#timers.delete(name);
        this.#onExpired(name);
      }),
    );
  }

  clear(name: string): void {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
  }

  clearAll(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }
}
