/** Rules of `exported-services`, as of Consul 1.21. */
import type { ConfigEntry, ConfigEntryOf } from "@tribune/api";
import { admitMeta, refuse } from "../../connect/entry-meta.ts";

type Exported = ConfigEntry & ConfigEntryOf<"exported-services">;

/** Namespaces are Enterprise's; what is said of them is dropped. */
export function normalizeExported(entry: Exported): Exported {
  return { ...entry, Services: entry.Services?.map((service) => ({ ...service, Namespace: "" })) ?? null };
}

/** @throws TribuneError */
export function admitExported(entry: Exported): void {
  if (entry.Name !== "default") refuse('exported-services Name must be "default"');
  admitMeta(entry.Meta);
  const services = (entry.Services ?? []).map((service, at) => ({ ...service, where: `Services[${at}]` }));
  for (const { Consumers, where } of services) {
    for (const [at, { Partition, SamenessGroup }] of (Consumers ?? []).entries()) {
      const enterprise = (what: string) => refuse(`${where}.Consumers[${at}]: ${what} are an enterprise-only feature`);
      if (Partition !== "" && Partition.toLowerCase() !== "default") enterprise("partitions");
      if (SamenessGroup !== "") enterprise("sameness-groups");
    }
  }
  for (const { Name, Consumers, where } of services) {
    if (Name === "") refuse(`${where}: service name cannot be empty`);
    if ((Consumers ?? []).length === 0) refuse(`${where}: must have at least one consumer`);
    for (const [at, { Partition, Peer }] of (Consumers ?? []).entries()) {
      if (Peer !== "" && Partition !== "")
        refuse(`${where}.Consumers[${at}]: must define at most one of Peer, Partition, or SamenessGroup`);
      if (Peer === "*") refuse(`${where}.Consumers[${at}]: exporting to all peers (wildcard) is not supported`);
    }
  }
}
