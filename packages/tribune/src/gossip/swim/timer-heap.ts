import { invariant } from "../../lib/invariant.ts";

/** Something that is due at a time, or at none. Belongs to at most one heap. */
export class Timer {
  /** Meaningless while not set. */
  atMs = 0;
  /** Where the heap keeps it; -1 while not set. */
  position = -1;
  readonly run: () => void;

  constructor(run: () => void) {
    this.run = run;
  }

  get isSet(): boolean {
    return this.position >= 0;
  }
}

/**
 * Timers by time, in a binary heap that knows where each one is: setting, moving and clearing cost O(log n), and a
 * cleared timer leaves nothing behind, however often a peer makes one start and end.
 */
export class TimerHeap {
  readonly #heap: Timer[] = [];

  get nextAtMs(): number | undefined {
    return this.#heap[0]?.atMs;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Sets the timer, or moves it. */
  set(timer: Timer, atMs: number): void {
    invariant(!Number.isNaN(atMs), "a timer needs a time");
    timer.atMs = atMs;
    if (!timer.isSet) {
      timer.position = this.#heap.length;
      this.#heap.push(timer);
    }
    this.#settle(timer);
  }

  /** Harmless for one that is not set. */
  clear(timer: Timer): void {
    const { position } = timer;
    if (position < 0) return;
    const last = this.#heap.pop()!;
    timer.position = -1;
    if (last === timer) return;
    this.#heap[position] = last;
    last.position = position;
    this.#settle(last);
  }

  /** Takes out the earliest timer that is due, which the caller then runs. */
  takeDue(nowMs: number): Timer | undefined {
    const timer = this.#heap[0];
    if (timer === undefined || timer.atMs > nowMs) return undefined;
    this.clear(timer);
    return timer;
  }

  #settle(timer: Timer): void {
    const heap = this.#heap;
    let at = timer.position;
    while (at > 0) {
      const parent = heap[(at - 1) >> 1]!;
      if (parent.atMs <= timer.atMs) break;
      heap[at] = parent;
      parent.position = at;
      at = (at - 1) >> 1;
    }
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.atMs < heap[child]!.atMs) child++;
      const earlier = heap[child]!;
      if (earlier.atMs >= timer.atMs) break;
      heap[at] = earlier;
      earlier.position = at;
      at = child;
    }
    heap[at] = timer;
    timer.position = at;
  }
}
