/**
 * The catalog's records in a snapshot: each node, followed by one record per service and one per check that
 * repeat it, then the coordinates. Record types are those of the commands (`wire/snapshot.md` §3).
 */
import { Coordinate, list, make, type Node, nullable, RegisterRequest, type Schema } from "@tribune/api";
import type { ReadTx, WriteTx } from "../memdb/types.ts";
import { restoreCoordinates } from "./coordinates.ts";
import { ensureRegistration } from "./registration.ts";
import { CHECKS, COORDINATES, foldPrefix, NODES, SERVICES } from "./tables.ts";

export const REGISTER_TYPE = 0;
export const COORDINATE_BATCH_TYPE = 6;
export const CoordinateBatch = list(nullable(Coordinate));

/** Type byte, schema and value of one record. */
export type SnapshotRecord = readonly [type: number, schema: Schema<unknown>, value: unknown];

export function* persistCatalog(tx: ReadTx): Iterable<SnapshotRecord> {
  for (const node of tx.peekScan(NODES, "")) {
    const own = registrationOf(node);
    yield [REGISTER_TYPE, RegisterRequest, own];
    for (const { Node, Service } of tx.peekScan(SERVICES, foldPrefix(node.Node))) {
      yield [REGISTER_TYPE, RegisterRequest, { ...spelled(own, Node), Service }];
    }
    for (const Check of tx.peekScan(CHECKS, foldPrefix(node.Node))) {
      yield [REGISTER_TYPE, RegisterRequest, { ...spelled(own, Check.Node), Check }];
    }
  }
  for (const coordinate of tx.peekScan(COORDINATES, "")) yield [COORDINATE_BATCH_TYPE, CoordinateBatch, [coordinate]];
}

function registrationOf(node: Node): RegisterRequest {
  return make(RegisterRequest, { ...node, NodeMeta: node.Meta });
}

/**
 * A row may name its node in letters of another case than the node's own row does. It keeps them, and the node its own;
 * besides, a check that names its node otherwise than its record does would be refused, by Consul too.
 */
function spelled(own: RegisterRequest, Node: string): RegisterRequest {
  return Node === own.Node ? own : { ...own, Node, SkipNodeUpdate: true };
}

/**
 * Takes a record of type 0. `lastIndex` is the snapshot's: what has no index of its own gets it, until the
 * snapshot's Index records follow.
 */
export function restoreRegistration(tx: WriteTx, lastIndex: number, request: RegisterRequest): void {
  ensureRegistration(tx, lastIndex, request, true);
}

/** Takes a record of type 6. */
export function restoreCoordinateBatch(tx: WriteTx, lastIndex: number, batch: readonly (Coordinate | null)[]): void {
  restoreCoordinates(
    tx,
    lastIndex,
    batch.filter((coordinate) => coordinate !== null),
  );
}
