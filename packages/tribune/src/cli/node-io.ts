import { resolve } from "node:path";
import type { AgentSignal, OnSignal } from "./agent-command.ts";
import type { CliIo, InterruptSignal } from "./command.ts";

/** Standard streams, environment and signals of this process. */
export function nodeIo(): CliIo {
  return {
    stdout: writer(() => process.stdout),
    stderr: writer(() => process.stderr),
    async stdin() {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks);
    },
    env: process.env,
    onInterrupt(run) {
      const called = (signal: NodeJS.Signals): void => run(signal as InterruptSignal);
      process.on("SIGINT", called).on("SIGTERM", called);
      return () => process.off("SIGINT", called).off("SIGTERM", called);
    },
    clock: { nowMs: () => performance.now(), wallMs: () => Date.now() },
    timers: {
      after(delayMs, run) {
        const timer = setTimeout(run, delayMs);
        return () => clearTimeout(timer);
      },
      soon: (run) => void setImmediate(run),
    },
    get interactive() {
      return process.stderr.isTTY === true && process.stdout.isTTY !== true;
    },
    programPath: resolve(process.argv[1] ?? ""),
  };
}

/** Makes the stream when something is written: most commands write to one of the two. */
function writer(stream: () => NodeJS.WriteStream): (text: string | Uint8Array) => void {
  let opened: NodeJS.WriteStream | undefined;
  return (text) => {
    // A reader that went away (`| head`) is no reason to fall over: the rest of the output is of no use to anyone.
    opened ??= stream().on("error", () => {});
    opened.write(text);
  };
}

const AGENT_SIGNALS: readonly AgentSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

export const onProcessSignal: OnSignal = (run) => {
  for (const signal of AGENT_SIGNALS) process.on(signal, run);
  return () => {
    for (const signal of AGENT_SIGNALS) process.off(signal, run);
  };
};
