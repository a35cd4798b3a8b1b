/** Rules of routers, splitters and resolvers. */
import {
  type ConfigEntry,
  type ConfigEntryOf,
  formatGoDuration,
  type LoadBalancer,
  type ServiceRoute,
} from "@tribune/api";
import { admitMeta, refuse } from "../../connect/entry-meta.ts";
import { admitHeaders, admitMethods, admitPaths, upperCased } from "../../connect/http-match.ts";
import { goQuote } from "../../lib/go-quote.ts";

type Router = ConfigEntry & ConfigEntryOf<"service-router">;
type Splitter = ConfigEntry & ConfigEntryOf<"service-splitter">;
type Resolver = ConfigEntry & ConfigEntryOf<"service-resolver">;

// ---- routers ----

export function normalizeRouter(entry: Router): Router {
  const Routes = entry.Routes?.map((route): ServiceRoute => {
    const http = route.Match?.HTTP;
    return http ? { ...route, Match: { HTTP: { ...http, Methods: upperCased(http.Methods) } } } : route;
  });
  return { ...entry, Routes: Routes ?? null };
}

/** @throws TribuneError */
export function admitRouter(entry: Router): void {
  for (const [at, { Match, Destination }] of (entry.Routes ?? []).entries()) {
    const where = `Route[${at}]`;
    const http = Match?.HTTP;
    if (http) {
      admitPaths(http, `${where} `, where);
      admitHeaders(http.Header, `${where} `);
      admitQueryParameters(http.QueryParam, where);
      admitMethods(http.Methods, `${where} `);
    }
    const rewritable = http ? http.PathExact !== "" || http.PathPrefix !== "" : false;
    if (Destination !== null && Destination.PrefixRewrite !== "" && !rewritable)
      refuse(`${where} cannot make use of PrefixRewrite without configuring either PathExact or PathPrefix`);
  }
}

type QueryParameters = NonNullable<NonNullable<ServiceRoute["Match"]>["HTTP"]>["QueryParam"];

function admitQueryParameters(parameters: QueryParameters, where: string): void {
  for (const [at, { Name, Present, Exact, Regex }] of (parameters ?? []).entries()) {
    if (Name === "") refuse(`${where} QueryParam[${at}] missing required Name field`);
    if ([Present, Exact !== "", Regex !== ""].filter(Boolean).length !== 1)
      refuse(`${where} QueryParam[${at}] should only contain one of Present, Exact, or Regex`);
  }
}

// ---- splitters ----

/** Weights count in hundredths of a percent. */
const WEIGHT_SCALE = 100;
const scaled = (weight: number) => Math.round(Math.fround(Math.fround(weight) * WEIGHT_SCALE));

export function normalizeSplitter(entry: Splitter): Splitter {
  const Splits = entry.Splits?.map((split) => ({ ...split, Weight: scaled(split.Weight) / WEIGHT_SCALE }));
  return { ...entry, Splits: Splits ?? null };
}

/** @throws TribuneError */
export function admitSplitter(entry: Splitter): void {
  const splits = entry.Splits ?? [];
  if (splits.length === 0) refuse("no splits configured");
  admitMeta(entry.Meta);
  const seen = new Set<string>();
  for (const { Service, ServiceSubset, Namespace } of splits) {
    const [service, subset, namespace] = [Service || entry.Name, ServiceSubset, Namespace].map(goQuote);
    const destination = `service=${service}, subset=${subset}, namespace=${namespace}`;
    if (seen.has(destination)) refuse(`split destination occurs more than once: ${destination}`);
    seen.add(destination);
  }
  const sum = splits.reduce((total, { Weight }) => total + scaled(Weight), 0);
  if (sum !== 100 * WEIGHT_SCALE)
    refuse(`the sum of all split weights must be 100, not ${Math.fround(sum / WEIGHT_SCALE).toFixed(6)}`);
}

// ---- resolvers ----

const SUBSET = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const SUBSET_CHARS_MAX = 63;

/** @throws TribuneError */
export function admitResolver(entry: Resolver): void {
  for (const name of Object.keys(entry.Subsets ?? {})) {
    if (name === "") refuse("Subset defined with empty name");
    const problem = subsetProblem(name);
    if (problem !== undefined) refuse(`Subset ${goQuote(name)} is invalid: ${problem}`);
  }
  const isSubset = (name: string): boolean => Object.hasOwn(entry.Subsets ?? {}, name);
  if (entry.DefaultSubset !== "" && !isSubset(entry.DefaultSubset))
    refuse(`DefaultSubset ${goQuote(entry.DefaultSubset)} is not a valid subset`);
  admitRedirect(entry, isSubset);
  admitFailover(entry, isSubset);
  if (entry.ConnectTimeout < 0) refuse(`Bad ConnectTimeout '${formatGoDuration(entry.ConnectTimeout)}', must be >= 0`);
  if (entry.LoadBalancer !== null) admitLoadBalancer(entry.LoadBalancer);
}

