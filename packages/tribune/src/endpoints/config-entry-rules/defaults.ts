import type { ConfigEntry, ConfigEntryOf, UpstreamConfig } from "@tribune/api";
import { listed, metaProblems, refuse, refuseAll } from "../../connect/entry-meta.ts";
import { admitMutualTls, laterDefaultsProblems } from "./later.ts";

type Defaults = ConfigEntry & ConfigEntryOf<"service-defaults">;

export function normalizeServiceDefaults(entry: Defaults): Defaults {
  const { UpstreamConfig: upstreams } = entry;
  const UpstreamConfig = upstreams && {
    Overrides: upstreams.Overrides?.map((one) => one && normalizeUpstream(one)) ?? null,
    Defaults: upstreams.Defaults && normalizeUpstream(upstreams.Defaults),
  };
  return { ...entry, Protocol: entry.Protocol.toLowerCase(), UpstreamConfig };
}

function normalizeUpstream(upstream: UpstreamConfig): UpstreamConfig {
  const { Protocol, ConnectTimeoutMs } = upstream;
  return { ...upstream, Protocol: Protocol.toLowerCase(), ConnectTimeoutMs: Math.max(0, ConnectTimeoutMs) };
}

/** @throws TribuneError */
export function admitServiceDefaults(entry: Defaults): void {
  if (entry.Name === "*") refuse("service-defaults name must be the name of a service, and not a wildcard");
  const problems = [...metaProblems(entry.Meta), ...laterDefaultsProblems(entry)];
  for (const override of entry.UpstreamConfig?.Overrides ?? []) {
    const problem = override && upstreamProblem(override, true);
    if (problem) problems.push(`error in upstream override for ${override.Name}: ${problem}`);
  }
  const defaults = entry.UpstreamConfig?.Defaults;
  const problem = defaults && upstreamProblem(defaults, false);
  if (problem) problems.push(`error in upstream defaults: ${problem}`);
  admitMutualTls(entry);
  refuseAll(problems);
}

function upstreamProblem({ Name, Limits, PassiveHealthCheck }: UpstreamConfig, named: boolean): string | undefined {
  if (named && Name === "") return "Name is required";
  if (named && Name === "*") return "Wildcard name is not supported";
  if (!named && Name !== "") return "Name must be empty";
  const problems: string[] = [];
  if (PassiveHealthCheck !== null && PassiveHealthCheck.Interval < 0)
    problems.push("passive health check interval cannot be negative");
  const limits: readonly (readonly [string, number | null | undefined])[] = [
    ["connections", Limits?.MaxConnections],
    ["pending requests", Limits?.MaxPendingRequests],
    ["concurrent requests", Limits?.MaxConcurrentRequests],
  ];
  const negative = limits.find(([, limit]) => (limit ?? 0) < 0);
  if (negative !== undefined) problems.push(`max ${negative[0]} cannot be negative`);
  return problems.length === 0 ? undefined : listed(problems);
}
