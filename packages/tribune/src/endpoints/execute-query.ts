import type { HealthCheck, PreparedQuery, QuerySource } from "@tribune/api";
import { finished, ROWS_A_STEP, type Steps } from "../lib/steps.ts";
import { connectHealth, type Instance, serviceHealth, serviceHealthSteps } from "../state/catalog/health-queries.ts";
import { serviceHealthMark } from "../state/catalog/indexes.ts";
import { foldPrefix, SERVICES } from "../state/catalog/tables.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { byDistance, type Distances, distancesLater } from "./near.ts";

/** Where the node itself is looked for among its nearest: nothing can be nearer to it. */
const SELF_DEPTH_MAX = 10;

/** What a query finds, before each answer puts it into an order of its own. */
export interface Found {
  /** Healthy enough, with the tags and metadata that the query wants, in no particular order. */
  readonly rows: readonly Instance[];
  /** The node that the nearest are wanted to; "" for none. */
  readonly near: string;
  readonly distances: Distances;
}

/** What an answer's rows were drawn from: all of them, each order as likely. Beside what goes over the wire. */
export const DRAWN_FROM = Symbol("drawn from");

/** The instances a prepared query finds in this datacenter; in steps where there are many. */
export function findByQuery(tx: ReadTx, query: PreparedQuery, near: string, datacenter: string): Found | Steps<Found> {
  const { Service: wanted } = query;
  if (wanted.Connect) {
    const rows = connectHealth(tx, wanted.Service).rows.filter(isWanted(query));
    return finished(measured(tx, rows, near, datacenter));
  }
  const mark = serviceHealthMark(tx, wanted.Service);
  const known = kept.get(query);
  if (known !== undefined && known.mark === mark) {
    if (near === "") return known.found;
    const steps = measured(tx, known.found.rows, near, datacenter);
    return known.found.rows.length > ROWS_A_STEP ? steps : finished(steps);
  }
  if (hasMany(tx, wanted.Service)) return fittingSteps(tx, query, mark, near, datacenter);
  const rows = keep(query, mark, serviceHealth(tx, wanted.Service).rows.filter(isWanted(query)));
  return near === "" ? rows : finished(measured(tx, rows.rows, near, datacenter));
}

/**
 * An answer's rows: nearest first where that is wanted, and on the node itself before all others.
 *
 * @param shuffled a copy in the order of those whose distance is the same or not known
 */
export function inOrder(
  found: Found,
  shuffled: (rows: readonly Instance[]) => readonly Instance[],
): readonly Instance[] {
  const { rows, near, distances } = found;
  if (near === "") return shuffled(rows);
  if (distances === undefined) return selfFirst(shuffled(rows), near);
  const { sorted, ties } = rankingOf(found, distances);
  const mixed = [...sorted];
  for (const [from, to] of ties)
    for (const [at, row] of shuffled(sorted.slice(from, to)).entries()) mixed[from + at] = row;
  return selfFirst(mixed, near);
}

/** The rows nearest first, and where, end excluded, those stand whose distance is the same. */
interface Ranking {
  readonly sorted: readonly Instance[];
  readonly ties: readonly (readonly [from: number, to: number])[];
}

/** Sorted once for all answers: thousands of rows take milliseconds. */
const rankings = new WeakMap<Found, Ranking>();

function rankingOf(found: Found, distances: NonNullable<Distances>): Ranking {
  const known = rankings.get(found);
  if (known !== undefined) return known;
  const sorted = byDistance(found.rows, distances, nodeOf);
  const distanceOf = (row: Instance | undefined): number | undefined =>
    row && (distances.get(nodeOf(row)) ?? Number.POSITIVE_INFINITY);
  const ties: [number, number][] = [];
  for (let from = 0, to = 0; from < sorted.length; from = to) {
    while (to < sorted.length && distanceOf(sorted[to]) === distanceOf(sorted[from])) to++;
    if (to - from > 1) ties.push([from, to]);
  }
  const ranking = { sorted, ties };
  rankings.set(found, ranking);
  return ranking;
}

