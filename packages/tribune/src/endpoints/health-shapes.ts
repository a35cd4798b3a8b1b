/** Bodies of health answers, put together from the texts of their rows; see `row-text.ts`. */
import type { CheckServiceNode, IndexedCheckServiceNodes, IndexedHealthChecks } from "@tribune/api";
import type { Answer } from "./answer.ts";
import { checkText, listText, nodeText, rowsJson, serviceText } from "./row-text.ts";

export const checksBody = ({ HealthChecks }: IndexedHealthChecks): Answer => rowsJson(HealthChecks ?? [], checkText);

/** @param passing leave out instances that have a check in another state. */
export function instancesBody({ Nodes }: IndexedCheckServiceNodes, passing: boolean): Answer {
  const rows = passing ? (Nodes ?? []).filter(isPassing) : (Nodes ?? []);
  return rowsJson(rows, instanceText);
}

function instanceText({ Node, Service, Checks }: CheckServiceNode): string {
  const checks = listText((Checks ?? []).map(checkText));
  return `{"Node":${nodeText(Node)},"Service":${serviceText(Service)},"Checks":${checks}}`;
}

/** Every check of the instance and of its node passes. Also for no check at all. */
export function isPassing({ Checks }: CheckServiceNode): boolean {
  return (Checks ?? []).every((check) => check === null || check.Status === "passing");
}
