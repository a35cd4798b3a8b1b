/** Network coordinates (Vivaldi): one row per node and network segment. */
import type { Coordinate, NetworkCoordinate } from "@tribune/api";
import { deepEqual } from "../deep-equal.ts";
import { peekIndex, raiseIndex } from "../index-table.ts";
import type { ReadTx, WriteTx } from "../memdb/types.ts";
import { COORDINATES, fold, foldPrefix, NODES } from "./tables.ts";

/** A node's coordinates by segment. The default segment is "". */
export type CoordinateSet = ReadonlyMap<string, NetworkCoordinate>;

/**
 * Takes a batch of coordinates. Those of nodes that are not registered (yet) and those with numbers that are
 * not finite are passed over: the next update mends it.
 */
export function updateCoordinates(tx: WriteTx, index: number, updates: readonly Coordinate[]): void {
  for (const update of updates) {
    if (tx.peek(NODES, fold(update.Node)) !== undefined) putCoordinate(tx, update);
  }
  raiseIndex(tx, "coordinates", index);
}

/** Like `updateCoordinates`, for a snapshot's records. */
export function restoreCoordinates(tx: WriteTx, index: number, coordinates: readonly Coordinate[]): void {
  for (const coordinate of coordinates) putCoordinate(tx, coordinate);
  raiseIndex(tx, "coordinates", index);
}

function putCoordinate(tx: WriteTx, update: Coordinate): void {
  if (update.Coord === null || !isValidCoordinate(update.Coord)) return;
  const before = tx.peek(COORDINATES, fold(update.Node, update.Segment));
  if (!deepEqual(before, update)) tx.put(COORDINATES, update);
}

/** Every number is finite. */
export function isValidCoordinate({ Vec, Error: error, Adjustment, Height }: NetworkCoordinate): boolean {
  return [...(Vec ?? []), error, Adjustment, Height].every(Number.isFinite);
}

export function listCoordinates(tx: ReadTx): { index: number; coordinates: Coordinate[] } {
  return { index: peekIndex(tx, "coordinates"), coordinates: [...tx.scan(COORDINATES, "")] };
}

export function coordinatesOfNode(tx: ReadTx, node: string): { index: number; coordinates: Coordinate[] } {
  return { index: peekIndex(tx, "coordinates"), coordinates: [...tx.scan(COORDINATES, foldPrefix(node))] };
}

/** For sorting by distance: unwatched, as an answer does not change its meaning when somebody moves. */
export function peekCoordinateSet(tx: ReadTx, node: string): CoordinateSet {
  const set = new Map<string, NetworkCoordinate>();
  for (const { Segment, Coord } of tx.peekScan(COORDINATES, foldPrefix(node)))
    if (Coord !== null) set.set(Segment, Coord);
  return set;
}
