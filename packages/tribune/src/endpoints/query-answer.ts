/**
 * What a prepared query found, as HTTP shows it. Each request has the rows in an order of its own, so its body cannot be
 * kept as others are: the rows' bytes are, and a body is these strung together.
 */
import type { CheckServiceNode, PreparedQueryExecuteRequest, PreparedQueryExecuteResponse } from "@tribune/api";
import { byteString } from "../codec/byte-text.ts";
import { stringifyGo } from "../lib/go-json.ts";
import { ROWS_A_STEP } from "../lib/steps.ts";
import type { Answer, Part } from "./answer.ts";
import { DRAWN_FROM } from "./execute-query.ts";
import { jsonByteTexts } from "./json-texts.ts";
import { bareInstanceText } from "./row-text.ts";

/** A row as the first of a body, and as one behind others. */
interface RowParts {
  readonly first: Part;
  readonly next: Part;
}

/** Rows are the same objects until something about them changes; see `executeQuery`. */
const kept = new WeakMap<CheckServiceNode, RowParts>();
const NULL: RowParts = { first: { bytes: "null" }, next: { bytes: ",null" } };

function partsOfRow(row: CheckServiceNode | null): RowParts {
  if (row === null) return NULL;
  let parts = kept.get(row);
  if (parts === undefined) {
    const bytes = byteString(bareInstanceText(row));
    parts = { first: { bytes }, next: { bytes: `,${bytes}` } };
    kept.set(row, parts);
  }
  return parts;
}

type Asked = Pick<PreparedQueryExecuteRequest, "AllowStale" | "RequireConsistent">;

const levelOf = ({ AllowStale, RequireConsistent }: Asked): string =>
  RequireConsistent ? "consistent" : AllowStale ? "stale" : "leader";

/** Replies of these endpoints carry their freshness in the body as well as in the headers. */
export function metaOf(
  { Index, KnownLeader, LastContact }: Pick<PreparedQueryExecuteResponse, "Index" | "KnownLeader" | "LastContact">,
  request: Asked,
): { readonly ConsistencyLevel: string; readonly headers: readonly string[] } {
  const level = levelOf(request);
  return {
    ConsistencyLevel: level,
    headers: [
      "X-Consul-Index",
      String(Index),
      "X-Consul-Knownleader",
      String(KnownLeader),
      "X-Consul-Lastcontact",
      String(Math.floor(LastContact / 1e6)),
      "X-Consul-Query-Backend",
      "blocking-query",
      "X-Consul-Effective-Consistency",
      level,
    ],
  };
}

/** What was drawn here says from what; what came by RPC does not. */
export type Executed = PreparedQueryExecuteResponse & { readonly [DRAWN_FROM]?: object | undefined };

/** A body but for its rows, and what its head says. */
interface Frame {
  readonly of: PreparedQueryExecuteResponse;
  readonly level: string;
  readonly before: Part;
  readonly after: Part;
  readonly headers: readonly string[];
  readonly partsOf: (rows: readonly (CheckServiceNode | null)[]) => readonly Part[];
  /** What the last answer was drawn from, and a name for all answers with this frame that are. */
  drawnFrom: object | undefined;
  alike: object;
}

const NO_ROWS = '"Nodes":null';

function frameOf(reply: PreparedQueryExecuteResponse, request: Asked): Frame {
  const { ConsistencyLevel, headers } = metaOf(reply, request);
  const text = byteString(stringifyGo({ ...reply, Nodes: null, ConsistencyLevel }));
  // No text of a value can hold this: its quotes would be escaped.
  const at = text.indexOf(NO_ROWS);
  const before = { bytes: `${text.slice(0, at)}"Nodes":[` };
  const after = { bytes: `]${text.slice(at + NO_ROWS.length)}` };
  const partsOf = (rows: readonly (CheckServiceNode | null)[]): readonly Part[] => {
    const parts = [before];
    for (const row of rows) parts.push(parts.length === 1 ? partsOfRow(row).first : partsOfRow(row).next);
    parts.push(after);
    return parts;
  };
  return { of: reply, level: ConsistencyLevel, before, after, headers, partsOf, drawnFrom: undefined, alike: {} };
}

/** The last frame of a query, by what its replies share with it. */
const frames = new WeakMap<PreparedQueryExecuteResponse["DNS"], Frame>();

function keptFrame(reply: PreparedQueryExecuteResponse, request: Asked): Frame {
  const known = frames.get(reply.DNS);
  if (known !== undefined && known.level === levelOf(request) && isFramedAlike(known.of, reply)) return known;
  const frame = frameOf({ ...reply, Nodes: null }, request);
  frames.set(reply.DNS, frame);
  return frame;
}

/** Whether two replies with the same `DNS` differ in their rows at the most. */
function isFramedAlike(a: PreparedQueryExecuteResponse, b: PreparedQueryExecuteResponse): boolean {
  return (
    a.Index === b.Index &&
    a.LastContact === b.LastContact &&
    a.KnownLeader === b.KnownLeader &&
    a.Service === b.Service &&
    a.Datacenter === b.Datacenter &&
    a.Failovers === b.Failovers &&
    a.NotModified === b.NotModified &&
    a.Backend === b.Backend
  );
}

export function foundByQuery(reply: Executed, request: Asked): Answer {
  const frame = keptFrame(reply, request);
  const { before, after, headers, partsOf } = frame;
  const rows = reply.Nodes ?? [];
  if (rows.length > ROWS_A_STEP)
    return jsonByteTexts(function* () {
      yield before.bytes + partsOfRow(rows[0]!).first.bytes;
      for (let at = 1; at < rows.length; at++) yield partsOfRow(rows[at]!).next.bytes;
      yield after.bytes;
    }, headers);
  const from = reply[DRAWN_FROM];
  if (from === undefined) return { kind: "jsonParts", rows, partsOf, headers };
  if (frame.drawnFrom !== from) {
    frame.drawnFrom = from;
    frame.alike = {};
  }
  return { kind: "jsonParts", rows, partsOf, alike: frame.alike, headers };
}
