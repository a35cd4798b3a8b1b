/** Answers of `/v1/health`. */
import {
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
import { type Bindings, bind, type HttpView, type QueryContext } from "./binding.ts";
import { serviceRequest, tagsOf } from "./catalog.ts";
import { filterRows, rowFilter } from "./filter-rows.ts";
import { checksBody, instancesBody } from "./health-shapes.ts";
import { nearestFirst, nearestFirstLater } from "./near.ts";

type Found = ReturnType<typeof checksInState>;

function checksReply(
  tx: ReadTx,
  { Filter, Source }: { readonly Filter: string; readonly Source: QuerySource },
  { datacenter }: QueryContext,
  { index, checks }: Found,
) {
  const filtered = filterRows(Filter, HEALTH_CHECK, checks);
  const HealthChecks = nearestFirst(tx, Source, datacenter, filtered, (check) => check.Node);
  return make(IndexedHealthChecks, { HealthChecks, Index: index });
}

function* instancesReply(
  tx: ReadTx,
  request: ServiceSpecificRequest,
  { datacenter }: QueryContext,
): Steps<IndexedCheckServiceNodes> {
  const near = nearestFirstLater(tx, request.Source, datacenter);
  const { index, rows } = yield* findInstances(tx, request);
  const filter = rowFilter(request.Filter, CHECK_SERVICE_NODE);
  const chosen: Instance[] = [];
  for (const [at, row] of rows.entries()) {
    if (at % ROWS_A_STEP === 0 && at > 0) yield;
    if (matchesMeta(row.Node.Meta, request.NodeMetaFilters) && filter?.(row) !== false) chosen.push(row);
  }
  const Nodes = near(chosen, (row) => row.Node.Node);
  return make(IndexedCheckServiceNodes, { Nodes, Index: index });
}

function* findInstances(tx: ReadTx, request: ServiceSpecificRequest): Steps<{ index: number; rows: Instance[] }> {
  const { ServiceName: name } = request;
  if (name === "") throw TribuneError.internal("Must provide service name");
  if (request.Connect) return connectHealth(tx, name);
  if (request.TagFilter) return yield* serviceHealthSteps(tx, name, tagsOf(request));
  return request.Ingress ? ingressHealth(tx, name) : yield* serviceHealthSteps(tx, name);
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

export const healthEndpoints = bind(healthContracts, {
  healthNode: {
    request: ({ node }, _http, common) => ({ ...common, Node: node }),
    query(tx, request) {
      const { index, checks } = checksOfNode(tx, request.Node);
      return make(IndexedHealthChecks, {
        HealthChecks: filterRows(request.Filter, HEALTH_CHECK, checks),
        Index: index,
      });
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
  healthService: { ...instances, request: serviceRequest },
  healthConnect: {
    ...instances,
    request: (values, http, common) => ({ ...serviceRequest(values, http, common), Connect: true }),
  },
  healthIngress: {
    ...instances,
    request: (values, http, common) => ({ ...serviceRequest(values, http, common), Ingress: true }),
  },
} satisfies Bindings<typeof healthContracts>);
