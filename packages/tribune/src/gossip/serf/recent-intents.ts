import { INTENTS_MAX } from "./settings.ts";

interface Intent {
  readonly type: "join" | "leave";
  readonly lTime: number;
  readonly atMs: number;
}

/** Intents that came before their member: gossip keeps no order (sheet serf §3). Only the newest of each name. */
export class RecentIntents {
  readonly #timeoutMs: number;
  readonly #byName = new Map<string, Intent>();

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** @returns whether it is news, and therefore to be passed on. */
  add(nowMs: number, name: string, type: Intent["type"], lTime: number): boolean {
    const known = this.#byName.get(name);
    if (known === undefined ? this.#byName.size >= INTENTS_MAX : lTime <= known.lTime) return false;
    this.#byName.set(name, { type, lTime, atMs: nowMs });
    return true;
  }

  get(name: string): Intent | undefined {
    return this.#byName.get(name);
  }

  expire(nowMs: number): void {
    for (const [name, { atMs }] of this.#byName) if (nowMs - atMs > this.#timeoutMs) this.#byName.delete(name);
  }
}
