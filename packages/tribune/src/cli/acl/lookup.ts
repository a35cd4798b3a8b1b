import type { ConsulClient } from "@tribune/client/node";
import { goQuote } from "../../lib/go-quote.ts";
import type { BindingRule, Grants, Link, NodeIdentity, Policy, Role, ServiceIdentity, Token } from "./shapes.ts";

const UUID_LENGTH = 36;
const ANONYMOUS = "00000000-0000-0000-0000-000000000002";
const GLOBAL_MANAGEMENT = "00000000-0000-0000-0000-000000000001";

/** The one ID among `ids` that begins so. @throws Error with Consul's words for none and for several */
function unique(ids: readonly string[], part: string, what: string): string {
  const [id, ...more] = ids.filter((one) => one.startsWith(part));
  if (id === undefined) throw new Error(`No such ${what} ID with prefix: ${part}`);
  if (more.length > 0) throw new Error(`Partial ${what} ID is not unique`);
  return id;
}

async function listed<T>(client: ConsulClient, path: string): Promise<readonly T[]> {
  return (await client.ask<readonly T[] | null>({ method: "GET", path })).value ?? [];
}

export async function tokenId(client: ConsulClient, part: string): Promise<string> {
  if (part === "anonymous") return ANONYMOUS;
  if (part.length === UUID_LENGTH) return part;
  const tokens = await listed<Token>(client, "/v1/acl/tokens");
  return unique(
    tokens.map(({ AccessorID }) => AccessorID),
    part,
    "token",
  );
}

export async function policyId(client: ConsulClient, part: string): Promise<string> {
  if (part === "global-management") return GLOBAL_MANAGEMENT;
  if (part.length === UUID_LENGTH) return part;
  const policies = await listed<Policy>(client, "/v1/acl/policies");
  return unique(
    policies.map(({ ID }) => ID),
    part,
    "policy",
  );
}

export async function roleId(client: ConsulClient, part: string): Promise<string> {
  if (part.length === UUID_LENGTH) return part;
  const roles = await listed<Role>(client, "/v1/acl/roles");
  return unique(
    roles.map(({ ID }) => ID),
    part,
    "role",
  );
}

export async function bindingRuleId(client: ConsulClient, part: string): Promise<string> {
  if (part.length === UUID_LENGTH) return part;
  const rules = await listed<BindingRule>(client, "/v1/acl/binding-rules");
  return unique(
    rules.map(({ ID }) => ID),
    part,
    "rule",
  );
}

export async function policyIdByName(client: ConsulClient, name: string): Promise<string> {
  return byName(await listed<Policy>(client, "/v1/acl/policies"), name, "policy");
}

export async function roleIdByName(client: ConsulClient, name: string): Promise<string> {
  return byName(await listed<Role>(client, "/v1/acl/roles"), name, "role");
}

function byName(all: readonly { readonly ID: string; readonly Name: string }[], name: string, what: string): string {
  const found = all.find(({ Name }) => Name === name);
  if (found === undefined) throw new Error(`No such ${what} with name ${name}`);
  return found.ID;
}

/** `SERVICE` or `SERVICE:DC1,DC2`. @throws Error */
export function serviceIdentities(given: readonly string[]): readonly ServiceIdentity[] {
  return given.map((text) => {
    const [name = "", datacenters, more] = text.split(":");
    if (more !== undefined) throw new Error(`Malformed -service-identity argument: ${goQuote(text)}`);
    return { ServiceName: name, ...(datacenters === undefined ? {} : { Datacenters: datacenters.split(",") }) };
  });
}

/** `NODE:DC`. @throws Error */
export function nodeIdentities(given: readonly string[]): readonly NodeIdentity[] {
  return given.map((text) => {
    const [name = "", datacenter, more] = text.split(":");
    if (datacenter === undefined || more !== undefined)
      throw new Error(`Malformed -node-identity argument: ${goQuote(text)}`);
    return { NodeName: name, Datacenter: datacenter };
  });
}

/** Adds links that are not there yet, by name and by ID. */
export function mergeLinks(old: readonly Link[] | null | undefined, added: readonly Link[]): readonly Link[] {
  const links = [...(old ?? [])];
  for (const link of added) {
    const there = links.some(({ ID, Name }) => (link.ID === undefined ? Name === link.Name : ID === link.ID));
    if (!there) links.push(link);
  }
  return links;
}

/** A service's identity replaces the one of the same service. */
export function mergeServices(
  old: Grants["ServiceIdentities"],
  added: readonly ServiceIdentity[],
): readonly ServiceIdentity[] {
  const merged = [...(old ?? [])];
  for (const identity of added) {
    const at = merged.findIndex(({ ServiceName }) => ServiceName === identity.ServiceName);
    if (at < 0) merged.push(identity);
    else merged[at] = identity;
  }
  return merged;
}

export function mergeNodes(old: Grants["NodeIdentities"], added: readonly NodeIdentity[]): readonly NodeIdentity[] {
  const merged = [...(old ?? [])];
  for (const identity of added) {
    const same = ({ NodeName, Datacenter }: NodeIdentity): boolean =>
      NodeName === identity.NodeName && Datacenter === identity.Datacenter;
    if (!merged.some(same)) merged.push(identity);
  }
  return merged;
}
