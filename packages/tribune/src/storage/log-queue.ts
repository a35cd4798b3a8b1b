/** What waits in a log's queue for the disk: batches of changes, and resets, one flush each. */
import type { HardState } from "./log-entry.ts";
import type { LogFailedError } from "./log-errors.ts";
import type { FrameBuilder } from "./log-frame.ts";
import type { SegmentStart } from "./log-record.ts";

/** What one fdatasync will make durable. Its callers share one promise. */
export class Batch {
  readonly frame: FrameBuilder;
  /** Marks entries of this batch in the table until they have a place; negative and unique. */
  readonly pending: number;
  readonly indexes: number[] = [];
  hardState: HardState | undefined;
  lastIndex = 0;
  lastTerm = 0;
  readonly done: Promise<void>;
  settle!: (failure?: LogFailedError) => void;

  constructor(frame: FrameBuilder, pending: number) {
    this.frame = frame;
    this.pending = pending;
    this.done = new Promise((resolve, reject) => {
      this.settle = (failure) => (failure ? reject(failure) : resolve());
    });
  }
}

/** A snapshot from elsewhere replaces the log: a new segment that nothing before counts for. */
export class Reset {
  readonly start: SegmentStart;
  readonly done: Promise<void>;
  settle!: (failure?: LogFailedError) => void;

  constructor(index: number, term: number) {
    this.start = { nextIndex: index + 1, previousTerm: term, reset: true };
    this.done = new Promise((resolve, reject) => {
      this.settle = (failure) => (failure ? reject(failure) : resolve());
    });
  }
}
