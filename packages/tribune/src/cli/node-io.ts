import { resolve } from "node:path";
import { startChild } from "../process/child.ts";
import type { AgentSignal, OnSignal } from "./agent-command.ts";
import type { CliIo, InterruptSignal } from "./command.ts";

/** Standard streams, environment and signals of this process. */
export function nodeIo(): CliIo {
  // A reader that went away (`| head`) is no reason to fall over: the rest of the output is of no use to anyone.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  return {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
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
    startChild,
    interactive: process.stderr.isTTY === true && process.stdout.isTTY !== true,
    programPath: resolve(process.argv[1] ?? ""),
  };
}

const AGENT_SIGNALS: readonly AgentSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

export const onProcessSignal: OnSignal = (run) => {
  for (const signal of AGENT_SIGNALS) process.on(signal, run);
  return () => {
    for (const signal of AGENT_SIGNALS) process.off(signal, run);
  };
};
