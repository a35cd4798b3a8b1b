import type { HealthCheck, PreparedQuery } from "@tribune/api";
import { connectHealth, type Instance, serviceHealth } from "../state/catalog/health-queries.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { nearestFirst } from "./near.ts";

/** The instances a prepared query finds in this datacenter: healthy enough, with the tags and metadata it wants. */
export function executeQuery(
  tx: ReadTx,
  { Service: wanted }: PreparedQuery,
  near: string,
  datacenter: string,
): readonly Instance[] {
  const { rows } = wanted.Connect ? connectHealth(tx, wanted.Service) : serviceHealth(tx, wanted.Service);
  const ignored = new Set(wanted.IgnoreCheckIDs ?? []);
  const found = rows.filter(
    ({ Node, Service, Checks }) =>
      (Checks ?? []).every(
        (check) => check === null || ignored.has(check.CheckID) || isGood(check, wanted.OnlyPassing),
      ) &&
      hasTags(Service.Tags ?? [], wanted.Tags ?? []) &&
      hasAll(Node.Meta, wanted.NodeMeta) &&
      hasAll(Service.Meta, wanted.ServiceMeta),
  );
  return nearestFirst(
    tx,
    { Datacenter: datacenter, Segment: "", Node: near, Ip: "" },
    datacenter,
    found,
    (row) => row.Node.Node,
  );
}

function isGood(check: HealthCheck, onlyPassing: boolean): boolean {
  return check.Status !== "critical" && (!onlyPassing || check.Status === "passing");
}

/** Every tag wanted is there, and none that stands behind a `!`. Case does not matter. */
function hasTags(own: readonly string[], wanted: readonly string[]): boolean {
  const tags = new Set(own.map((tag) => tag.toLowerCase()));
  return wanted.every((tag) =>
    tag.startsWith("!") ? !tags.has(tag.slice(1).toLowerCase()) : tags.has(tag.toLowerCase()),
  );
}

function hasAll(
  own: Readonly<Record<string, string>> | null,
  wanted: Readonly<Record<string, string>> | null,
): boolean {
  return Object.entries(wanted ?? {}).every(([name, value]) => own?.[name] === value);
}
