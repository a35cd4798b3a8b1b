import type { WatchSet } from "../memdb/types.ts";
import type { Subject } from "./step-ring.ts";

export function subjectKey(kind: Subject["kind"], node: string, id: string): string {
  return `${kind}\0${node}\0${id}`.toLowerCase();
}

/** What a question is about; a transition is about several of them. */
export const WATCH_KEY = {
  all: "all",
  subject: subjectKey,
  service: (name: string): string => `of service\0${name.toLowerCase()}`,
  node: (name: string): string => `on node\0${name.toLowerCase()}`,
} as const;

/** Who waits for what. */
export class HistoryWatches {
  readonly #waiting = new Map<string, Set<HistoryWatch>>();

  begin(): HistoryWatch {
    return new HistoryWatch(this.#waiting);
  }

  /** Something happened to it. */
  fire({ key: own, node, names }: Subject): void {
    if (this.#waiting.size === 0) return;
    for (const key of [WATCH_KEY.all, own, WATCH_KEY.service(names.service), WATCH_KEY.node(node)])
      for (const watch of [...(this.#waiting.get(key) ?? [])]) watch.fire();
  }
}

/** Fires once, at the first transition of what was read. */
export class HistoryWatch implements WatchSet {
  readonly #waiting: Map<string, Set<HistoryWatch>>;
  readonly #keys = new Set<string>();
  readonly #wakers = new Set<() => void>();
  #fired = false;

  /** @param waiting all watches by what they wait for. */
  constructor(waiting: Map<string, Set<HistoryWatch>>) {
    this.#waiting = waiting;
  }

  get fired(): boolean {
    return this.#fired;
  }

  /** @param key one of `WATCH_KEY` */
  watch(key: string): void {
    this.#keys.add(key);
    const others = this.#waiting.get(key);
    if (others === undefined) this.#waiting.set(key, new Set([this]));
    else others.add(this);
  }

  onFire(wake: () => void): () => void {
    if (this.#fired) wake();
    else this.#wakers.add(wake);
    return () => this.#wakers.delete(wake);
  }

  fire(): void {
    this.#fired = true;
    const wakers = [...this.#wakers];
    this.release();
    for (const wake of wakers) wake();
  }

  release(): void {
    this.#wakers.clear();
    for (const key of this.#keys) {
      const waiting = this.#waiting.get(key);
      waiting?.delete(this);
      if (waiting?.size === 0) this.#waiting.delete(key);
    }
    this.#keys.clear();
  }
}
