/** The commands of `Catalog.Register` and `Catalog.Deregister`, applied in one transaction each. */
import type { DeregisterRequest, HealthCheck, Node, RegisterRequest } from "@tribune/api";
import { TribuneError } from "../../lib/errors.ts";
import { goQuote } from "../../lib/go-quote.ts";
import type { WriteTx } from "../memdb/types.ts";
import { deleteCheck, ensureCheck } from "./checks.ts";
import { explain } from "./errors.ts";
import { deleteNode, ensureNode } from "./nodes.ts";
import { deleteService, ensureService } from "./services.ts";
import { fold, NODES } from "./tables.ts";

/**
 * Registers a node, a service on it and checks, all or nothing (the transaction is the caller's). What is there
 * already and does not differ stays as it is, indexes included. With `SkipNodeUpdate` a known node is left alone.
 *
 * @param keepIndexes the request is a snapshot's record: its rows keep their CreateIndex and ModifyIndex.
 * @throws TribuneError
 */
export function ensureRegistration(tx: WriteTx, index: number, request: RegisterRequest, keepIndexes = false): void {
  if (!request.SkipNodeUpdate || tx.peek(NODES, fold(request.Node)) === undefined) {
    const node: Node = {
      ID: request.ID,
      Node: request.Node,
      Address: request.Address,
      Datacenter: request.Datacenter,
      TaggedAddresses: request.TaggedAddresses,
      Meta: request.NodeMeta,
      CreateIndex: keepIndexes ? request.CreateIndex : 0,
      ModifyIndex: keepIndexes ? request.ModifyIndex : 0,
    };
    explain(
      () => ensureNode(tx, index, node, keepIndexes),
      (text) => `failed inserting node: ${text}`,
    );
  }
  const service = request.Service;
  if (service !== null) {
    explain(
      () => ensureService(tx, index, request.Node, service, keepIndexes),
      (text) => `failed inserting service: ${text}`,
    );
  }
  for (const check of checksOf(request)) {
    // Snapshots of earlier versions, and of Consul, may hold a name in two spellings.
    const isOther = keepIndexes ? fold(check.Node) !== fold(request.Node) : check.Node !== request.Node;
    if (isOther) {
      const [own, node] = [goQuote(check.Node), goQuote(request.Node)];
      throw TribuneError.internal(`check node ${own} does not match node ${node}`);
    }
    explain(
      () => ensureCheck(tx, index, check, keepIndexes),
      (text) => `failed inserting check: ${text} on node ${goQuote(check.Node)}`,
    );
  }
}

function checksOf(request: RegisterRequest): readonly HealthCheck[] {
  return [request.Check, ...(request.Checks ?? [])].filter((check) => check !== null);
}

/** Removes one service, else one check, else the whole node. Without effect when there is none. */
export function deregister(tx: WriteTx, index: number, request: DeregisterRequest): void {
  if (request.ServiceID !== "") deleteService(tx, index, request.Node, request.ServiceID);
  else if (request.CheckID !== "") deleteCheck(tx, index, request.Node, request.CheckID);
  else deleteNode(tx, index, request.Node);
}
