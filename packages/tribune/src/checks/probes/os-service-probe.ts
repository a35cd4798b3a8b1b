import { formatGoDuration, MS_NS } from "../../lib/duration.ts";
import type { OsServiceRequest, Probe, ProbeResult } from "../probe.ts";
import { runCommand } from "./command.ts";

/** Between two states: neither well nor gone. */
const PASSING_THROUGH = new Set(["activating", "deactivating", "reloading"]);

/** Asks systemd whether a unit is active. */
export const osServiceProbe: Probe<OsServiceRequest> = {
  run: ({ service, timeoutMs }, done) =>
    runCommand({ args: ["systemctl", "is-active", "--", service], timeoutMs, maxOutputBytes: 256 }, (outcome) => {
      if (outcome.kind === "failed") done({ status: "critical", output: outcome.reason });
      else if (outcome.kind === "timedOut")
        done({ status: "critical", output: `Timed out (${formatGoDuration(timeoutMs * MS_NS)}) running check` });
      else done(verdict(service, outcome.code, outcome.output.trim()));
    }),
};

function verdict(service: string, code: number | null, state: string): ProbeResult {
  const name = JSON.stringify(service);
  if (code === 0) return { status: "passing", output: `Service ${name} is healthy` };
  if (PASSING_THROUGH.has(state)) return { status: "warning", output: `Service ${name} is ${state}` };
  return { status: "critical", output: `Service ${name} is ${state === "" ? "not running" : state}` };
}
