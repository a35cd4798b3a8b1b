/** `/v1/history`: the last changes of checks and registrations, as the servers saw them. Tribune's own. */
import { inPath, numberQuery, read } from "../contract.ts";
import { HistoryRequest, IndexedTransitions } from "../structs/history.ts";

const limit = numberQuery("At most so many, 1 to 1000; 100 if left out");
const history = {
  rpc: "History.Transitions",
  request: HistoryRequest,
  reply: IndexedTransitions,
  blocking: true,
  acl: { by: "filter" },
  answers: "History",
} as const;

export const historyContracts = {
  historyCheck: read({
    ...history,
    http: "GET /v1/history/check/*check",
    parameters: { check: inPath("Name of the node, a slash, and the id of the check"), limit },
    summary: "List the last changes of a check's status, newest first",
  }),
  historyService: read({
    ...history,
    http: "GET /v1/history/service/*service",
    parameters: { service: inPath("Name of the service", { missing: "Missing service name" }), limit },
    summary: "List the last changes of a service's instances and their checks, newest first",
  }),
  historyNode: read({
    ...history,
    http: "GET /v1/history/node/*node",
    parameters: { node: inPath("Name of the node", { missing: "Missing node name" }), limit },
    summary: "List the last changes on a node, newest first",
  }),
  historyRecent: read({
    ...history,
    http: "GET /v1/history/recent",
    parameters: { limit },
    summary: "List the last changes in the datacenter, newest first",
  }),
};
