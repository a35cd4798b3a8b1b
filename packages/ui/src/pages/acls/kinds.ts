import type { IconName } from "../../ui/icons.tsx";

/** Tokens, policies and roles have the same pages: what differs is here. */
export interface AclItem extends Readonly<Record<string, unknown>> {
  readonly ID?: string;
  readonly AccessorID?: string;
  readonly Name?: string;
  readonly Description?: string;
  readonly Local?: boolean;
  readonly Policies?: readonly { readonly ID: string; readonly Name: string }[] | null;
  readonly Roles?: readonly { readonly Name: string }[] | null;
}

export interface AclKind {
  readonly title: string;
  readonly one: string;
  readonly icon: IconName;
  /** Behind `/v1/`. */
  readonly list: string;
  readonly item: string;
  readonly example: unknown;
  readonly nothing: string;
}

export const aclKinds: Readonly<Record<string, AclKind>> = {
  tokens: {
    title: "Tokens",
    one: "token",
    icon: "key",
    list: "acl/tokens",
    item: "acl/token",
    example: { Description: "deploy of web", Policies: [{ Name: "web-write" }], Local: false },
    nothing: "Tokens are who may do something; policies say what.",
  },
  policies: {
    title: "Policies",
    one: "policy",
    icon: "policy",
    list: "acl/policies",
    item: "acl/policy",
    example: { Name: "web-write", Description: "", Rules: 'service "web" {\n  policy = "write"\n}\n' },
    nothing: "Policies are rules under a name, for tokens and roles.",
  },
  roles: {
    title: "Roles",
    one: "role",
    icon: "role",
    list: "acl/roles",
    item: "acl/role",
    example: { Name: "deployers", Description: "", Policies: [{ Name: "web-write" }] },
    nothing: "Roles are policies under one name, for tokens and logins.",
  },
};

export const idOf = (item: AclItem): string => item.AccessorID ?? item.ID ?? "";
export const nameOf = (item: AclItem): string => item.Name || item.Description || idOf(item);
