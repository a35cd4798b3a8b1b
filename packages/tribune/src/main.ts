import type { Command } from "./cli/command.ts";
import { nodeIo } from "./cli/node-io.ts";
import { runCli } from "./cli/run.ts";
import { commandTree } from "./cli/tree.ts";

/** The agent and all it is made of are loaded for `agent` alone. */
async function loadAgentCommand(): Promise<Command> {
  const [{ agentCommand }, { onProcessSignal }] = await Promise.all([
    import("./cli/agent-command.ts"),
    import("./cli/node-io.ts"),
  ]);
  return agentCommand({
    createAgent: () => Promise.reject(new Error("This build has no agent: only the commands that speak to one.")),
    onSignal: onProcessSignal,
  });
}

// Help names the program as it was called, so that a link named `consul` reads like Consul.
const program =
  (process.argv[1] ?? "tribune")
    .split(/[\\/]/)
    .at(-1)
    ?.replace(/\.[cm]?js$/, "") || "tribune";
process.exitCode = await runCli(program, commandTree(loadAgentCommand), process.argv.slice(2), nodeIo());
