import type { AgentSignal, OnSignal } from "./agent-command.ts";
import type { CliIo } from "./command.ts";

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
      process.on("SIGINT", run).on("SIGTERM", run);
      return () => process.off("SIGINT", run).off("SIGTERM", run);
    },
  };
}

const AGENT_SIGNALS: readonly AgentSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

export const onProcessSignal: OnSignal = (run) => {
  for (const signal of AGENT_SIGNALS) process.on(signal, run);
  return () => {
    for (const signal of AGENT_SIGNALS) process.off(signal, run);
  };
};
