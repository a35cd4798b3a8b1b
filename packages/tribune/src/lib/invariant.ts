/**
 * Invariant check. Stays on in production: a wrong answer from a catalog is worse than a server
 * that stops and lets the quorum go on without it.
 *
 * @throws InvariantError, which no code may catch and go on from: the process stops.
 */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** A broken promise of our own code, never something a peer or a client can cause. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Marks a `switch` branch that the type checker has proven empty. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable value: ${String(value)}`);
}
