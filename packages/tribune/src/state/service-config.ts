import { make, type NodeService, ServiceConfigRequest, type ServiceConfigResponse } from "@tribune/api";
import {
  isCentrallyConfigured,
  mergeServiceConfig,
  resolveServiceConfig,
  serviceConfigQuery,
} from "../connect/service-config.ts";
import { CONFIG_ENTRIES, findEntry } from "./config-entry-table.ts";
import { peekIndex } from "./index-table.ts";
import type { ReadTx } from "./memdb/types.ts";

/** What entries say of a service and its upstreams; the read depends on those entries alone. */
export function serviceConfig(tx: ReadTx, request: ServiceConfigRequest): ServiceConfigResponse {
  const resolved = resolveServiceConfig((kind, name) => findEntry(tx, kind, name), request);
  return { ...resolved, Index: peekIndex(tx, CONFIG_ENTRIES) };
}

/** A proxy or gateway with what entries say where its registration says nothing; another service as it is. */
export function withCentralConfig(
  tx: ReadTx,
  service: NodeService,
): { readonly index: number; readonly service: NodeService } {
  if (!isCentrallyConfigured(service)) return { index: 0, service };
  const said = serviceConfig(tx, make(ServiceConfigRequest, serviceConfigQuery(service)));
  return { index: said.Index, service: mergeServiceConfig(service, said) };
}
