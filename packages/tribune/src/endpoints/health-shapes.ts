/** Bodies of health answers; see `catalog-shapes.ts`. */
import {
  CheckServiceNode,
  HealthCheck,
  type IndexedCheckServiceNodes,
  type IndexedHealthChecks,
  list,
  nullable,
  toJson,
} from "@tribune/api";
import { withTags } from "./catalog-shapes.ts";

export const checksBody = ({ HealthChecks }: IndexedHealthChecks): unknown =>
  toJson(list(nullable(HealthCheck)), withServiceTags(HealthChecks ?? []));

/** @param passing leave out instances that have a check in another state. */
export function instancesBody({ Nodes }: IndexedCheckServiceNodes, passing: boolean): unknown {
  const rows = (passing ? (Nodes ?? []).filter(isPassing) : (Nodes ?? [])).map((row) => ({
    ...row,
    Service: withTags(row.Service),
    Checks: withServiceTags(row.Checks ?? []),
  }));
  return toJson(list(CheckServiceNode), rows);
}

/** Every check of the instance and of its node passes. Also for no check at all. */
export function isPassing({ Checks }: CheckServiceNode): boolean {
  return (Checks ?? []).every((check) => check === null || check.Status === "passing");
}

type Checks = readonly (HealthCheck | null)[];

function withServiceTags(checks: Checks): Checks {
  return checks.map((check) => (check !== null && check.ServiceTags === null ? { ...check, ServiceTags: [] } : check));
}
