/**
 * JSON texts of catalog rows, as HTTP shows them. A row never changes once it is stored, so its text is kept as
 * long as the row itself: when one check of a service with 500 instances changes, its next health answer encodes
 * that check and strings the other texts together.
 */
import { HealthCheck, Node, NodeService, type Schema, toJson } from "@tribune/api";
import { stringifyGo } from "../lib/go-json.ts";

/** Lists that Go leaves nil show as empty ones here, and only here: Consul's HTTP layer mends them. */
export const nodeText = textOf(Node, (node) => node);
export const serviceText = textOf(NodeService, (service) =>
  service.Tags === null ? { ...service, Tags: [] } : service,
);
export const checkText = textOf(HealthCheck, (check) =>
  check.ServiceTags === null ? { ...check, ServiceTags: [] } : check,
);

/** A Go map of rows by id: its keys come sorted by their bytes. Ids are unique. */
export function byIdText(rows: readonly (readonly [id: string, text: string])[]): string {
  const sorted = rows.map(([id, text]) => [Buffer.from(id), id, text] as const);
  sorted.sort(([a], [b]) => Buffer.compare(a, b));
  return `{${sorted.map(([, id, text]) => `${stringifyGo(id)}:${text}`).join(",")}}`;
}

export const listText = (texts: readonly string[]): string => `[${texts.join(",")}]`;

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
