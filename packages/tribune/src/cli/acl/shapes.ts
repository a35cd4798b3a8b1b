/** ACL objects as `-format=json` prints them, and as updates send them back. */
import { count, flag, list, map, nothing, optional, type Shape, struct, text } from "../../lib/go-struct.ts";

export interface Link {
  readonly ID?: string;
  readonly Name?: string;
}

export interface ServiceIdentity {
  readonly ServiceName: string;
  readonly Datacenters?: readonly string[] | null;
}

export interface NodeIdentity {
  readonly NodeName: string;
  readonly Datacenter: string;
}

/** What tokens and roles may be given. */
export interface Grants {
  readonly Policies?: readonly Link[] | null;
  readonly Roles?: readonly Link[] | null;
  readonly ServiceIdentities?: readonly ServiceIdentity[] | null;
  readonly NodeIdentities?: readonly NodeIdentity[] | null;
}

export interface Meta {
  readonly CreateIndex?: number | bigint;
  readonly ModifyIndex?: number | bigint;
  /** Base64. */
  readonly Hash?: string | null;
  readonly Namespace?: string;
}

export interface Token extends Grants, Meta {
  readonly AccessorID: string;
  readonly SecretID: string;
  readonly Description: string;
  readonly Local: boolean;
  readonly Legacy?: boolean;
  readonly AuthMethod?: string;
  readonly ExpirationTime?: string | null;
  readonly CreateTime: string;
  readonly Rules?: string;
}

export interface Policy extends Meta {
  readonly ID: string;
  readonly Name: string;
  readonly Description: string;
  readonly Rules?: string;
  readonly Datacenters?: readonly string[] | null;
}

export interface Role extends Grants, Meta {
  readonly ID: string;
  readonly Name: string;
  readonly Description: string;
}

export interface AuthMethod extends Meta {
  readonly Name: string;
  readonly Type: string;
  readonly DisplayName?: string;
  readonly Description?: string;
  /** Go duration. */
  readonly MaxTokenTTL?: string;
  readonly TokenLocality?: string;
  readonly Config?: Readonly<Record<string, unknown>> | null;
  readonly NamespaceRules?: readonly { readonly Selector?: string; readonly BindNamespace?: string }[] | null;
}

export interface BindingRule extends Meta {
  readonly ID: string;
  readonly Description: string;
  readonly AuthMethod: string;
  readonly Selector: string;
  readonly BindType: string;
  readonly BindName: string;
}

const link = struct({ ID: text, Name: text });
const grants = {
  Policies: { shape: list(link) },
  Roles: { shape: list(link) },
  ServiceIdentities: { shape: list(struct({ ServiceName: text, Datacenters: optional })) },
  NodeIdentities: { shape: list(struct({ NodeName: text, Datacenter: text })) },
};
const NO_TIME = { zero: "0001-01-01T00:00:00Z" };

const tokenHead = {
  CreateIndex: count,
  ModifyIndex: count,
  AccessorID: text,
  SecretID: text,
  Description: text,
  ...grants,
  Local: flag,
  AuthMethod: optional,
};

export const tokenShape: Shape = struct({
  ...tokenHead,
  ExpirationTTL: optional,
  ExpirationTime: optional,
  CreateTime: NO_TIME,
  Hash: optional,
  Rules: optional,
  Namespace: optional,
});

export const tokenEntryShape: Shape = struct({
  ...tokenHead,
  ExpirationTime: optional,
  CreateTime: NO_TIME,
  Hash: nothing,
  Legacy: flag,
  Namespace: optional,
});

const policyHead = { ID: text, Name: text, Description: text };
const policyTail = { Datacenters: nothing, Hash: nothing, CreateIndex: count, ModifyIndex: count, Namespace: optional };
export const policyShape: Shape = struct({ ...policyHead, Rules: text, ...policyTail });
export const policyEntryShape: Shape = struct({ ...policyHead, ...policyTail });

export const roleShape: Shape = struct({
  ID: text,
  Name: text,
  Description: text,
  Policies: grants.Policies,
  ServiceIdentities: grants.ServiceIdentities,
  NodeIdentities: grants.NodeIdentities,
  Hash: nothing,
  CreateIndex: count,
  ModifyIndex: count,
  Namespace: optional,
});

const methodHead = {
  MaxTokenTTL: { shape: (value: unknown) => (value === "0s" ? undefined : value) },
  Name: text,
  Type: text,
  DisplayName: optional,
  Description: optional,
  TokenLocality: optional,
};
export const authMethodShape: Shape = struct({
  ...methodHead,
  Config: map,
  CreateIndex: count,
  ModifyIndex: count,
  NamespaceRules: { shape: list(struct({ Selector: optional, BindNamespace: optional })) },
  Namespace: optional,
});
export const authMethodEntryShape: Shape = struct({
  ...methodHead,
  CreateIndex: count,
  ModifyIndex: count,
  Namespace: optional,
});

export const bindingRuleShape: Shape = struct({
  ID: text,
  Description: text,
  AuthMethod: text,
  Selector: text,
  BindType: text,
  BindName: text,
  CreateIndex: count,
  ModifyIndex: count,
  Namespace: optional,
});