const nodeOf = ({ Node }: Instance): string => Node.Node;

function measured(tx: ReadTx, rows: readonly Instance[], near: string, datacenter: string): Steps<Found> {
  const distancesOf = distancesLater(tx, sourceOf(near, datacenter), datacenter);
  return (function* () {
    return { rows, near, distances: yield* distancesOf(rows, nodeOf) };
  })();
}

const sourceOf = (near: string, datacenter: string): QuerySource => ({
  Datacenter: datacenter,
  Segment: "",
  Node: near,
  Ip: "",
});

function hasMany(tx: ReadTx, service: string): boolean {
  let rows = 0;
  for (const _ of tx.peekBy(SERVICES, "name", foldPrefix(service))) if (++rows > ROWS_A_STEP) return true;
  return false;
}

function selfFirst(sorted: readonly Instance[], near: string): readonly Instance[] {
  const own = near === "" ? -1 : sorted.slice(0, SELF_DEPTH_MAX).findIndex((row) => row.Node.Node === near);
  if (own <= 0) return sorted;
  const swapped = [...sorted];
  [swapped[0], swapped[own]] = [sorted[own]!, sorted[0]!];
  return swapped;
}

interface Kept {
  readonly mark: object;
  /** Near to nobody. */
  readonly found: Found;
}

/** What a query found last; it holds until the health of its service changes. Queries never change. */
const kept = new WeakMap<PreparedQuery, Kept>();

function keep(query: PreparedQuery, mark: object | undefined, rows: readonly Instance[]): Found {
  const found = { rows, near: "", distances: undefined };
  if (mark !== undefined) kept.set(query, { mark, found });
  return found;
}

function fittingSteps(
  tx: ReadTx,
  query: PreparedQuery,
  mark: object | undefined,
  near: string,
  datacenter: string,
): Steps<Found> {
  const moment = tx.later();
  const distancesOf = distancesLater(tx, sourceOf(near, datacenter), datacenter);
  return (function* () {
    const all = (yield* serviceHealthSteps(moment, query.Service.Service)).rows;
    const isFitting = isWanted(query);
    const rows: Instance[] = [];
    for (const [at, row] of all.entries()) {
      if (at % ROWS_A_STEP === 0 && at > 0) yield;
      if (isFitting(row)) rows.push(row);
    }
    const found = keep(query, mark, rows);
    return near === "" ? found : { rows, near, distances: yield* distancesOf(rows, nodeOf) };
  })();
}

function isWanted({ Service: wanted }: PreparedQuery): (row: Instance) => boolean {
  const ignored = new Set(wanted.IgnoreCheckIDs ?? []);
  return ({ Node, Service, Checks }) =>
    (Checks ?? []).every(
      (check) => check === null || ignored.has(check.CheckID) || isGood(check, wanted.OnlyPassing),
    ) &&
    hasTags(Service.Tags ?? [], wanted.Tags ?? []) &&
    hasAll(Node.Meta, wanted.NodeMeta) &&
    hasAll(Service.Meta, wanted.ServiceMeta);
}

function isGood(check: HealthCheck, onlyPassing: boolean): boolean {
  return check.Status !== "critical" && (!onlyPassing || check.Status === "passing");
}

/** Every tag wanted is there, and none that stands behind a `!`. Case does not matter. */
function hasTags(own: readonly string[], wanted: readonly string[]): boolean {
  const tags = new Set(own.map((tag) => tag.toLowerCase()));
  return wanted.every((tag) =>
    tag.startsWith("!") ? !tags.has(tag.slice(1).toLowerCase()) : tags.has(tag.toLowerCase()),
  );
}

function hasAll(
  own: Readonly<Record<string, string>> | null,
  wanted: Readonly<Record<string, string>> | null,
): boolean {
  return Object.entries(wanted ?? {}).every(([name, value]) => own?.[name] === value);
}
