import type { HealthCheck, PreparedQuery } from "@tribune/api";
import { ROWS_A_STEP, type Steps } from "../lib/steps.ts";
import { connectHealth, type Instance, serviceHealth, serviceHealthSteps } from "../state/catalog/health-queries.ts";
import { serviceHealthMark } from "../state/catalog/indexes.ts";
import { foldPrefix, SERVICES } from "../state/catalog/tables.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { nearestFirst, nearestFirstLater } from "./near.ts";

/** Where the node itself is looked for among its nearest: nothing can be nearer to it. */
const SELF_DEPTH_MAX = 10;

/**
 * The instances a prepared query finds in this datacenter: healthy enough, with the tags and metadata it wants, nearest
 * to the node `near` first, and on it before all others.
 *
 * @param shuffled the order of those whose distance is the same or not known.
 */
export function executeQuery(
  tx: ReadTx,
  query: PreparedQuery,
  near: string,
  datacenter: string,
  shuffled: (found: readonly Instance[]) => readonly Instance[] = (found) => found,
): readonly Instance[] {
  const found = fitting(tx, query);
  const source = { Datacenter: datacenter, Segment: "", Node: near, Ip: "" };
  return selfFirst(
    nearestFirst(tx, source, datacenter, shuffled(found), (row) => row.Node.Node),
    near,
  );
}

/**
 * The same in steps, where there are many instances.
 *
 * @returns undefined where there are not.
 */
export function executeLongQuery(
  tx: ReadTx,
  query: PreparedQuery,
  near: string,
  datacenter: string,
  shuffled: (found: readonly Instance[]) => readonly Instance[] = (found) => found,
): Steps<readonly Instance[]> | undefined {
  const { Service: wanted } = query;
  const mark = serviceHealthMark(tx, wanted.Service);
  const known = kept.get(query);
  const isKnown = known !== undefined && known.mark === mark;
  if (wanted.Connect || !(isKnown ? known.rows.length > ROWS_A_STEP : hasMany(tx, wanted.Service))) return undefined;
  const moment = tx.later();
  const source = { Datacenter: datacenter, Segment: "", Node: near, Ip: "" };
  const sorting = nearestFirstLater(tx, source, datacenter);
  return (function* () {
    const found = isKnown ? known.rows : yield* fittingSteps(moment, query, mark);
    return selfFirst(yield* sorting(shuffled(found), (row) => row.Node.Node), near);
  })();
}

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
  readonly rows: readonly Instance[];
}

/** What a query found last; it holds until the health of its service changes. Queries never change. */
const kept = new WeakMap<PreparedQuery, Kept>();

/** Instances that are healthy enough and have what the query wants, in no particular order. */
function fitting(tx: ReadTx, query: PreparedQuery): readonly Instance[] {
  const { Service: wanted } = query;
  if (wanted.Connect) return connectHealth(tx, wanted.Service).rows.filter(isWanted(query));
  const mark = serviceHealthMark(tx, wanted.Service);
  const known = kept.get(query);
  if (known !== undefined && known.mark === mark) return known.rows;
  const rows = serviceHealth(tx, wanted.Service).rows.filter(isWanted(query));
  if (mark !== undefined) kept.set(query, { mark, rows });
  return rows;
}

function* fittingSteps(moment: ReadTx, query: PreparedQuery, mark: object | undefined): Steps<readonly Instance[]> {
  const all = (yield* serviceHealthSteps(moment, query.Service.Service)).rows;
  const isFitting = isWanted(query);
  const rows: Instance[] = [];
  for (const [at, row] of all.entries()) {
    if (at % ROWS_A_STEP === 0 && at > 0) yield;
    if (isFitting(row)) rows.push(row);
  }
  if (mark !== undefined) kept.set(query, { mark, rows });
  return rows;
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
