import { formatGoDuration, MS_NS } from "../../lib/duration.ts";
import type { Probe, ProbeResult, ScriptRequest } from "../probe.ts";
import { type CommandOutcome, runCommand } from "./command.ts";

/** Runs a command: exit code 0 passes, 1 warns, any other end is critical (as Nagios plugins expect). */
export const scriptProbe: Probe<ScriptRequest> = {
  run: (request, done) => runCommand(request, (outcome) => done(verdict(outcome, request.timeoutMs))),
};

function verdict(outcome: CommandOutcome, timeoutMs: number): ProbeResult {
  switch (outcome.kind) {
    case "failed":
      return { status: "critical", output: outcome.reason };
    case "timedOut": {
      const text = `Timed out (${formatGoDuration(timeoutMs * MS_NS)}) running check`;
      return { status: "critical", output: outcome.output === "" ? text : `${text}\n\n${outcome.output}` };
    }
    case "exited": {
      const status = outcome.code === 0 ? "passing" : outcome.code === 1 ? "warning" : "critical";
      return { status, output: outcome.output };
    }
  }
}
