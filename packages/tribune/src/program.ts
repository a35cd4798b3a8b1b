import type { Command } from "./cli/command.ts";
import { nodeIo } from "./cli/node-io.ts";
import { runCli } from "./cli/run.ts";
import { commandTree } from "./cli/tree.ts";

/** Exported for the joined client, which has all but the agent in it. */
export const loadAgentCommand = async (): Promise<Command> => (await import("./load-agent.ts")).loadAgent();

/** What still runs when a command has ended must not keep the process: a supervisor waits for it. */
const LINGER_MS_MAX = 2000;

/** The command that this process was called with. */
export async function runProgram(): Promise<void> {
  // Help names the program as it was called, so that a link named `consul` reads like Consul.
  const program =
    (process.argv[1] ?? "tribune")
      .split(/[\\/]/)
      .at(-1)
      ?.replace(/\.[cm]?js$/, "") || "tribune";
  process.exitCode = await runCli(program, commandTree(loadAgentCommand), process.argv.slice(2), nodeIo());
  setTimeout(() => process.exit(), LINGER_MS_MAX).unref();
}
