import type { AclItem } from "../../data/types.ts";
import type { IconName } from "../../ui/icons.tsx";

export type { AclItem };

/** Tokens, policies and roles have the same pages: what differs is here. */
export interface AclKind {
  readonly title: string;
  readonly one: string;
  readonly icon: IconName;
  /** Behind `/v1/`. */
  readonly list: string;
  readonly item: string;
  /** What a new one starts as. */
  readonly fresh: AclItem;
  readonly nothing: string;
  readonly fields: readonly AclField[];
  /** Items that the servers themselves need. */
  readonly builtIn: readonly string[];
}
export type AclField =
  | "name"
  | "description"
  | "local"
  | "ttl"
  | "datacenters"
  | "rules"
  | "policies"
  | "roles"
  | "services"
  | "nodes";

export const aclKinds: Readonly<Record<string, AclKind>> = {
  tokens: {
    title: "Tokens",
    one: "token",
    icon: "key",
    list: "acl/tokens",
    item: "acl/token",
    fresh: { Description: "", Local: false },
    nothing: "Tokens are who may do something; policies say what.",
    fields: ["description", "local", "ttl", "policies", "roles", "services", "nodes"],
    builtIn: ["00000000-0000-0000-0000-000000000002"],
  },
  policies: {
    title: "Policies",
    one: "policy",
    icon: "policy",
    list: "acl/policies",
    item: "acl/policy",
    fresh: { Name: "", Description: "", Rules: 'service "web" {\n  policy = "write"\n}\n' },
    nothing: "Policies are rules under a name, for tokens and roles.",
    fields: ["name", "description", "rules", "datacenters"],
    builtIn: ["00000000-0000-0000-0000-000000000001"],
  },
  roles: {
    title: "Roles",
    one: "role",
    icon: "role",
    list: "acl/roles",
    item: "acl/role",
    fresh: { Name: "", Description: "" },
    nothing: "Roles are policies under one name, for tokens and logins.",
    fields: ["name", "description", "policies", "services", "nodes"],
    builtIn: [],
  },
};

export const idOf = (item: AclItem): string => item.AccessorID ?? item.ID ?? "";
export const nameOf = (item: AclItem): string => item.Name || item.Description || idOf(item);
