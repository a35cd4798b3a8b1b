/** Every method of npm's client by its name there. */
import { Buffer } from "node:buffer";
import type { Method } from "./caller.ts";
import {
  agentCheck,
  agentService,
  catalogDeregistration,
  catalogRegistration,
  type Fields,
  legacyToken,
  preparedQuery,
  session,
} from "./fields.ts";

const nothing = "nothing";
const report = (status: string): Method => ({
  http: `PUT /agent/check/${status}/{id}`,
  alone: "id",
  required: ["id"],
  query: ["note"],
  answers: nothing,
});
const listed = (http: string, alone: string): Method => ({ http, alone, required: [alone] });
const datacenterAlone = (http: string): Method => ({ http, alone: "dc" });
const mustSayEnable = ({ enable }: Fields): void => {
  if (typeof enable !== "boolean") throw new Error("enable required");
};
const mustNameService = (options: Fields): unknown => {
  const body = preparedQuery(options) as { readonly Service?: { readonly Service?: string } };
  if (!body.Service?.Service) throw new Error("service required");
  return body;
};
const mustBeNamed = (options: Fields): unknown => {
  if (!options.name) throw new Error("name required");
  return agentCheck(options);
};

/** @throws TypeError in Node's words for what is neither text nor bytes: `[object Object]` would help nobody */
const bytesOf = (value: unknown): Buffer => (Buffer.isBuffer(value) ? value : Buffer.from(value as string));
const decoded = (value: unknown, asBuffer: unknown): unknown => {
  if (typeof value !== "string") return value;
  const bytes = Buffer.from(value, "base64");
  return asBuffer ? bytes : bytes.toString();
};
const withPayload = (event: unknown, asBuffer: unknown): unknown => {
  const { Payload } = event as { readonly Payload?: unknown };
  return Payload === undefined ? event : { ...(event as object), Payload: decoded(Payload, asBuffer) };
};

const STATES = ["any", "unknown", "passing", "warning", "critical"];

const kvGet: Method = {
  http: "GET /kv/{key}",
  alone: "key",
  query: ["recurse", "raw"],
  maybe: true,
  raw: ({ raw }) => Boolean(raw),
  answers: (body, { raw, recurse, buffer }) => {
    if (raw) return body;
    if (!Array.isArray(body) || body.length === 0) return undefined;
    const pairs = body.map((pair: Fields) =>
      "Value" in pair ? { ...pair, Value: decoded(pair.Value, buffer) } : pair,
    );
    return recurse ? pairs : pairs[0];
  },
};

