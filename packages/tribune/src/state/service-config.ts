import type { ServiceConfigRequest, ServiceConfigResponse } from "@tribune/api";
import { resolveServiceConfig } from "../connect/service-config.ts";
import { CONFIG_ENTRIES, findEntry } from "./config-entry-table.ts";
import { peekIndex } from "./index-table.ts";
import type { ReadTx } from "./memdb/types.ts";

/** What entries say of a service and its upstreams; the read depends on those entries alone. */
export function serviceConfig(tx: ReadTx, request: ServiceConfigRequest): ServiceConfigResponse {
  const resolved = resolveServiceConfig((kind, name) => findEntry(tx, kind, name), request);
  return { ...resolved, Index: peekIndex(tx, CONFIG_ENTRIES) };
}
