/**
 * Deterministic simulator: one thread, one seed, virtual time.
 *
 * Everything that happens is an event in one queue ordered by (time, sequence). Time jumps from event to event,
 * so hours of cluster life take seconds. A failing run is reported as its seed, and the seed alone brings it back.
 */
import { createHash, type Hash } from "node:crypto";
import { invariant } from "../lib/invariant.ts";
import { randomInt, seededRng } from "../lib/random.ts";
import type { Cancel, Rng } from "../lib/runtime.ts";

interface Event {
  readonly atMs: number;
  readonly sequence: number;
  /** Undefined once cancelled: the event stays in the heap and does nothing. */
  run: (() => void) | undefined;
}

/** More than this without a step of time is a loop, for instance a timer that is due and does nothing. */
const EVENTS_AT_ONE_TIME_MAX = 100_000;

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
}

export class Simulator {
  nowMs = 0;
  readonly seed: number;
  readonly rng: Rng;
  /** A binary heap by (atMs, sequence). */
  readonly #heap: Event[] = [];
  #sequence = 0;
  /** Events since time last moved. */
  #standing = 0;
  readonly #digest: Hash = createHash("sha256");
  readonly #lines: string[] | undefined;

  /** With `keepLines` the newest lines are kept for a reader; slower, for one seed at a time. */
  constructor(seed: number, options: { readonly keepLines?: boolean } = {}) {
    this.seed = seed;
    this.rng = seededRng(seed);
    this.#lines = options.keepLines === true ? [] : undefined;
  }

  /** A random source of its own, so that one part's draws do not shift another's. */
  fork(): Rng {
    return seededRng(randomInt(this.rng, 2 ** 32));
  }

  /** Runs `run` after `delayMs` of virtual time; events due at one time run in the order scheduled. */
  after(delayMs: number, run: () => void): Cancel {
    invariant(delayMs >= 0, "an event cannot be scheduled in the past");
    const event: Event = { atMs: this.nowMs + delayMs, sequence: this.#sequence++, run };
    this.#push(event);
    return () => {
      event.run = undefined;
    };
  }

  /** Runs the next event that is due until `endMs`. @returns false when there is none. */
  runNext(endMs: number): boolean {
    const event = this.#heap[0];
    if (event === undefined || event.atMs > endMs) return false;
    this.#pop();
    if (event.atMs - this.nowMs > 0) this.#standing = 0;
    else if (++this.#standing > EVENTS_AT_ONE_TIME_MAX) throw new Error(`time stands still at ${this.nowMs} ms`);
    this.nowMs = event.atMs;
    event.run?.();
    return true;
  }

  runUntil(endMs: number): void {
    while (this.runNext(endMs));
    this.nowMs = endMs;
  }

  /**
   * `runUntil` for code with promises: between two events every continuation that can run does. Whole agents run
   * here; nothing in them may wait for the real world.
   */
  async play(endMs: number): Promise<void> {
    while (this.runNext(endMs)) await new Promise((resolve) => setImmediate(resolve));
    this.nowMs = endMs;
  }

  /** Runs while `pending()`, asked before each event. @returns whether it ended before `endMs`. */
  runWhile(pending: () => boolean, endMs: number): boolean {
    while (pending()) if (!this.runNext(endMs)) return false;
    return true;
  }

  /** Adds a line to the run's fingerprint. Two runs of one seed must agree on every line. */
  record(line: string): void {
    const stamped = `${this.nowMs.toFixed(3)} ${line}\n`;
    this.#digest.update(stamped);
    if (this.#lines !== undefined) this.#lines.push(stamped);
  }

  /** The last `count` lines, when they are kept. */
  trace(count: number): string {
    return (this.#lines ?? []).slice(-count).join("");
  }

  fingerprint(): string {
    return this.#digest.copy().digest("hex").slice(0, 16);
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}
