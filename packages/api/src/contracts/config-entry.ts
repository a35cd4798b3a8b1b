/** `/v1/config`: configuration entries. */
import { anyBody, inPath, inQuery, numberQuery, read, rpcRead, write } from "../contract.ts";
import { bool } from "../schema.ts";
import { DCSpecificRequest } from "../structs/catalog.ts";
import { IndexedExportedServices } from "../structs/config-entry.ts";
import {
  ConfigEntryDeleteResponse,
  ConfigEntryJson,
  ConfigEntryQuery,
  ConfigEntryRequest,
  ConfigEntryResponse,
  IndexedConfigEntries,
} from "../structs/config-entry-kinds.ts";
import { ServiceConfigRequest, ServiceConfigResponse } from "../structs/service-config.ts";

const raftType = 22;
const kindAndName = inPath("Kind and name of the entry: `KIND/NAME`");
/** The right that the strictest kinds need; what a kind needs is its own matter. */
const acl = { by: "require", resource: "operator", access: "write" } as const;

/** Consul 1.10 passes over `?cas` and deletes. */
const deletion = {
  http: "DELETE /v1/config/*entry",
  namespaced: true,
  rpc: "ConfigEntry.Delete",
  reply: ConfigEntryDeleteResponse,
  request: ConfigEntryRequest,
  raftType,
  acl,
} as const;

export const configEntryContracts = {
  configEntrySet: write({
    http: "PUT /v1/config",
    namespaced: true,
    rpc: "ConfigEntry.Apply",
    reply: bool,
    parameters: {
      entry: anyBody(
        ConfigEntryJson,
        "The entry: `Kind`, mostly `Name`, and the fields of the kind, in either spelling",
        {
          invalid: "Bad request: Request decoding failed: %s",
        },
      ),
      cas: numberQuery("Only if the entry's ModifyIndex is this; 0: only if there is none"),
    },
    request: ConfigEntryRequest,
    raftType,
    acl,
    summary: "Create or replace a configuration entry",
    answers: "Boolean",
  }),
  configEntryGet: read({
    http: "GET /v1/config/*entry",
    namespaced: true,
    whenRest: "/",
    rpc: "ConfigEntry.Get",
    parameters: { entry: kindAndName },
    request: ConfigEntryQuery,
    reply: ConfigEntryResponse,
    blocking: true,
    plainRefusals: true,
    acl: { by: "filter" },
    summary: "Read a configuration entry",
    answers: "ConfigEntry",
  }),
  configEntryList: read({
    http: "GET /v1/config/*kind",
    namespaced: true,
    rpc: "ConfigEntry.List",
    parameters: {
      kind: inPath("Kind of the entries; all kinds when it is empty"),
      filter: inQuery("Filter expression over entries of kind service-defaults"),
    },
    request: ConfigEntryQuery,
    reply: IndexedConfigEntries,
    blocking: true,
    plainRefusals: true,
    acl: { by: "filter" },
    summary: "List the configuration entries of a kind",
    answers: "ConfigEntries",
  }),
  exportedServices: read({
    http: "GET /v1/exported-services",
    // Consul 1.21 asks this over gRPC.
    rpc: "ConfigEntry.ResolvedExportedServices",
    parameters: {},
    request: DCSpecificRequest,
    reply: IndexedExportedServices,
    blocking: true,
    acl: { by: "require", resource: "operator", access: "read" },
    summary: "List the services that are exported, and to whom",
    answers: "ResolvedExportedServices",
  }),
  configEntryDeleteCas: write({
    ...deletion,
    when: "cas",
    parameters: {
      entry: kindAndName,
      cas: numberQuery("Only if the entry's ModifyIndex is this; empty: as without it"),
    },
    summary: "Delete a configuration entry that is still as it was read",
    answers: "Boolean",
  }),
  configEntryDelete: write({
    ...deletion,
    parameters: { entry: kindAndName },
    summary: "Delete a configuration entry",
    answers: "EmptyObject",
  }),
};

export const configEntryRpcContracts = {
  resolveServiceConfig: rpcRead({
    rpc: "ConfigEntry.ResolveServiceConfig",
    request: ServiceConfigRequest,
    reply: ServiceConfigResponse,
    blocking: true,
    summary: "What configuration entries say of a service and its upstreams",
  }),
};
