/** `?near=`: rows in order of round-trip time from a node, by Vivaldi coordinates. */
import type { NetworkCoordinate, QuerySource } from "@tribune/api";
import { finished, ROWS_A_STEP, type Steps } from "../lib/steps.ts";
import { type CoordinateSet, peekCoordinateSet } from "../state/catalog/coordinates.ts";
import { COORDINATES } from "../state/catalog/tables.ts";
import type { ReadTx } from "../state/memdb/types.ts";

/**
 * The rows nearest first; those of nodes without coordinates come last, equals keep their order. Rows are left
 * as they are without a source node, when it has no coordinates, or when it is in another datacenter: distances
 * mean nothing between datacenters.
 *
 * Depends on all coordinates: they do not raise the answer's index, so nobody who blocks is let go by them, but
 * the next one who asks gets the order of the day.
 */
export function nearestFirst<R>(
  tx: ReadTx,
  source: QuerySource,
  datacenter: string,
  rows: readonly R[],
  nodeOf: (row: R) => string,
): readonly R[] {
  return finished(nearestFirstLater(tx, source, datacenter)(rows, nodeOf));
}

/** The same in steps, for rows that are found in later ones. */
export function nearestFirstLater(
  tx: ReadTx,
  source: QuerySource,
  datacenter: string,
): <R>(rows: readonly R[], nodeOf: (row: R) => string) => Steps<readonly R[]> {
  const measured = distancesLater(tx, source, datacenter);
  return function* (rows, nodeOf) {
    const distances = yield* measured(rows, nodeOf);
    return distances === undefined ? rows : byDistance(rows, distances, nodeOf);
  };
}

/** Seconds from the source, by node; undefined where rows are left as they are. */
export type Distances = ReadonlyMap<string, number> | undefined;

export function distancesLater(
  tx: ReadTx,
  source: QuerySource,
  datacenter: string,
): <R>(rows: readonly R[], nodeOf: (row: R) => string) => Steps<Distances> {
  if (source.Node === "" || source.Datacenter !== datacenter) return unknown;
  tx.scan(COORDINATES, "");
  const from = peekCoordinateSet(tx, source.Node);
  if (from.size === 0) return unknown;
  const moment = tx.later();
  return function* (rows, nodeOf) {
    const distances = new Map<string, number>();
    for (const [at, row] of rows.entries()) {
      const node = nodeOf(row);
      if (!distances.has(node)) distances.set(node, setDistance(from, peekCoordinateSet(moment, node)));
      if ((at + 1) % ROWS_A_STEP === 0) yield;
    }
    return distances;
  };
}

// biome-ignore lint/correctness/useYield: there is nothing to do, in however many steps.
function* unknown(): Steps<Distances> {
  return undefined;
}

/** Nearest first; equals keep their order. */
export function byDistance<R>(
  rows: readonly R[],
  distances: NonNullable<Distances>,
  nodeOf: (row: R) => string,
): readonly R[] {
  const placed = rows.map((row) => ({ row, distance: distances.get(nodeOf(row)) ?? Number.POSITIVE_INFINITY }));
  placed.sort((a, b) => (a.distance < b.distance ? -1 : a.distance > b.distance ? 1 : 0));
  return placed.map(({ row }) => row);
}

/**
 * Distance in the segment both nodes are in. A node with a single coordinate is a client of that segment;
 * servers are in all of them.
 */
export function setDistance(a: CoordinateSet, b: CoordinateSet): number {
  let segment = "";
  for (const set of [a, b]) if (set.size === 1) for (const only of set.keys()) segment = only;
  return distance(a.get(segment), b.get(segment));
}

/**
 * Estimated round-trip time in seconds, to the nanosecond (Vivaldi §5.4, with serf's adjustment terms); infinite
 * when either is unknown or they do not have the same dimensions.
 */
export function distance(a: NetworkCoordinate | undefined, b: NetworkCoordinate | undefined): number {
  const [from, to] = [a?.Vec ?? [], b?.Vec ?? []];
  if (a === undefined || b === undefined || from.length !== to.length) return Number.POSITIVE_INFINITY;
  let squares = 0;
  for (let at = 0; at < from.length; at++) squares += ((from[at] as number) - (to[at] as number)) ** 2;
  const raw = Math.sqrt(squares) + a.Height + b.Height;
  const adjusted = raw + a.Adjustment + b.Adjustment;
  return Math.trunc((adjusted > 0 ? adjusted : raw) * 1e9) / 1e9;
}
