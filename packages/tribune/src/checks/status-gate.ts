import type { ProbeResult } from "./probe.ts";
import type { CheckStatus } from "./status.ts";

export interface Thresholds {
  /** Successes in a row before a check passes (or warns). */
  readonly successBeforePassing: number;
  /** Failures in a row before a check warns; at least as many as before it is critical counts as none. */
  readonly failuresBeforeWarning: number;
  readonly failuresBeforeCritical: number;
}

/**
 * Holds a verdict back until it was seen often enough in a row. The first verdict of all passes at once,
 * whatever it is: a check starts out critical, and nobody should wait to learn that a service is well.
 */
export class StatusGate {
  readonly thresholds: Thresholds;
  /** In a row, up to now. */
  successes: number;
  failures: number;

  constructor(thresholds: Thresholds) {
    this.thresholds = thresholds;
    this.successes = thresholds.successBeforePassing;
    this.failures = thresholds.failuresBeforeCritical;
  }

  /** @returns the status to publish, or undefined while the present one stands. */
  offer(result: ProbeResult): CheckStatus | undefined {
    const { successBeforePassing, failuresBeforeWarning, failuresBeforeCritical } = this.thresholds;
    if (result.status !== "critical") {
      this.successes++;
      this.failures = 0;
      return this.successes >= successBeforePassing ? result.status : undefined;
    }
    this.failures++;
    this.successes = 0;
    if (this.failures >= failuresBeforeCritical) return "critical";
    return failuresBeforeWarning > 0 && this.failures >= failuresBeforeWarning ? "warning" : undefined;
  }
}
