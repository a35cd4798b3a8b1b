/**
 * Bodies of catalog answers. Consul's HTTP layer turns some of Go's nil lists into empty ones, for some fields
 * of some answers; what is written here was recorded (`test/conformance`, scenarios catalog and catalog-blocking).
 */
import {
  type IndexedNodeServiceList,
  type IndexedNodeServices,
  type IndexedNodes,
  type IndexedServiceNodes,
  type IndexedServices,
  list,
  map,
  type NodeService,
  NodeServiceList,
  NodeServices,
  text,
  toJson,
} from "@tribune/api";
import type { Answer } from "./answer.ts";
import { nodeText, rowsJson, serviceNodeText } from "./row-text.ts";

export const nodesBody = ({ Nodes }: IndexedNodes): Answer => rowsJson(Nodes ?? [], nodeText);

export const servicesBody = ({ Services }: IndexedServices): unknown => toJson(map(list(text)), Services ?? {});

export const serviceNodesBody = ({ ServiceNodes }: IndexedServiceNodes): Answer =>
  rowsJson(ServiceNodes ?? [], serviceNodeText);

/** `null` when there is no such node. */
export function nodeServicesBody({ NodeServices: found }: IndexedNodeServices): unknown {
  if (found === null) return null;
  const services = Object.entries(found.Services ?? {}).map(([id, service]) => [id, withTags(service)] as const);
  return toJson(NodeServices, { ...found, Services: found.Services === null ? null : Object.fromEntries(services) });
}

/** Both fields are null when there is no such node. */
export function nodeServiceListBody({ NodeServices: found }: IndexedNodeServiceList): unknown {
  return toJson(NodeServiceList, { ...found, Services: found.Services?.map(withTags) ?? null });
}

function withTags<S extends NodeService | null>(service: S): S {
  return service !== null && service.Tags === null ? { ...service, Tags: [] } : service;
}
