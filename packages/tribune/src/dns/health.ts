import type { ServiceRow } from "./backend.ts";

const NODE_MAINTENANCE = "_node_maintenance";
const SERVICE_MAINTENANCE = "_service_maintenance:";

/** Instances DNS may name: none of their checks is critical (with `onlyPassing`: every one passes). */
export function healthyRows(rows: readonly ServiceRow[], onlyPassing: boolean): readonly ServiceRow[] {
  return rows.filter((row) =>
    row.Checks.every((check) => (onlyPassing ? check.Status === "passing" : check.Status !== "critical")),
  );
}

/** SRV weight by aggregated health; checks of other services on the node do not count. */
export function srvWeight(row: ServiceRow): number {
  const weights = row.Service.Weights ?? { Passing: 1, Warning: 1 };
  let maintenance = false;
  let warning = false;
  let critical = false;
  for (const check of row.Checks) {
    if (check.ServiceName !== "" && check.ServiceName !== row.Service.Service) continue;
    if (check.CheckID === NODE_MAINTENANCE || check.CheckID.startsWith(SERVICE_MAINTENANCE)) {
      maintenance = true;
      continue;
    }
    if (check.Status === "warning") warning = true;
    else if (check.Status === "critical") critical = true;
    else if (check.Status !== "passing") return 1;
  }
  if (maintenance || critical) return 0;
  return warning ? weights.Warning : weights.Passing;
}
