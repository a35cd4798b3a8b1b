import type { Timers } from "../lib/runtime.ts";
import type { StartChild } from "../process/child.ts";
import type { CliIo, InterruptSignal } from "./command.ts";

/** Streams that remember, for tests. */
export interface TestIo extends CliIo {
  readonly out: () => string;
  readonly err: () => string;
  /** Plays a signal to whoever listens now. */
  interrupt(signal: InterruptSignal): void;
}

export interface TestIoOptions {
  readonly env?: Record<string, string>;
  readonly stdin?: string;
  readonly startChild?: StartChild;
  readonly interactive?: boolean;
  readonly timers?: Timers;
}

/** Timers here run on the next turn, whatever their delay: a test waits for conditions, never for time. */
export function testIo(options: TestIoOptions = {}): TestIo {
  const out: Buffer[] = [];
  const err: string[] = [];
  const listeners = new Set<(signal: InterruptSignal) => void>();
  let nowMs = 0;
  return {
    stdout: (text) => void out.push(Buffer.from(text)),
    stderr: (text) => void err.push(text),
    stdin: async () => Buffer.from(options.stdin ?? ""),
    env: options.env ?? {},
    onInterrupt(run) {
      listeners.add(run);
      return () => void listeners.delete(run);
    },
    clock: { nowMs: () => nowMs, wallMs: () => nowMs },
    timers: options.timers ?? {
      after(delayMs, run) {
        const timer = setImmediate(() => {
          nowMs += delayMs;
          run();
        });
        return () => clearImmediate(timer);
      },
      soon: (run) => void setImmediate(run),
    },
    ...(options.startChild === undefined ? {} : { startChild: options.startChild }),
    interactive: options.interactive ?? false,
    programPath: "/opt/consul",
    interrupt: (signal) => {
      for (const run of [...listeners]) run(signal);
    },
    out: () => Buffer.concat(out).toString(),
    err: () => err.join(""),
  };
}
