/** Nodes: one row each, found by name or by id. A node takes all that was registered on it along when it goes. */
import type { Node } from "@tribune/api";
import { TribuneError } from "../../lib/errors.ts";
import { goQuote } from "../../lib/go-quote.ts";
import { deepEqual } from "../deep-equal.ts";
import { catalogChanged } from "../effects.ts";
import { raiseIndex } from "../index-table.ts";
import type { ReadTx, WriteTx } from "../memdb/types.ts";
import { invalidateSessionsOfNode } from "../session.ts";
import { deleteCheck } from "./checks.ts";
import { explain } from "./errors.ts";
import { nodeChecksTouched, nodeForgotten, nodeTouched, servicesOfNodeTouched } from "./indexes.ts";
import { deleteService } from "./services.ts";
import { addressKey, CHECKS, COORDINATES, fold, foldPrefix, NODES, SERVICES } from "./tables.ts";
import { uuidDigits } from "./uuid.ts";

/** Health of a node as the gossip pool sees it. */
export const SERF_CHECK_ID = "serfHealth";

export function getNode(tx: ReadTx, name: string): Node | undefined {
  return tx.get(NODES, fold(name));
}

/** The first node with an IP address, however it is written. */
export function getNodeByAddress(tx: ReadTx, address: string): Node | undefined {
  const wanted = addressKey(address);
  if (wanted === undefined) return undefined;
  for (const node of tx.by(NODES, "address", `${wanted}\0`)) return node;
  return undefined;
}

/** @throws TribuneError when the id is not a UUID. */
export function getNodeById(tx: ReadTx, id: string): Node | undefined {
  const digits = explain(
    () => uuidDigits(id),
    (text) => `node lookup by ID failed, wrong UUID: ${text} for '${id}'`,
  );
  for (const node of tx.by(NODES, "uuid", `${digits}\0`)) return node;
  return undefined;
}

/**
 * Registers a node or changes it; without effect when nothing differs.
 *
 * A known id under a new name renames the node: all that was registered under the old name goes. Taking over a
 * name that another id holds is refused while that node is healthy.
 *
 * @param keepIndexes the row comes from a snapshot and keeps its own CreateIndex and ModifyIndex.
 * @throws TribuneError on a conflict of names, or when the id is not a UUID.
 */
export function ensureNode(tx: WriteTx, index: number, node: Node, keepIndexes = false): void {
  const existing = node.ID === "" ? peekNode(tx, node.Node) : (claimId(tx, index, node) ?? peekNode(tx, node.Node));
  if (existing !== undefined && sameNode(node, existing)) return;
  const fresh = existing === undefined && !(keepIndexes && node.CreateIndex !== 0);
  const CreateIndex = existing?.CreateIndex ?? (fresh ? index : node.CreateIndex);
  const ModifyIndex = existing !== undefined || fresh ? index : node.ModifyIndex;
  const isNew = peekNode(tx, node.Node) === undefined;
  const after: Node = { ...node, CreateIndex, ModifyIndex };
  tx.put(NODES, after);
  catalogChanged(tx, { kind: "node", before: existing, after });
  raiseIndex(tx, "nodes", index);
  nodeTouched(tx, index, node.Node);
  if (isNew) nodeChecksTouched(tx, index, node.Node);
  servicesOfNodeTouched(tx, index, node.Node);
}

/** Finds the node with this id and clears the way for its name. */
function claimId(tx: WriteTx, index: number, node: Node): Node | undefined {
  const holder = explain(
    () => getNodeById(tx, node.ID),
    (text) => `node lookup failed: ${text}`,
  );
  if (holder === undefined) {
    explain(
      () => refuseTakenName(tx, node, true),
      (text) => `Error while renaming Node ID: ${goQuote(node.ID)}: ${text}`,
    );
  } else if (holder.Node !== node.Node) {
    explain(
      () => refuseTakenName(tx, node, false),
      (text) => `Error while renaming Node ID: ${goQuote(node.ID)} (${node.Address}): ${text}`,
    );
    deleteNode(tx, index, holder.Node);
  }
  return holder;
}

/** A node registered from outside has no serf check and counts as gone: its name may be taken. */
function refuseTakenName(tx: ReadTx, node: Node, nodesWithoutId: boolean): void {
  const holder = peekNode(tx, node.Node);
  if (holder === undefined || holder.ID === node.ID || (holder.ID === "" && nodesWithoutId)) return;
  const serf = tx.peek(CHECKS, fold(holder.Node, SERF_CHECK_ID));
  if (serf === undefined || serf.Status === "critical") return;
  throw TribuneError.internal(
    `Node name ${node.Node} is reserved by node ${holder.ID} with name ${holder.Node} (${holder.Address})`,
  );
}

function peekNode(tx: ReadTx, name: string): Node | undefined {
  return tx.peek(NODES, fold(name));
}

function sameNode(a: Node, b: Node): boolean {
  return (
    a.ID === b.ID &&
    a.Node === b.Node &&
    a.Address === b.Address &&
    a.Datacenter === b.Datacenter &&
    deepEqual(a.TaggedAddresses, b.TaggedAddresses) &&
    deepEqual(a.Meta, b.Meta)
  );
}

/**
 * Writes only when the row's ModifyIndex is that of `node`; 0: only when there is none.
 * @returns whether it was so.
 */
export function ensureNodeCas(tx: WriteTx, index: number, node: Node): boolean {
  if ((peekNode(tx, node.Node)?.ModifyIndex ?? 0) !== node.ModifyIndex) return false;
  ensureNode(tx, index, node);
  return true;
}

/** Removes a node with its services, checks, coordinates and sessions. Without effect when there is none. */
export function deleteNode(tx: WriteTx, index: number, name: string): void {
  const before = peekNode(tx, name);
  if (before === undefined) return;
  for (const row of [...tx.peekScan(SERVICES, foldPrefix(name))]) deleteService(tx, index, row.Node, row.Service.ID);
  for (const check of [...tx.peekScan(CHECKS, foldPrefix(name))]) deleteCheck(tx, index, check.Node, check.CheckID);
  for (const coordinate of [...tx.peekScan(COORDINATES, foldPrefix(name))]) {
    tx.delete(COORDINATES, fold(coordinate.Node, coordinate.Segment));
    raiseIndex(tx, "coordinates", index);
  }
  tx.delete(NODES, fold(name));
  catalogChanged(tx, { kind: "node", before, after: undefined });
  raiseIndex(tx, "nodes", index);
  nodeForgotten(tx, name);
  invalidateSessionsOfNode(tx, index, name);
}

/** Removes the node only when its ModifyIndex is `casIndex`. @returns whether it was so. */
export function deleteNodeCas(tx: WriteTx, index: number, casIndex: number, name: string): boolean {
  const existing = peekNode(tx, name);
  if (existing === undefined || existing.ModifyIndex !== casIndex) return false;
  deleteNode(tx, index, name);
  return true;
}
