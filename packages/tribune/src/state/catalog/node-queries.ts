/** Queries for nodes, and for what is registered on one. Each answers rows and the index X-Consul-Index shows. */
import type { HealthCheck, Node, NodeService } from "@tribune/api";
import { peekIndex } from "../index-table.ts";
import { keyPrefix } from "../memdb/key.ts";
import type { ReadTx } from "../memdb/types.ts";
import { nodeChecksIndex, nodeIndex } from "./indexes.ts";
import { CHECKS, fold, foldPrefix, NODES, SERVICES } from "./tables.ts";
import { uuidPrefixDigits } from "./uuid.ts";

/** Pairs that a node's metadata must have; null or empty: any node. */
export type MetaFilter = Readonly<Record<string, string>> | null;

export function listNodes(tx: ReadTx, filter: MetaFilter = null): { index: number; nodes: Node[] } {
  return { index: peekIndex(tx, "nodes"), nodes: [...nodesWithMeta(tx, filter)] };
}

/** Depends on all nodes, or with a filter on those that bear its first pair. */
export function* nodesWithMeta(tx: ReadTx, filter: MetaFilter): Iterable<Node> {
  const first = filter === null ? undefined : Object.entries(filter)[0];
  if (first === undefined) return yield* tx.scan(NODES, "");
  for (const node of tx.by(NODES, "meta", keyPrefix(...first))) if (matchesMeta(node.Meta, filter)) yield node;
}

export function matchesMeta(meta: Node["Meta"], filter: MetaFilter): boolean {
  if (filter === null) return true;
  return Object.entries(filter).every(
    ([name, value]) => meta !== null && Object.hasOwn(meta, name) && meta[name] === value,
  );
}

/** A node found by its name, or by the beginning of its id where that is unambiguous, with its services. */
export function nodeWithServices(
  tx: ReadTx,
  nameOrId: string,
): { index: number; node: Node | undefined; services: NodeService[] } {
  const { node, byId } = findNode(tx, nameOrId);
  // The record of a node does not tell when another one made its shortened id ambiguous.
  const index = byId ? peekIndex(tx, "nodes", "services") : nodeIndex(tx, nameOrId);
  if (node === undefined) return { index, node, services: [] };
  const services: NodeService[] = [];
  for (const row of tx.scan(SERVICES, foldPrefix(node.Node))) services.push(row.Service);
  return { index, node, services };
}

function findNode(tx: ReadTx, nameOrId: string): { node: Node | undefined; byId: boolean } {
  const named = tx.get(NODES, fold(nameOrId));
  if (named !== undefined) return { node: named, byId: false };
  const digits = uuidPrefixDigits(nameOrId);
  if (digits === undefined) return { node: undefined, byId: false };
  const matches: Node[] = [];
  for (const node of tx.by(NODES, "uuid", digits)) {
    matches.push(node);
    if (matches.length > 1) return { node: undefined, byId: true };
  }
  return { node: matches[0], byId: true };
}

export function checksOfNode(tx: ReadTx, node: string): { index: number; checks: HealthCheck[] } {
  return { index: nodeChecksIndex(tx, node), checks: [...tx.scan(CHECKS, foldPrefix(node))] };
}
