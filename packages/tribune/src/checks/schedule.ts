import { randomStagger } from "../lib/random.ts";
import type { Cancel, Runtime } from "../lib/runtime.ts";

/**
 * A job may start this much early, to share a wake-up with the one before it: with hundreds of checks a second
 * the wake-ups would otherwise cost a good part of what the probes do.
 */
const SLACK_MS = 10;

const nothing = (): void => {};

interface Job {
  readonly intervalMs: number;
  run: (done: () => void) => Cancel;
  dueMs: number;
  /** Cancels the run that is under way. */
  running: Cancel | undefined;
  stopped: boolean;
}

/**
 * Runs jobs at fixed rates on one timer. Each job starts at a random moment of its first interval and then
 * every interval, start to start, so it does not drift. A run that takes longer than the interval makes the
 * job skip the moments it missed: a job never overlaps itself.
 */
export class Schedule {
  private readonly runtime: Pick<Runtime, "clock" | "timers" | "rng">;
  /** A binary heap, earliest due first. */
  private readonly heap: Job[] = [];
  private armedForMs = Number.POSITIVE_INFINITY;
  private disarm: Cancel = () => {};
  /** Jobs in the heap that have stopped. */
  private stoppedCount = 0;

  constructor(deps: { runtime: Pick<Runtime, "clock" | "timers" | "rng"> }) {
    this.runtime = deps.runtime;
  }

  /**
   * @param run starts one run, calls `done` once when it has ended, and returns how to cancel it.
   * @returns stops the job and cancels a run that is under way.
   */
  every(intervalMs: number, run: (done: () => void) => Cancel): Cancel {
    const { clock, rng } = this.runtime;
    const dueMs = clock.nowMs() + randomStagger(rng, intervalMs);
    const job: Job = { intervalMs, run, dueMs, running: undefined, stopped: false };
    this.push(job);
    this.arm();
    return () => {
      if (job.stopped) return;
      job.stopped = true; // leaves the heap when its turn comes, or when many have stopped
      job.run = () => nothing;
      job.running?.();
      job.running = undefined;
      this.stoppedCount++;
      if (this.stoppedCount * 2 > this.heap.length) this.sweep();
    };
  }

  /** Forgets stopped jobs, so that they hold neither memory nor, with the last of them, the timer. */
  private sweep(): void {
    const live = this.heap.filter((job) => !job.stopped);
    this.heap.length = 0;
    this.stoppedCount = 0;
    for (const job of live) this.push(job);
    this.disarm();
    this.armedForMs = Number.POSITIVE_INFINITY;
    this.arm();
  }

  private wake(): void {
    const nowMs = this.runtime.clock.nowMs();
    this.armedForMs = Number.POSITIVE_INFINITY;
    for (let job = this.heap[0]; job !== undefined && job.dueMs <= nowMs + SLACK_MS; job = this.heap[0]) {
      if (job.stopped) {
        this.stoppedCount--;
        this.dropFirst();
        continue;
      }
      // A stalled process (a suspended laptop) does not run the missed ones in a burst.
      const missed = Math.max(0, Math.floor((nowMs - job.dueMs) / job.intervalMs));
      job.dueMs += (missed + 1) * job.intervalMs;
      this.sink(0);
      if (job.running === undefined) this.start(job);
    }
    this.arm();
  }

  private start(job: Job): void {
    let ended = false;
    const cancel = job.run(() => {
      ended = true;
      job.running = undefined;
    });
    if (!ended && !job.stopped) job.running = cancel;
    else if (!ended) cancel();
  }

  private arm(): void {
    const dueMs = this.heap[0]?.dueMs;
    if (dueMs === undefined || dueMs >= this.armedForMs) return;
    this.disarm();
    this.armedForMs = dueMs;
    this.disarm = this.runtime.timers.after(Math.max(0, dueMs - this.runtime.clock.nowMs()), () => this.wake());
  }

  private push(job: Job): void {
    const { heap } = this;
    let at = heap.push(job) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.dueMs <= job.dueMs) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = job;
  }

  private dropFirst(): void {
    const last = this.heap.pop()!;
    if (this.heap.length === 0) return;
    this.heap[0] = last;
    this.sink(0);
  }

  private sink(from: number): void {
    const { heap } = this;
    const job = heap[from]!;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.dueMs < heap[child]!.dueMs) child++;
      if (heap[child]!.dueMs >= job.dueMs) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = job;
  }
}
