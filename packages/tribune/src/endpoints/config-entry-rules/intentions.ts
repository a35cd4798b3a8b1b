/** Rules of intentions: who may talk to a service. */
import type { ConfigEntry, ConfigEntryOf, IntentionPermission, SourceIntention } from "@tribune/api";
import { goQuote } from "../../lib/go-quote.ts";
import { admitHeaders, admitMethods, admitPaths, upperCased } from "./http-match.ts";
import { admitMeta, refuse, VALUE_BYTES_MAX } from "./meta.ts";

type Intentions = ConfigEntry & ConfigEntryOf<"service-intentions">;

/** An exact destination counts more than a wildcard, and then an exact source does. */
const PRECEDENCE = { exact: 9, wildcard: 6 } as const;

/** Sets precedence and sorts by it; what only migrated intentions have is taken away. */
export function normalizeIntentions(entry: Intentions): Intentions {
  const highest = entry.Name === "*" ? PRECEDENCE.wildcard : PRECEDENCE.exact;
  const sources = (entry.Sources ?? [])
    .filter((source) => source !== null)
    .map((source) => ({
      ...source,
      Type: source.Type || "consul",
      Precedence: source.Name === "*" ? highest - 1 : highest,
      LegacyID: "",
      LegacyCreateTime: null,
      LegacyUpdateTime: null,
      Permissions: source.Permissions?.map((permission) => permission && withUpperMethods(permission)) ?? null,
    }));
  sources.sort((a, b) => b.Precedence - a.Precedence);
  return { ...entry, Sources: entry.Sources === null ? null : sources };
}

function withUpperMethods(permission: IntentionPermission): IntentionPermission {
  const { HTTP } = permission;
  return HTTP === null ? permission : { ...permission, HTTP: { ...HTTP, Methods: upperCased(HTTP.Methods) } };
}

/** @throws TribuneError */
export function admitIntentions(entry: Intentions): void {
  admitWildcard(entry.Name, "");
  admitMeta(entry.Meta);
  const sources = entry.Sources ?? [];
  if (sources.length === 0) refuse("At least one source is required");
  const seen = new Set<string>();
  for (const [at, source] of sources.entries()) {
    if (source === null) continue;
    admitSource(source, `Sources[${at}]`, entry.Name === "*");
    if (seen.has(source.Name)) refuse(`Sources[${at}] defines ${goQuote(source.Name)} more than once`);
    seen.add(source.Name);
  }
}

function admitWildcard(name: string, prefix: string): void {
  if (name !== "*" && name.includes("*"))
    refuse(`${prefix}Name: wildcard character '*' cannot be used with partial values`);
}

function admitSource(source: SourceIntention, where: string, toAll: boolean): void {
  const { Name, Action, Type, Description, LegacyMeta } = source;
  const permissions = source.Permissions ?? [];
  if (Name === "") refuse(`${where}.Name is required`);
  admitWildcard(Name, `${where}.`);
  if (Buffer.byteLength(Description) > VALUE_BYTES_MAX)
    refuse(`${where}.Description exceeds maximum length ${VALUE_BYTES_MAX}`);
  if (Object.keys(LegacyMeta ?? {}).length > 0) refuse(`${where}.LegacyMeta must be omitted`);
  if (permissions.length === 0) admitAction(Action, where);
  if (permissions.length > 0 && Action !== "") refuse(`${where}.Action must be omitted if Permissions are specified`);
  if (permissions.length > 0 && toAll)
    refuse(`${where}.Permissions cannot be specified on intentions with wildcarded destinations`);
  if (Type !== "consul") refuse(`${where}.Type must be set to 'consul'`);
  for (const [at, permission] of permissions.entries()) {
    if (permission !== null) admitPermission(permission, `${where}.Permissions[${at}]`);
  }
}

function admitPermission({ Action, HTTP }: IntentionPermission, where: string): void {
  admitAction(Action, where);
  if (HTTP === null) refuse(`${where}.HTTP is required`);
  const paths = admitPaths(HTTP, `${where}.HTTP.`, `${where}.HTTP`);
  admitHeaders(HTTP.Header, `${where}.HTTP.`);
  admitMethods(HTTP.Methods, `${where}.HTTP.`);
  const conditions = paths + (HTTP.Header ?? []).length + (HTTP.Methods ?? []).length;
  if (conditions === 0) refuse(`${where}.HTTP should not be empty`);
}

function admitAction(action: string, where: string): void {
  if (action !== "allow" && action !== "deny") refuse(`${where}.Action must be set to 'allow' or 'deny'`);
}
