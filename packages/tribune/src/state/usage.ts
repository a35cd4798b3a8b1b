/** How much there is of what: for measurements and for `operator usage`. */
import { CONFIG_ENTRY_STRUCTS, isLaterKind } from "@tribune/api";
import { ROWS_A_STEP, type Steps } from "../lib/steps.ts";
import { NODES, SERVICE_NAMES, SERVICES } from "./catalog/tables.ts";
import { KVS } from "./kv-entry.ts";
import { keyPrefix } from "./memdb/key.ts";
import type { Database, ReadTx } from "./memdb/types.ts";
import { MESSAGE } from "./message-types.ts";
import { OPAQUE } from "./opaque.ts";

/** Kinds of instances that the mesh is made of, as Consul counts them: always all of them, at 0 too. */
export const MESH_KINDS = [
  "connect-proxy",
  "ingress-gateway",
  "mesh-gateway",
  "terminating-gateway",
  "api-gateway",
  "connect-native",
] as const;

export interface ServiceUsage {
  readonly services: number;
  readonly instances: number;
  /** Neither of the mesh nor Consul's own. */
  readonly billable: number;
  readonly byMeshKind: Readonly<Record<string, number>>;
}

/** Goes through all instances: in steps, for there may be very many. */
export function* serviceUsage(tx: ReadTx, touch: "watch" | "peek" = "peek"): Steps<ServiceUsage> {
  const byMeshKind: Record<string, number> = Object.fromEntries(MESH_KINDS.map((kind) => [kind, 0]));
  let instances = 0;
  let billable = 0;
  const rows = touch === "watch" ? tx.scan(SERVICES, "") : tx.peekScan(SERVICES, "");
  let services = 0;
  for (const _ of touch === "watch" ? tx.scan(SERVICE_NAMES, "") : tx.peekScan(SERVICE_NAMES, "")) services++;
  for (const { Service: service } of rows) {
    if (++instances % ROWS_A_STEP === 0) yield;
    if (service.Kind !== "") byMeshKind[service.Kind] = (byMeshKind[service.Kind] ?? 0) + 1;
    else if (service.Service !== "consul") billable++;
    if (service.Connect.Native) byMeshKind["connect-native"] = (byMeshKind["connect-native"] ?? 0) + 1;
  }
  return { services, instances, billable, byMeshKind };
}

export interface TableUsage {
  readonly nodes: number;
  readonly kvEntries: number;
}

export function tableUsage(db: Pick<Database, "count">): TableUsage {
  return { nodes: db.count(NODES), kvEntries: db.count(KVS) };
}

const ALWAYS = Object.keys(CONFIG_ENTRY_STRUCTS).filter((kind) => !isLaterKind(kind));

/** Configuration entries by kind; those of Consul 1.10 of which there is none as well. */
export function* configEntryUsage(tx: ReadTx): Steps<Readonly<Record<string, number>>> {
  const byKind: Record<string, number> = Object.fromEntries(ALWAYS.map((kind) => [kind, 0]));
  const prefix = keyPrefix(String(MESSAGE.CONFIG_ENTRY));
  let rows = 0;
  for (const record of tx.peekScan(OPAQUE, prefix)) {
    if (++rows % ROWS_A_STEP === 0) yield;
    const kind = record.id.slice(0, record.id.indexOf("\0"));
    byKind[kind] = (byKind[kind] ?? 0) + 1;
  }
  return byKind;
}
