import { inPath, inQuery, local, rawBody, rpcCall } from "../contract.ts";
import { EventFireRequest, EventFireResponse } from "../structs/event.ts";

export const eventContracts = {
  eventFire: local({
    http: "PUT /v1/event/fire/:name",
    parameters: {
      name: inPath("Name of the event", { missing: "Missing name" }),
      node: inQuery("Regular expression of the nodes that take it"),
      service: inQuery("Regular expression of the services whose nodes take it"),
      tag: inQuery("Regular expression of the service's tags"),
      payload: rawBody("At most some hundred bytes", { bytesMax: 64 << 10 }),
    },
    honours: ["dc"],
    acl: { by: "require", resource: "event", access: "write" },
    summary: "Fire a user event",
    answers: "UserEvent",
  }),
  eventList: local({
    http: "GET /v1/event/list",
    parameters: { name: inQuery("Only events of this name") },
    honours: ["index", "wait"],
    acl: { by: "filter" },
    summary: "List the events this agent has seen last",
    answers: "UserEvents",
  }),
};

export const eventRpcContracts = {
  /** `Payload` is the whole event as gossip carries it, `Name` alone stands in the clear. */
  internalEventFire: rpcCall({
    rpc: "Internal.EventFire",
    request: EventFireRequest,
    reply: EventFireResponse,
    answeredBy: "asked",
    summary: "Fire a user event in the datacenter's gossip pool",
  }),
};
