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
  type Node,
  NodeInfo,
  toJson,
} from "@tribune/api";
import { stringifyGo } from "../lib/go-json.ts";
import { type Answer, json } from "./answer.ts";
import { type JsonTexts, jsonTexts, listTexts, mapTexts } from "./json-texts.ts";
import { bareCheckText, bareServiceText, nodeText, rowsJson, serviceNodeText, serviceText } from "./row-text.ts";

export const nodesBody = ({ Nodes }: IndexedNodes): Answer => rowsJson(Nodes ?? [], nodeText);

export const servicesBody = ({ Services }: IndexedServices): Answer =>
  jsonTexts(() => mapTexts(Object.entries(Services ?? {}), stringifyGo));

export const serviceNodesBody = ({ ServiceNodes }: IndexedServiceNodes): Answer =>
  rowsJson(ServiceNodes ?? [], serviceNodeText);

/** `null` when there is no such node. */
export function nodeServicesBody({ NodeServices: found }: IndexedNodeServices): Answer {
  if (found === null) return json(null);
  const { Node, Services } = found;
  return jsonTexts(() => withServices(Node, Services && mapTexts(Object.entries(Services), serviceText)));
}

/** Both fields are null when there is no such node. */
export const nodeServiceListBody = ({ NodeServices: { Node, Services } }: IndexedNodeServiceList): Answer =>
  jsonTexts(() => withServices(Node, Services && listTexts(Services, serviceText)));

function* withServices(node: Node | null, services: JsonTexts | null): JsonTexts {
  yield `{"Node":${nodeText(node)},"Services":`;
  yield* services ?? ["null"];
  yield "}";
}

/** A node with all that is registered on it. The page expects lists where there is nothing. */
export function* nodeInfoTexts(info: NodeInfo): JsonTexts {
  const { Services, Checks, ...node } = info;
  const head = stringifyGo(toJson(NodeInfo, { ...node, Services: null, Checks: null }));
  yield head.slice(0, -NO_LISTS.length);
  yield ',"Services":';
  yield* listTexts(Services ?? [], bareServiceText);
  yield ',"Checks":';
  yield* listTexts(Checks ?? [], bareCheckText);
  yield "}";
}

const NO_LISTS = ',"Services":null,"Checks":null}';
