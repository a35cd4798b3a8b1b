/**
 * JSON texts of catalog rows, as HTTP shows them. A row never changes once it is stored, so its text is kept as
 * long as the row itself: when one check of a service with 500 instances changes, its next health answer encodes
 * that check and strings the other texts together.
 */
import { type CheckServiceNode, HealthCheck, Node, NodeService, type Schema, ServiceNode, toJson } from "@tribune/api";
import { stringifyGo } from "../lib/go-json.ts";
import type { Answer } from "./answer.ts";
import { jsonTexts, listTexts } from "./json-texts.ts";

/** Lists that Go leaves nil show as empty ones here, and only here: Consul's HTTP layer mends them. */
export const nodeText = textOf(Node, (node) => node);
export const serviceText = textOf(NodeService, (service) =>
  service.Tags === null ? { ...service, Tags: [] } : service,
);
export const checkText = textOf(HealthCheck, (check) =>
  check.ServiceTags === null ? { ...check, ServiceTags: [] } : check,
);

export const bareServiceText = textOf(NodeService, (service) => service);
export const bareCheckText = textOf(HealthCheck, (check) => check);

/** An instance as prepared queries show it: lists that are nil stay null. */
export function bareInstanceText(row: CheckServiceNode | null): string {
  if (row === null) return "null";
  const { Node: node, Service: service, Checks: checks } = row;
  const list = checks === null ? "null" : listText(checks.map(bareCheckText));
  return `{"Node":${nodeText(node)},"Service":${bareServiceText(service)},"Checks":${list}}`;
}

/** Put together from a node and a service for each answer, so there is nothing to keep the text with. */
export function serviceNodeText(row: ServiceNode | null): string {
  if (row === null) return "null";
  return stringifyGo(toJson(ServiceNode, row.ServiceTags === null ? { ...row, ServiceTags: [] } : row));
}

export const listText = (texts: readonly string[]): string => `[${texts.join(",")}]`;

/** The body of a list. */
export function rowsJson<R>(rows: readonly R[], textOfRow: (row: R) => string): Answer {
  return jsonTexts(() => listTexts(rows, textOfRow));
}

/** The same for rows of a schema whose texts are not worth keeping: few ask for them. */
export function structsJson<R>(schema: Schema<R>, rows: readonly R[]): Answer {
  return rowsJson(rows, (row) => stringifyGo(toJson(schema, row)));
}

function textOf<R extends object>(schema: Schema<R>, mend: (row: R) => R): (row: R | null) => string {
  const kept = new WeakMap<R, string>();
  return (row) => {
    if (row === null) return "null";
    let text = kept.get(row);
    if (text === undefined) {
      text = stringifyGo(toJson(schema, mend(row)));
      kept.set(row, text);
    }
    return text;
  };
}
