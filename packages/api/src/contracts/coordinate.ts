/** `/v1/coordinate`: where nodes are in the network. */
import { call, inPath, inQuery, jsonBody, read } from "../contract.ts";
import { list } from "../schema.ts";
import { DatacenterMap, DCSpecificRequest, NodeSpecificRequest } from "../structs/catalog.ts";
import { nothing } from "../structs/common.ts";
import { CoordinateUpdateRequest, IndexedCoordinates } from "../structs/coordinate.ts";

const segment = inQuery("Only coordinates of this network segment");

export const coordinateContracts = {
  coordinateDatacenters: call({
    http: "GET /v1/coordinate/datacenters",
    rpc: "Coordinate.ListDatacenters",
    request: nothing,
    reply: list(DatacenterMap),
    answeredBy: "any",
    parameters: {},
    acl: { by: "none" },
    summary: "List the servers of every datacenter with their coordinates",
    answers: "DatacenterMaps",
  }),
  coordinateNodes: read({
    http: "GET /v1/coordinate/nodes",
    rpc: "Coordinate.ListNodes",
    parameters: { segment },
    request: DCSpecificRequest,
    reply: IndexedCoordinates,
    blocking: true,
    acl: { by: "filter" },
    summary: "List the coordinates of all nodes",
    answers: "Coordinates",
  }),
  coordinateNode: read({
    http: "GET /v1/coordinate/node/*node",
    rpc: "Coordinate.Node",
    parameters: { node: inPath("Name of the node"), segment },
    request: NodeSpecificRequest,
    reply: IndexedCoordinates,
    blocking: true,
    acl: { by: "require", resource: "node", access: "read" },
    statuses: { 404: "The node has none" },
    summary: "Read the coordinates of a node, one per network segment",
    answers: "Coordinates",
  }),
  coordinateUpdate: call({
    http: "PUT /v1/coordinate/update",
    rpc: "Coordinate.Update",
    reply: nothing,
    answeredBy: "leader",
    parameters: {
      update: jsonBody(CoordinateUpdateRequest, "Node and its coordinate", { invalid: "Request decode failed: %s" }),
    },
    request: CoordinateUpdateRequest,
    acl: { by: "require", resource: "node", access: "write" },
    summary: "Set the coordinate of a node; it shows after the leader's next batch",
    answers: "Nothing",
  }),
};
