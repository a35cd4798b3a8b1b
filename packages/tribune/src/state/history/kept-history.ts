/**
 * A history as bytes, for the file that a server keeps beside each snapshot. Lines of JSON: what stands over all, whom it
 * is about, and the transitions, oldest first, some hundred a line. Nothing but the history depends on it: a file that is
 * not whole is none.
 */
import type { HistorySince } from "@tribune/api";
import type { CatalogChange } from "../effects.ts";
import type { Names, Step, StepRing } from "./step-ring.ts";

/** As of one log entry. */
export interface KeptHistory {
  readonly since: HistorySince;
  readonly ring: StepRing;
}

/** As it comes back. */
export interface ReadHistory {
  readonly since: HistorySince;
  readonly subjects: readonly SubjectRow[];
  readonly transitions: readonly TransitionRow[];
}

export type SubjectRow = readonly [
  kind: CatalogChange["kind"],
  Node: string,
  ServiceID: string,
  ServiceName: string,
  CheckID: string,
  Name: string,
];

export type TransitionRow = readonly [
  /** Place among the subjects. */
  subject: number,
  index: number,
  /** Null where it is not known. */
  timeMs: number | null,
  from: string,
  to: string,
  changed: readonly string[] | null,
  output: string,
  by: string,
];

const VERSION = 1;
/** Some 30 kB, made in a fraction of a millisecond. */
const ROWS_OF_A_LINE = 256;

export function* encodeHistory({ since, ring }: KeptHistory): Generator<Uint8Array, void, undefined> {
  const places = new Map<Names, number>();
  const subjects: SubjectRow[] = [];
  for (const slot of ring.oldestFirst()) {
    const names = ring.namesAt(slot);
    if (places.has(names)) continue;
    places.set(names, subjects.length);
    const { Node, ServiceID, ServiceName, CheckID, Name } = names;
    subjects.push([ring.subjectAt(slot).kind, Node, ServiceID, ServiceName, CheckID, Name]);
  }
  yield line({ version: VERSION, since, subjects: subjects.length, transitions: ring.size });
  for (let at = 0; at < subjects.length; at += ROWS_OF_A_LINE) yield line(subjects.slice(at, at + ROWS_OF_A_LINE));
  let rows: TransitionRow[] = [];
  for (const slot of ring.oldestFirst()) {
    rows.push(rowOf(places.get(ring.namesAt(slot))!, ring.at(slot)));
    if (rows.length < ROWS_OF_A_LINE) continue;
    yield line(rows);
    rows = [];
  }
  if (rows.length > 0) yield line(rows);
}

const line = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value)}\n`);

function rowOf(subject: number, { index, timeMs, from, to, changed, output, by }: Step): TransitionRow {
  return [subject, index, Number.isNaN(timeMs) ? null : timeMs, from, to, changed, output, by];
}

/** @returns undefined for what is not such a history, or not all of it. */
export function decodeHistory(bytes: Uint8Array): ReadHistory | undefined {
  try {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
    const [head, ...lines] = text.split("\n").slice(0, -1);
    const { version, since, ...counts } = JSON.parse(head ?? "") as Record<string, unknown>;
    if (version !== VERSION || !isSince(since)) return undefined;
    const subjects: unknown[] = [];
    const transitions: unknown[] = [];
    for (const each of lines)
      (subjects.length === counts.subjects ? transitions : subjects).push(...(JSON.parse(each) as unknown[]));
    if (subjects.length !== counts.subjects || transitions.length !== counts.transitions) return undefined;
    if (!subjects.every(isSubject) || !transitions.every((row) => isTransition(row, subjects.length))) return undefined;
    return { since, subjects, transitions: transitions as TransitionRow[] };
  } catch {
    return undefined; // torn or not ours: nobody misses it
  }
}

function isSince(value: unknown): value is HistorySince {
  const { Index, Time } = (value ?? {}) as Partial<HistorySince>;
  return Number.isSafeInteger(Index) && isText(Time);
}

const KINDS: readonly unknown[] = ["check", "service", "node"] satisfies readonly CatalogChange["kind"][];

function isSubject(row: unknown): row is SubjectRow {
  return Array.isArray(row) && row.length === 6 && KINDS.includes(row[0]) && row.every(isText);
}

function isTransition(row: unknown, subjects: number): boolean {
  if (!Array.isArray(row) || row.length !== 8) return false;
  const [subject, index, timeMs, from, to, changed, output, by] = row as unknown[];
  return (
    Number.isSafeInteger(subject) &&
    (subject as number) >= 0 &&
    (subject as number) < subjects &&
    Number.isSafeInteger(index) &&
    (timeMs === null || typeof timeMs === "number") &&
    (changed === null || (Array.isArray(changed) && changed.every(isText))) &&
    isText(from) &&
    isText(to) &&
    isText(output) &&
    isText(by)
  );
}

const isText = (value: unknown): value is string => typeof value === "string";