export const METHODS = {
  "acl.bootstrap": { http: "PUT /acl/bootstrap" },
  "acl.replication": { http: "GET /acl/replication" },
  "acl.legacy.create": { http: "PUT /acl/create", body: legacyToken },
  "acl.legacy.update": { http: "PUT /acl/update", required: ["id"], body: legacyToken, answers: nothing },
  "acl.legacy.destroy": { ...listed("PUT /acl/destroy/{id}", "id"), answers: nothing },
  "acl.legacy.info": { ...listed("GET /acl/info/{id}", "id"), answers: "first" },
  "acl.legacy.get": { ...listed("GET /acl/info/{id}", "id"), answers: "first" },
  "acl.legacy.clone": listed("PUT /acl/clone/{id}", "id"),
  "acl.legacy.list": { http: "GET /acl/list" },

  "agent.checks": { http: "GET /agent/checks" },
  "agent.services": { http: "GET /agent/services" },
  "agent.members": { http: "GET /agent/members" },
  "agent.reload": { http: "PUT /agent/reload", answers: nothing },
  "agent.self": { http: "GET /agent/self" },
  "agent.maintenance": {
    http: "PUT /agent/maintenance",
    exactly: ["enable"],
    query: ["reason"],
    check: mustSayEnable,
    answers: nothing,
  },
  "agent.join": { ...listed("PUT /agent/join/{address}", "address"), answers: nothing },
  "agent.forceLeave": { ...listed("PUT /agent/force-leave/{node}", "node"), answers: nothing },
  "agent.check.list": { http: "GET /agent/checks" },
  "agent.check.register": { http: "PUT /agent/check/register", body: mustBeNamed, answers: nothing },
  "agent.check.deregister": { ...listed("PUT /agent/check/deregister/{id}", "id"), answers: nothing },
  "agent.check.pass": report("pass"),
  "agent.check.warn": report("warn"),
  "agent.check.fail": report("fail"),
  "agent.service.list": { http: "GET /agent/services" },
  "agent.service.register": {
    ...listed("PUT /agent/service/register", "name"),
    body: agentService,
    answers: nothing,
  },
  "agent.service.deregister": { ...listed("PUT /agent/service/deregister/{id}", "id"), answers: nothing },
  "agent.service.maintenance": {
    http: "PUT /agent/service/maintenance/{id}",
    required: ["id"],
    exactly: ["enable"],
    query: ["reason"],
    check: mustSayEnable,
    answers: nothing,
  },

  "catalog.datacenters": { http: "GET /catalog/datacenters" },
  "catalog.nodes": datacenterAlone("GET /catalog/nodes"),
  "catalog.services": datacenterAlone("GET /catalog/services"),
  "catalog.register": {
    http: "PUT /catalog/register",
    check: ({ node, address }) => {
      if (!node || !address) throw new Error("node and address required");
    },
    body: catalogRegistration,
    answers: nothing,
  },
  "catalog.deregister": {
    ...listed("PUT /catalog/deregister", "node"),
    body: catalogDeregistration,
    answers: nothing,
  },
  "catalog.connect.nodes": listed("GET /catalog/connect/{service}", "service"),
  "catalog.node.list": datacenterAlone("GET /catalog/nodes"),
  "catalog.node.services": listed("GET /catalog/node/{node}", "node"),
  "catalog.service.list": datacenterAlone("GET /catalog/services"),
  "catalog.service.nodes": { ...listed("GET /catalog/service/{service}", "service"), query: ["tag"] },

  "event.fire": {
    ...listed("PUT /event/fire/{name}", "name"),
    query: ["node", "service", "tag"],
    bytes: ({ payload }) => (payload === undefined ? undefined : bytesOf(payload)),
    answers: (body, { payload }) => withPayload(body, Buffer.isBuffer(payload)),
  },
  "event.list": {
    http: "GET /event/list",
    alone: "name",
    query: ["name"],
    answers: (body, { buffer }) => (body as readonly unknown[]).map((event) => withPayload(event, buffer)),
  },

  "health.node": listed("GET /health/node/{node}", "node"),
  "health.checks": listed("GET /health/checks/{service}", "service"),
  "health.service": {
    ...listed("GET /health/service/{service}", "service"),
    query: ["tag", "passing"],
    asTrue: ["passing"],
  },
  "health.state": {
    ...listed("GET /health/state/{state}", "state"),
    check: ({ state }) => {
      if (!STATES.includes(String(state))) throw new Error(`state invalid: ${state}`);
    },
  },

  "kv.get": kvGet,
  "kv.keys": { http: "GET /kv/{key}", alone: "key", fixed: { keys: true }, query: ["separator"] },
  "kv.set": {
    http: "PUT /kv/{key}",
    required: ["key"],
    exactly: ["cas", "flags", "acquire", "release"],
    check: (options) => {
      if (!("value" in options)) throw new Error("value required");
    },
    bytes: ({ value }) => bytesOf(value || ""),
  },
  "kv.del": { http: "DELETE /kv/{key}", alone: "key", query: ["recurse"], exactly: ["cas"] },
  "kv.delete": { http: "DELETE /kv/{key}", alone: "key", query: ["recurse"], exactly: ["cas"] },

  "query.list": { http: "GET /query" },
  "query.create": { http: "POST /query", body: mustNameService, without: ["near"] },
  "query.get": { ...listed("GET /query/{query}", "query"), answers: "first" },
  "query.update": {
    http: "PUT /query/{query}",
    required: ["query"],
    body: mustNameService,
    without: ["near"],
    answers: nothing,
  },
  "query.destroy": { ...listed("DELETE /query/{query}", "query"), answers: nothing },
  "query.execute": listed("GET /query/{query}/execute", "query"),
  "query.explain": { ...listed("GET /query/{query}/explain", "query"), answers: "first" },

  "session.create": { http: "PUT /session/create", body: session },
  "session.destroy": { ...listed("PUT /session/destroy/{id}", "id"), answers: nothing },
  "session.info": { ...listed("GET /session/info/{id}", "id"), answers: "first" },
  "session.get": { ...listed("GET /session/info/{id}", "id"), answers: "first" },
  "session.node": listed("GET /session/node/{node}", "node"),
  "session.list": { http: "GET /session/list" },
  "session.renew": listed("PUT /session/renew/{id}", "id"),

  "status.leader": { http: "GET /status/leader" },
  "status.peers": { http: "GET /status/peers" },

  "transaction.create": {
    http: "PUT /txn",
    label: "Transaction.create",
    body: ({ operations }) => {
      if (operations === undefined) throw new Error("a list of operations are required as first arguments");
      if (!Array.isArray(operations) || operations.length === 0)
        throw new Error("operations must be an array with at least one item");
      return operations;
    },
  },
} as const satisfies Readonly<Record<string, Method>>;

export type MethodName = keyof typeof METHODS;

/** Arguments of another form than one object or one string, as that object. */
export const ARGUMENTS: { readonly [K in MethodName]?: (given: readonly unknown[]) => unknown } = {
  "kv.set": (given) => (given.length > 1 ? { ...(given[2] as object), key: given[0], value: given[1] } : given[0]),
  "event.fire": (given) => (given.length > 1 ? { name: given[0], payload: given[1] } : given[0]),
  "transaction.create": (given) =>
    given.length === 1 || given.length === 2 ? { ...(given[1] as object), operations: given[0] } : {},
  "agent.maintenance": ([given]) => (typeof given === "boolean" ? { enable: given } : given),
  "catalog.register": ([given]) => (typeof given === "string" ? { node: given, address: "127.0.0.1" } : given),
  "query.create": ([given]) => (typeof given === "string" ? { service: { service: given } } : given),
};
