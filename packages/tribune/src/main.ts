import type { Command } from "./cli/command.ts";
import { nodeIo } from "./cli/node-io.ts";
import { nodeMachine } from "./cli/node-machine.ts";
import { runCli } from "./cli/run.ts";
import { commandTree } from "./cli/tree.ts";

/** The agent and all it is made of are loaded for `agent` alone. */
async function loadAgentCommand(): Promise<Command> {
  const [{ agentCommand }, { onProcessSignal }, { ProcessAgent }] = await Promise.all([
    import("./cli/agent-command.ts"),
    import("./cli/node-io.ts"),
    import("./agent/process-agent.ts"),
  ]);
  return agentCommand({
    createAgent: (loaded, host) => ProcessAgent.create(loaded, { ...host, machine: nodeMachine(process.env) }),
    onSignal: onProcessSignal,
  });
}

// Help names the program as it was called, so that a link named `consul` reads like Consul.
const program =
  (process.argv[1] ?? "tribune")
    .split(/[\\/]/)
    .at(-1)
    ?.replace(/\.[cm]?js$/, "") || "tribune";
/** What still runs when a command has ended must not keep the process: a supervisor waits for it. */
const LINGER_MS_MAX = 2000;

// No `await` at the top: the joined program is loaded as a script (`bin/tribune.js`).
void runCli(program, commandTree(loadAgentCommand), process.argv.slice(2), nodeIo()).then((code) => {
  process.exitCode = code;
  setTimeout(() => process.exit(), LINGER_MS_MAX).unref();
});
