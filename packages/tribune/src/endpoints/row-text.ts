/**
 * JSON texts of catalog rows, as HTTP shows them. A row never changes once it is stored, so its text is kept as
 * long as the row itself: when one check of a service with 500 instances changes, its next health answer encodes
 * that check and strings the other texts together.
 */
import { type CheckServiceNode, HealthCheck, Node, NodeService, type Schema, ServiceNode, toJson } from "@tribune/api";
import { stringifyGo } from "../lib/go-json.ts";
import { type Answer, jsonPieces } from "./answer.ts";

/** Lists that Go leaves nil show as empty ones here, and only here: Consul's HTTP layer mends them. */
export const nodeText = textOf(Node, (node) => node);
export const serviceText = textOf(NodeService, (service) =>
  service.Tags === null ? { ...service, Tags: [] } : service,
);
export const checkText = textOf(HealthCheck, (check) =>
  check.ServiceTags === null ? { ...check, ServiceTags: [] } : check,
);

const bareServiceText = textOf(NodeService, (service) => service);
const bareCheckText = textOf(HealthCheck, (check) => check);

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

/** A Go map of rows by id: its keys come sorted by their bytes. Ids are unique. */
export function byIdText(rows: readonly (readonly [id: string, text: string])[]): string {
  const sorted = rows.map(([id, text]) => [Buffer.from(id), id, text] as const);
  sorted.sort(([a], [b]) => Buffer.compare(a, b));
  return `{${sorted.map(([, id, text]) => `${stringifyGo(id)}:${text}`).join(",")}}`;
}

export const listText = (texts: readonly string[]): string => `[${texts.join(",")}]`;

const PIECE_CHARS = 64 * 1_024;

/**
 * The body of a list, in pieces of some 64 KiB: thousands of rows that nobody asked for before take longer to encode
 * than a request may hold the event loop.
 */
export function rowsJson<R>(rows: readonly R[], textOfRow: (row: R) => string): Answer {
  return jsonPieces((pretty) => (pretty ? indented(listText(rows.map(textOfRow))) : inPieces(rows, textOfRow)));
}

function* inPieces<R>(rows: readonly R[], textOfRow: (row: R) => string): Generator<Uint8Array, void, undefined> {
  let open = "[";
  let texts: string[] = [];
  let chars = 0;
  for (const row of rows) {
    const text = textOfRow(row);
    texts.push(text);
    chars += text.length;
    if (chars < PIECE_CHARS) continue;
    yield Buffer.from(open + texts.join(","));
    open = ",";
    texts = [];
    chars = 0;
  }
  yield Buffer.from(`${texts.length === 0 && open === "," ? "" : open}${texts.join(",")}]`);
}

function* indented(text: string): Generator<Uint8Array, void, undefined> {
  yield Buffer.from(stringifyGo(JSON.parse(text), true));
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
