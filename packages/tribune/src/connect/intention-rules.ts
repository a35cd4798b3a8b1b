/** Rules of intentions: who may talk to a service. */
import type { ConfigEntry, ConfigEntryOf, IntentionPermission, SourceIntention } from "@tribune/api";
import { goQuote } from "../lib/go-quote.ts";
import { admitMeta, metaProblems, refuse, VALUE_BYTES_MAX } from "./entry-meta.ts";
import { admitHeaders, admitMethods, admitPaths, upperCased } from "./http-match.ts";

type Intentions = ConfigEntry & ConfigEntryOf<"service-intentions">;

/** An exact destination counts more than a wildcard, and then an exact source does. */
const PRECEDENCE = { exact: 9, wildcard: 6 } as const;

/**
 * How an entry is written: as such, or one source at a time by the older interface, whose intentions have ids, times
 * and metadata of their own.
 */
export type Writing = "entry" | "legacy";

/** Sets precedence and sorts by it; what only intentions of the older interface have is taken away, or completed. */
export function normalizeIntentions(entry: Intentions, writing: Writing = "entry"): Intentions {
  const highest = entry.Name === "*" ? PRECEDENCE.wildcard : PRECEDENCE.exact;
  const sources = (entry.Sources ?? [])
    .filter((source) => source !== null)
    .map((source) => ({
      ...source,
      Type: source.Type || "consul",
      Precedence: source.Name === "*" ? highest - 1 : highest,
      ...(writing === "entry" ? WITHOUT_LEGACY : { LegacyMeta: source.LegacyMeta ?? {} }),
      Permissions: source.Permissions?.map((permission) => permission && withUpperMethods(permission)) ?? null,
    }));
  sources.sort((a, b) => b.Precedence - a.Precedence);
  return { ...entry, Sources: entry.Sources === null ? null : sources };
}

const WITHOUT_LEGACY = { LegacyID: "", LegacyCreateTime: null, LegacyUpdateTime: null };

function withUpperMethods(permission: IntentionPermission): IntentionPermission {
  const { HTTP } = permission;
  return HTTP === null ? permission : { ...permission, HTTP: { ...HTTP, Methods: upperCased(HTTP.Methods) } };
}

/** @throws TribuneError */
export function admitIntentions(entry: Intentions, writing: Writing = "entry"): void {
  admitWildcard(entry.Name, "");
  if (writing === "entry") admitMeta(entry.Meta);
  else if (Object.keys(entry.Meta ?? {}).length > 0) refuse("Meta must be omitted for legacy intention writes");
  const sources = entry.Sources ?? [];
  if (sources.length === 0) refuse("At least one source is required");
  const seen = new Set<string>();
  for (const [at, source] of sources.entries()) {
    if (source === null) continue;
    admitSource(source, `Sources[${at}]`, entry.Name === "*", writing);
    if (seen.has(source.Name)) refuse(`Sources[${at}] defines ${goQuote(source.Name)} more than once`);
    seen.add(source.Name);
  }
}

function admitWildcard(name: string, prefix: string): void {
  if (name !== "*" && name.includes("*"))
    refuse(`${prefix}Name: wildcard character '*' cannot be used with partial values`);
}

function admitSource(source: SourceIntention, where: string, toAll: boolean, writing: Writing): void {
  const { Name, Action, Type, Description } = source;
  const permissions = source.Permissions ?? [];
  if (Name === "") refuse(`${where}.Name is required`);
  admitWildcard(Name, `${where}.`);
  if (Buffer.byteLength(Description) > VALUE_BYTES_MAX)
    refuse(`${where}.Description exceeds maximum length ${VALUE_BYTES_MAX}`);
  if (writing === "legacy") admitLegacy(source, where);
  else if (Object.keys(source.LegacyMeta ?? {}).length > 0) refuse(`${where}.LegacyMeta must be omitted`);
  if (writing === "legacy" || permissions.length === 0) admitAction(Action, where);
  if (permissions.length > 0 && Action !== "") refuse(`${where}.Action must be omitted if Permissions are specified`);
  if (permissions.length > 0 && toAll)
    refuse(`${where}.Permissions cannot be specified on intentions with wildcarded destinations`);
  if (Type !== "consul") refuse(`${where}.Type must be set to 'consul'`);
  for (const [at, permission] of permissions.entries()) {
    if (permission !== null) admitPermission(permission, `${where}.Permissions[${at}]`);
  }
}

function admitLegacy(source: SourceIntention, where: string): void {
  const { LegacyID, LegacyMeta, LegacyCreateTime, LegacyUpdateTime } = source;
  const [problem] = metaProblems(LegacyMeta);
  if (problem !== undefined) refuse(`${where}.${problem}`);
  if (LegacyCreateTime === null) refuse(`${where}.LegacyCreateTime must be set`);
  if (LegacyUpdateTime === null) refuse(`${where}.LegacyUpdateTime must be set`);
  if (LegacyID === "") refuse(`${where}.LegacyID must be set`);
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
