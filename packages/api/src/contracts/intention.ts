/** `/v1/connect/intentions`: who may talk to whom. */
import { call, everyQuery, inPath, inQuery, jsonBody, read, write } from "../contract.ts";
import { text } from "../schema.ts";
import {
  IndexedIntentionMatches,
  IndexedIntentions,
  IntentionBody,
  IntentionListRequest,
  IntentionQueryCheckResponse,
  IntentionQueryRequest,
  IntentionRequest,
} from "../structs/intention.ts";

const raftType = 12;
const acl = { by: "require", resource: "service", access: "write" } as const;
const source = everyQuery("Name of the source, or `*`");
const destination = everyQuery("Name of the destination, or `*`");
const id = inPath("UUID of the intention");
const intention = jsonBody(IntentionBody, "The intention", { invalid: "Bad request: Request decode failed: %s" });
const apply = { rpc: "Intention.Apply", request: IntentionRequest, reply: text, raftType, acl } as const;
const get = {
  rpc: "Intention.Get",
  request: IntentionQueryRequest,
  reply: IndexedIntentions,
  blocking: true,
  plainRefusals: true,
  acl: { by: "filter" },
} as const;

export const intentionContracts = {
  intentionList: read({
    http: "GET /v1/connect/intentions",
    namespaced: true,
    rpc: "Intention.List",
    parameters: { filter: inQuery("Filter expression over the intentions") },
    request: IntentionListRequest,
    reply: IndexedIntentions,
    blocking: true,
    acl: { by: "filter" },
    summary: "List the intentions, by precedence",
    answers: "Intentions",
  }),
  intentionCreate: write({
    ...apply,
    http: "POST /v1/connect/intentions",
    namespaced: true,
    parameters: {
      intention: jsonBody(IntentionBody, "The intention", {
        invalid: "Failed to decode request body: %s",
        invalidStatus: 500,
      }),
    },
    summary: "Create an intention with an id of its own (the older form)",
    answers: "IntentionId",
  }),
  intentionMatch: read({
    http: "GET /v1/connect/intentions/match",
    namespaced: true,
    rpc: "Intention.Match",
    parameters: {
      by: everyQuery("`source` or `destination`"),
      name: everyQuery("Name of a service; may be repeated"),
    },
    request: IntentionQueryRequest,
    reply: IndexedIntentionMatches,
    blocking: true,
    cacheable: true,
    saysConsistency: true,
    acl: { by: "filter" },
    summary: "List the intentions that apply to services as sources or destinations",
    answers: "IntentionMatches",
  }),
  intentionCheck: call({
    http: "GET /v1/connect/intentions/check",
    namespaced: true,
    rpc: "Intention.Check",
    parameters: { source, destination, sourceType: inQuery("`consul`", { name: "source-type" }) },
    request: IntentionQueryRequest,
    reply: IntentionQueryCheckResponse,
    answeredBy: "asked",
    queryOptions: true,
    plainRefusals: true,
    acl: { by: "require", resource: "service", access: "read" },
    summary: "Say whether a source may connect to a destination",
    answers: "IntentionCheck",
  }),
  intentionExact: read({
    ...get,
    http: "GET /v1/connect/intentions/exact",
    namespaced: true,
    parameters: { source, destination },
    summary: "Read the intention between two names",
    answers: "Intention",
  }),
  intentionUpsert: write({
    ...apply,
    http: "PUT /v1/connect/intentions/exact",
    namespaced: true,
    parameters: { source, destination, intention },
    summary: "Create or replace the intention between two names",
    answers: "Boolean",
  }),
  intentionDeleteExact: write({
    ...apply,
    http: "DELETE /v1/connect/intentions/exact",
    namespaced: true,
    parameters: { source, destination },
    summary: "Delete the intention between two names",
    answers: "Boolean",
  }),
  intentionGet: read({
    ...get,
    http: "GET /v1/connect/intentions/*id",
    namespaced: true,
    parameters: { id },
    summary: "Read an intention by its id",
    answers: "Intention",
  }),
  intentionUpdate: write({
    ...apply,
    http: "PUT /v1/connect/intentions/*id",
    namespaced: true,
    parameters: { id, intention },
    summary: "Replace an intention by its id (the older form)",
    answers: "IntentionId",
  }),
  intentionDelete: write({
    ...apply,
    http: "DELETE /v1/connect/intentions/*id",
    namespaced: true,
    parameters: { id },
    summary: "Delete an intention by its id (the older form)",
    answers: "Boolean",
  }),
};
