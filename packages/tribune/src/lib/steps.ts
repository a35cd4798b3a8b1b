/**
 * Work that may take long, in steps: after each `yield` its owner may let others have their turn and take it up again
 * later. A step should be a hundred rows or more: too short to be felt, long enough that looking at the clock costs nothing.
 */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Rows that a step goes through. */
export const ROWS_A_STEP = 256;

export function isSteps<T extends object>(work: T | Steps<T>): work is Steps<T> {
  return typeof (work as Partial<Steps<T>>).next === "function";
}

/** Does all of it at a stretch. */
export function finished<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
