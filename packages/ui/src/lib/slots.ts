/**
 * A few places for watchers who each want one for long. As long as there are places for all they stay; when there are
 * more watchers than places, everybody takes a place for a short while only, and the long holders are asked to go.
 */
export interface Slot {
  /** Aborted when the place must be given up. */
  readonly asked: AbortSignal;
  free(): void;
}

interface Held {
  readonly abort: AbortController;
  readonly long: boolean;
}

export class Slots {
  private readonly held: Held[] = [];
  private readonly queue: (() => void)[] = [];
  private watchers = 0;
  private readonly max: number;

  constructor(max: number) {
    this.max = max;
  }

  /** Hold a place for a short time only. */
  get crowded(): boolean {
    return this.watchers > this.max;
  }

  /** Counts a watcher in for as long as the signal stands. */
  join(stop: AbortSignal): void {
    this.watchers++;
    stop.addEventListener("abort", () => this.watchers--, { once: true });
    if (this.crowded) for (const { abort, long } of this.held) if (long) abort.abort();
  }

  /** Rejects with the signal's reason. */
  async take(stop: AbortSignal): Promise<Slot> {
    while (this.held.length >= this.max) {
      await new Promise<void>((done) => {
        const leave = (): void => {
          const at = this.queue.indexOf(go);
          if (at >= 0) this.queue.splice(at, 1);
          done();
        };
        const go = (): void => {
          stop.removeEventListener("abort", leave);
          done();
        };
        stop.addEventListener("abort", leave, { once: true });
        this.queue.push(go);
      });
      stop.throwIfAborted();
    }
    const held: Held = { abort: new AbortController(), long: !this.crowded };
    this.held.push(held);
    return {
      asked: held.abort.signal,
      free: () => {
        const at = this.held.indexOf(held);
        if (at < 0) return;
        this.held.splice(at, 1);
        this.queue.shift()?.();
      },
    };
  }
}
