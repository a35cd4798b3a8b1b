/** Plays an endpoint without a server: for the tests of this room. */
import { zero } from "@tribune/api";
import { finished, isSteps } from "../lib/steps.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { type Answer, joined } from "./answer.ts";
import type { Endpoint, HttpView, Query } from "./binding.ts";

const CONTEXT = { datacenter: "dc1", nodeName: "me", connectEnabled: true, intentionsDefaultAllow: true };

export function queryOf(text: string): Query {
  const pairs = new URLSearchParams(text);
  return {
    has: (name) => pairs.has(name),
    get: (name) => pairs.get(name) ?? "",
    all: (name) => pairs.getAll(name),
    encode: () => pairs.toString(),
  };
}

export function viewOf(query: string): HttpView {
  return {
    method: "GET",
    path: "",
    query: queryOf(query),
    header: () => "",
    contentLength: undefined,
    sourceAddress: "127.0.0.1",
    datacenter: "dc1",
    nodeName: "me",
    token: "",
    limits: { kvMaxValueSize: 0, txnMaxReqLen: 0 },
    defaults: { discoveryMaxStaleNs: 0, useCache: true },
    dnsDomains: ["consul."],
    body: (async function* () {})(),
    onGone: () => () => {},
  };
}

/** Answers a read as HTTP would: `values` are the contract's parameters, `common` what every read may say. */
export function answerRead(
  endpoints: readonly Endpoint[],
  name: string,
  tx: ReadTx,
  given: { readonly values?: object; readonly query?: string; readonly common?: object } = {},
): { readonly answer: Answer; readonly index: number } {
  const endpoint = endpoints.find((one) => one.name === name);
  if (endpoint === undefined || endpoint.contract.kind !== "read") throw new Error(`no read called ${name}`);
  const http = viewOf(given.query ?? "");
  const common = { ...zero(endpoint.contract.request), Datacenter: "dc1", ...given.common };
  const request = endpoint.binding.request(given.values ?? {}, http, common);
  const work = endpoint.binding.query(tx, request, CONTEXT);
  const reply = isSteps(work) ? finished(work) : work;
  return { answer: endpoint.binding.show(reply, request, http), index: reply.Index };
}

/** The JSON value of an answer. */
export function bodyOf(answer: Answer): unknown {
  if (answer.kind === "json") return JSON.parse(JSON.stringify(answer.value));
  if (answer.kind === "jsonText") return JSON.parse(answer.text);
  if (answer.kind === "jsonParts")
    return JSON.parse(Buffer.from(joined(answer.partsOf(answer.rows)), "latin1").toString());
  if (answer.kind === "pieces") return JSON.parse(Buffer.concat([...answer.pieces(false)]).toString());
  throw new Error(`an answer of kind ${answer.kind} has no JSON`);
}
