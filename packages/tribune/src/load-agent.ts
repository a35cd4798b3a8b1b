import { ProcessAgent } from "./agent/process-agent.ts";
import { agentCommand } from "./cli/agent-command.ts";
import type { Command } from "./cli/command.ts";
import { onProcessSignal } from "./cli/node-io.ts";
import { nodeMachine } from "./cli/node-machine.ts";
import { endOnQuit } from "./cli/quit-report.ts";

/** `agent` with the agent and all it is made of, which no other command needs: the joined client has it left out. */
export function loadAgent(): Command {
  return agentCommand({
    createAgent: (loaded, host) => ProcessAgent.create(loaded, { ...host, machine: nodeMachine(process.env) }),
    onSignal: onProcessSignal,
    endOnQuit,
  });
}
