/** Bodies of health answers, as JSON texts; see `row-text.ts`. */
import type { CheckServiceNode, IndexedCheckServiceNodes, IndexedHealthChecks } from "@tribune/api";
import { checkText, listText, nodeText, serviceText } from "./row-text.ts";

export const checksBody = ({ HealthChecks }: IndexedHealthChecks): string =>
  listText((HealthChecks ?? []).map(checkText));

/** @param passing leave out instances that have a check in another state. */
export function instancesBody({ Nodes }: IndexedCheckServiceNodes, passing: boolean): string {
  const rows = passing ? (Nodes ?? []).filter(isPassing) : (Nodes ?? []);
  return listText(rows.map(instanceText));
}

function instanceText({ Node, Service, Checks }: CheckServiceNode): string {
  const checks = listText((Checks ?? []).map(checkText));
  return `{"Node":${nodeText(Node)},"Service":${serviceText(Service)},"Checks":${checks}}`;
}

/** Every check of the instance and of its node passes. Also for no check at all. */
export function isPassing({ Checks }: CheckServiceNode): boolean {
  return (Checks ?? []).every((check) => check === null || check.Status === "passing");
}
