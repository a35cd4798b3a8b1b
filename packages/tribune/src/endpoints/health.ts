/** Answers of `/v1/health`. */
import {
  type CheckServiceNode,
  healthContracts,
  IndexedCheckServiceNodes,
  IndexedHealthChecks,
  make,
  type QuerySource,
  type ServiceSpecificRequest,
} from "@tribune/api";
import { CHECK_SERVICE_NODE, HEALTH_CHECK } from "../lib/bexpr/filter-types.ts";
import { TribuneError } from "../lib/errors.ts";
import { ROWS_A_STEP, type Steps } from "../lib/steps.ts";
import {
  checksInState,
  checksOfService,
  connectHealth,
  type Instance,
  ingressHealth,
  serviceHealthSteps,
} from "../state/catalog/health-queries.ts";
import { checksOfNode, matchesMeta } from "../state/catalog/node-queries.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { withCentralConfig } from "../state/service-config.ts";
import { type Bindings, bind, type HttpView, type QueryContext } from "./binding.ts";
import { type ServiceValues, serviceRequest, tagsOf } from "./catalog.ts";
import { filterRowsSteps, rowFilter } from "./filter-rows.ts";
import { checksBody, instancesBody } from "./health-shapes.ts";
import { nearestFirstLater } from "./near.ts";

type Found = ReturnType<typeof checksInState>;

function* checksReply(
  tx: ReadTx,
  { Filter, Source }: { readonly Filter: string; readonly Source: QuerySource },
  { datacenter }: QueryContext,
  { index, checks }: Found,
): Steps<IndexedHealthChecks> {
  const near = nearestFirstLater(tx, Source, datacenter);
  const filtered = yield* filterRowsSteps(Filter, HEALTH_CHECK, checks);
  const HealthChecks = yield* near(filtered, (check) => check.Node);
  return make(IndexedHealthChecks, { HealthChecks, Index: index });
}

function* instancesReply(
  tx: ReadTx,
  request: ServiceSpecificRequest,
  { datacenter }: QueryContext,
): Steps<IndexedCheckServiceNodes> {
  const near = nearestFirstLater(tx, request.Source, datacenter);
  const found = yield* findInstances(tx, request);
  const { index, rows } = request.MergeCentralConfig ? mergedInstances(tx, found) : found;
  const filter = rowFilter(request.Filter, CHECK_SERVICE_NODE);
  const chosen: Instance[] = [];
  for (const [at, row] of rows.entries()) {
    if (at % ROWS_A_STEP === 0 && at > 0) yield;
    if (matchesMeta(row.Node.Meta, request.NodeMetaFilters) && filter?.(row) !== false) chosen.push(row);
  }
  const Nodes = yield* near(chosen, (row) => row.Node.Node);
  return make(IndexedCheckServiceNodes, { Nodes, Index: index });
}

function* findInstances(tx: ReadTx, request: ServiceSpecificRequest): Steps<{ index: number; rows: Instance[] }> {
  const { ServiceName: name } = request;
  if (name === "") throw TribuneError.internal("Must provide service name");
  if (request.Connect) return connectHealth(tx, name);
  if (request.TagFilter) return yield* serviceHealthSteps(tx, name, tagsOf(request));
  return request.Ingress ? ingressHealth(tx, name) : yield* serviceHealthSteps(tx, name);
}

function mergedInstances(tx: ReadTx, found: { readonly index: number; readonly rows: readonly Instance[] }) {
  let { index } = found;
  const rows = found.rows.map((row) => {
    const merged = withCentralConfig(tx, row.Service);
    index = Math.max(index, merged.index);
    return merged.service === row.Service ? row : { ...row, Service: merged.service };
  });
  return { index, rows };
}

/** Those of a service's instances that a question is about, as the servers choose them. For one without `near`. */
export function chosenInstances(
  rows: readonly CheckServiceNode[],
  request: ServiceSpecificRequest,
): readonly CheckServiceNode[] {
  const wanted = tagsOf(request).map((tag) => tag.toLowerCase());
  const filter = rowFilter(request.Filter, CHECK_SERVICE_NODE);
  return rows.filter(
    (row) =>
      wanted.every((tag) => row.Service?.Tags?.some((own) => own.toLowerCase() === tag)) &&
      matchesMeta(row.Node?.Meta ?? null, request.NodeMetaFilters) &&
      filter?.(row) !== false,
  );
}

const instances = {
  query: instancesReply,
  show: (reply: IndexedCheckServiceNodes, _request: ServiceSpecificRequest, http: HttpView) =>
    instancesBody(reply, wantsPassing(http)),
};

/** `?passing` alone means yes; a value must be one of Go's booleans. */
function wantsPassing({ query }: HttpView): boolean {
  if (!query.has("passing")) return false;
  const value = query.get("passing");
  if (["", "1", "t", "T", "true", "TRUE", "True"].includes(value)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(value)) return false;
  throw TribuneError.badRequest("Invalid value for ?passing");
}

const instancesRequest = <Q extends ServiceSpecificRequest>(values: ServiceValues, http: HttpView, common: Q): Q =>
  serviceRequest(values, http, common, "Node.Node");

export const healthEndpoints = bind(healthContracts, {
  healthNode: {
    request: ({ node }, _http, common) => ({ ...common, Node: node }),
    *query(tx, request) {
      const { index, checks } = checksOfNode(tx, request.Node);
      const HealthChecks = yield* filterRowsSteps(request.Filter, HEALTH_CHECK, checks);
      return make(IndexedHealthChecks, { HealthChecks, Index: index });
    },
    show: (reply) => checksBody(reply),
  },
  healthChecks: {
    request: ({ service }, _http, common) => ({ ...common, ServiceName: service }),
    query(tx, request, context) {
      if (request.TagFilter) throw TribuneError.internal("Tag filtering is not supported");
      return checksReply(tx, request, context, checksOfService(tx, request.ServiceName, request.NodeMetaFilters));
    },
    show: (reply) => checksBody(reply),
  },
  healthState: {
    request: ({ state }, _http, common) => ({ ...common, State: state }),
    query: (tx, request, context) =>
      checksReply(tx, request, context, checksInState(tx, request.State, request.NodeMetaFilters)),
    show: (reply) => checksBody(reply),
  },
  healthService: { ...instances, request: instancesRequest },
  healthConnect: {
    ...instances,
    request: (values, http, common) => ({ ...instancesRequest(values, http, common), Connect: true }),
  },
  healthIngress: {
    ...instances,
    request: (values, http, common) => ({ ...instancesRequest(values, http, common), Ingress: true }),
  },
} satisfies Bindings<typeof healthContracts>);
