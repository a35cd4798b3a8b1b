/**
 * The shape every deterministic protocol core shares (raft, swim, serf).
 *
 * A core turns one input into a list of effects. It never reads a clock, draws entropy from outside,
 * opens a socket or awaits: the shell hands it `nowMs` and an `Rng` and carries its effects out, so
 * the same inputs in the same order give the same effects, and the simulator and the production
 * shell are two hosts of one core.
 */
export interface Core<Input, Effect> {
  /**
   * Feeds one input at time `nowMs` (monotonic milliseconds; never goes back).
   *
   * Never throws for anything a peer or a client can cause: a bad message is counted and dropped.
   * A throw means a broken invariant, and the shell must stop the process.
   *
   * @returns effects in the order the shell has to start them.
   */
  step(nowMs: number, input: Input): readonly Effect[];

  /**
   * When the shell must next deliver a `tick`, in the same clock as `nowMs`, or undefined while no
   * timer is pending. Early and repeated ticks are harmless.
   */
  nextTickAt(): number | undefined;
}

/** A string that cannot be mixed up with another kind of string. Free at run time. */
export type Branded<Name extends string> = string & { readonly __brand: Name };
