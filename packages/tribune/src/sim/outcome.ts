/** What a run of a simulation ended with, and what its program tells by its exit status. */
import { InvariantError } from "../lib/invariant.ts";

/** A promise of the product was found broken. A crash, of the product or of the simulation, ends with 1. */
const VIOLATION_STATUS = 3;

interface Caught {
  /** What does not hold, or the stack of a crash. */
  readonly violation: string;
  /** Whether no checker says so, nor an invariant of the core: what ran is simply wrong. */
  readonly crashed: boolean;
}

export function caught(error: unknown, Violation: new (message: string) => Error): Caught {
  if (error instanceof Violation) return { violation: error.message, crashed: false };
  const violation = error instanceof Error ? `${error.stack}` : String(error);
  return { violation, crashed: !(error instanceof InvariantError) };
}

export function exitStatus({ violations, crashes }: { readonly violations: number; readonly crashes: number }): number {
  if (crashes > 0) return 1;
  return violations > 0 ? VIOLATION_STATUS : 0;
}
