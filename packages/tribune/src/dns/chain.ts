import type { MaybePromise } from "./backend.ts";

/** Goes on with a value at once when it is there, so that a server with its data in memory answers in one turn. */
export function chain<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