function subsetProblem(name: string): string | undefined {
  if (name.length > SUBSET_CHARS_MAX) return "must be non-empty and 63 characters or fewer";
  if (SUBSET.test(name)) return undefined;
  return "must be 63 characters or fewer, begin or end with lower case alphanumeric characters, and contain lower case alphanumeric characters or '-' in between";
}

function admitRedirect({ Name, Redirect, Failover }: Resolver, isSubset: (name: string) => boolean): void {
  if (Redirect === null) return;
  const { Service, ServiceSubset, Namespace, Datacenter } = Redirect;
  if (Object.keys(Failover ?? {}).length > 0) refuse("Redirect and Failover cannot both be set");
  if ([Service, ServiceSubset, Namespace, Datacenter].every((part) => part === "")) refuse("Redirect is empty");
  if (Service === "" && ServiceSubset !== "") refuse("Redirect.ServiceSubset defined without Redirect.Service");
  if (Service === "" && Namespace !== "") refuse("Redirect.Namespace defined without Redirect.Service");
  if (Service === Name && ServiceSubset !== "" && !isSubset(ServiceSubset))
    refuse(`Redirect.ServiceSubset ${goQuote(ServiceSubset)} is not a valid subset of ${goQuote(Service)}`);
}

function admitFailover({ Name, Failover }: Resolver, isSubset: (name: string) => boolean): void {
  for (const [subset, { Service, ServiceSubset, Namespace, Datacenters }] of Object.entries(Failover ?? {})) {
    const where = `Bad Failover[${goQuote(subset)}]`;
    if (subset !== "*" && !isSubset(subset)) refuse(`${where}: not a valid subset`);
    const datacenters = Datacenters ?? [];
    if (Service === "" && ServiceSubset === "" && Namespace === "" && datacenters.length === 0)
      refuse(`${where} one of Service, ServiceSubset, Namespace, or Datacenters is required`);
    if (ServiceSubset !== "" && (Service === "" || Service === Name) && !isSubset(ServiceSubset))
      refuse(`${where}.ServiceSubset ${goQuote(ServiceSubset)} is not a valid subset of ${goQuote(Service)}`);
    if (datacenters.includes("")) refuse(`${where}.Datacenters: found empty datacenter`);
  }
}

const POLICIES = ["", "random", "round_robin", "least_request", "ring_hash", "maglev"];
const HASHED = ["ring_hash", "maglev"];
const HASH_FIELDS = ["", "header", "cookie", "query_parameter"];

function admitLoadBalancer({ Policy, RingHashConfig, LeastRequestConfig, HashPolicies }: LoadBalancer): void {
  const policy = goQuote(Policy);
  if (!POLICIES.includes(Policy)) refuse(`Bad LoadBalancer policy: ${policy} is not supported`);
  const incompatible = (config: string) =>
    refuse(`Bad LoadBalancer configuration. ${config} specified for incompatible load balancing policy ${policy}`);
  if (Policy !== "ring_hash" && RingHashConfig !== null) incompatible("RingHashConfig");
  if (Policy !== "least_request" && LeastRequestConfig !== null) incompatible("LeastRequestConfig");
  const hashes = HashPolicies ?? [];
  if (!HASHED.includes(Policy) && hashes.length > 0)
    refuse(`Bad LoadBalancer configuration: HashPolicies specified for non-hash-based Policy: ${policy}`);
  for (const [at, { Field, FieldValue, SourceIP, CookieConfig }] of hashes.entries()) {
    const problem = (text: string) => refuse(`Bad LoadBalancer HashPolicy[${at}]: ${text}`);
    const field = goQuote(Field);
    if (!HASH_FIELDS.includes(Field)) problem(`${field} is not a supported field`);
    if (SourceIP && Field !== "") problem(`A single hash policy cannot hash both a source address and a ${field}`);
    if (SourceIP && FieldValue !== "") problem("A FieldValue cannot be specified when hashing SourceIP");
    if (Field !== "" && FieldValue === "") problem(`Field ${field} was specified without a FieldValue`);
    if (FieldValue !== "" && Field === "") problem("FieldValue requires a Field to apply to");
    if (CookieConfig === null) continue;
    if (Field !== "cookie") problem(`cookie_config provided for ${field}`);
    if (CookieConfig.Session && CookieConfig.TTL !== 0) problem("a session cookie cannot have an associated TTL");
  }
}
