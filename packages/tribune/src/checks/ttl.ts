import type { Cancel, Runtime } from "../lib/runtime.ts";

export interface TtlOptions {
  readonly ttlMs: number;
  readonly maxOutputBytes: number;
  /** Called with Consul's text when nobody has reported in time. */
  readonly onExpired: (output: string) => void;
}

/**
 * The clock of a check that a service reports on itself. It runs from its start and anew from each report;
 * once it has run out it rests until the next one.
 */
export class TtlTimer {
  private readonly options: TtlOptions;
  private readonly runtime: Pick<Runtime, "clock" | "timers">;
  private deadlineMs = 0;
  private armed: Cancel | undefined;
  private lastOutput = "";

  constructor(options: TtlOptions, deps: { runtime: Pick<Runtime, "clock" | "timers"> }) {
    this.options = options;
    this.runtime = deps.runtime;
  }

  get ttlMs(): number {
    return this.options.ttlMs;
  }

  start(): void {
    this.deadlineMs = this.runtime.clock.nowMs() + this.options.ttlMs;
    // A timer that is already under way looks at the deadline again when it rings: reports are far more
    // frequent than expiries, and moving a number is cheaper than moving a timer.
    if (this.armed === undefined) this.arm(this.options.ttlMs);
  }

  /** Takes a report. @returns its output, cut to the limit with Consul's note. */
  report(output: string): string {
    this.lastOutput = cutOutput(output, this.options.maxOutputBytes);
    this.start();
    return this.lastOutput;
  }

  stop(): void {
    this.armed?.();
    this.armed = undefined;
  }

  private arm(delayMs: number): void {
    this.armed = this.runtime.timers.after(delayMs, () => {
      this.armed = undefined;
      const leftMs = this.deadlineMs - this.runtime.clock.nowMs();
      if (leftMs > 0) this.arm(leftMs);
      else this.options.onExpired(expiredText(this.lastOutput));
    });
  }
}

function expiredText(lastOutput: string): string {
  return lastOutput === "" ? "TTL expired" : `TTL expired (last output before timeout follows): ${lastOutput}`;
}

function cutOutput(output: string, maxBytes: number): string {
  const bytes = Buffer.byteLength(output);
  if (bytes <= maxBytes) return output;
  return `${Buffer.from(output).subarray(0, maxBytes).toString()} ... (captured ${maxBytes} of ${bytes} bytes)`;
}
