/** The provider that the agent's configuration names, and what it says of one service, asked again and again. */
import { useEffect, useState } from "preact/hooks";
import {
  type MetricsProvider,
  type ProviderOptions,
  readSeries,
  readStats,
  type Series,
  type Stat,
  type StatsByNeighbour,
} from "../lib/metrics.ts";
import { Prometheus } from "../lib/prometheus.ts";
import { Slots } from "../lib/slots.ts";
import { apiRoot, siteRoot } from "./place.ts";
import { metricsProviderName, siteSettings } from "./site-settings.ts";
import { token } from "./token.ts";

const pollMs = 10_000;
/** Consul Enterprise tells namespaces apart; elsewhere all proxies are labelled so. */
const namespace = "default";
/** Where Consul, too, serves the operator's scripts. */
const providersPath = "assets/compiled-metrics-providers.js";

export interface ServiceMetrics {
  readonly series: Series;
  readonly stats: readonly Stat[];
  readonly upstreams: StatsByNeighbour;
  readonly downstreams: StatsByNeighbour;
}

export interface LiveMetrics {
  readonly value?: ServiceMetrics;
  readonly error?: string;
}

/** Named by Consul's page; scripts that were made for it register themselves with it. */
declare global {
  interface Window {
    consul?: { registerMetricsProvider(name: string, provider: MetricsProvider): void };
  }
}

let opened: Promise<MetricsProvider> | undefined;

function provider(): Promise<MetricsProvider> {
  opened ??= open().catch((error: unknown) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

async function open(): Promise<MetricsProvider> {
  const known = new Map<string, MetricsProvider>([["prometheus", new Prometheus()]]);
  if (siteSettings.ExtraScripts?.length) {
    window.consul = { registerMetricsProvider: (name, each) => known.set(name, each) };
    await load(siteRoot + providersPath);
  }
  const found = known.get(metricsProviderName);
  if (found === undefined) throw new Error(`No script has registered the metrics provider "${metricsProviderName}".`);
  const { metrics_provider_options = {}, metrics_proxy_enabled = false } = siteSettings.UIConfig ?? {};
  found.init?.({ ...metrics_provider_options, metrics_proxy_enabled, fetch: throughProxy });
  return found;
}

function load(address: string): Promise<void> {
  return new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = address;
    script.addEventListener("load", () => done());
    script.addEventListener("error", () => failed(new Error("The scripts of the metrics providers cannot be loaded.")));
    document.head.append(script);
  });
}

/** A page's worth of figures takes some twenty questions: all at once they would take all connections to the agent. */
const slots = new Slots(2);
/** What is not there by then is asked for anew. */
const answerTimeoutMs = 10_000;
let round = new AbortController();

/** Not `send`: a status of the backend is the provider's business, and says nothing about the agent. */
const throughProxy: ProviderOptions["fetch"] = async (path, init = {}) => {
  const ends = round.signal;
  const headers = new Headers(init.headers);
  if (token.value !== "") headers.set("X-Consul-Token", token.value);
  const address = `${await apiRoot()}v1/internal/ui/metrics-proxy${path.startsWith("/") ? "" : "/"}${path}`;
  const slot = await slots.take(ends);
  try {
    const signal = AbortSignal.any([ends, AbortSignal.timeout(answerTimeoutMs)]);
    return await fetch(address, { signal, ...init, headers, cache: "no-store" });
  } finally {
    slot.free();
  }
};

/** When one question has failed the others need not be asked. */
async function ask(service: string, dc: string, protocol: string): Promise<ServiceMetrics> {
  const own = new AbortController();
  round = own;
  try {
    return await askAll(service, dc, protocol);
  } finally {
    own.abort();
  }
}

async function askAll(service: string, dc: string, protocol: string): Promise<ServiceMetrics> {
  const source = await provider();
  const [series, own, upstream, downstream] = await Promise.all([
    source.serviceRecentSummarySeries(service, dc, namespace, protocol, {}),
    source.serviceRecentSummaryStats(service, dc, namespace, protocol, {}),
    source.upstreamRecentSummaryStats(service, dc, namespace, {}),
    source.downstreamRecentSummaryStats(service, dc, namespace, {}),
  ]);
  return {
    series: readSeries(series),
    stats: readStats(own?.stats),
    upstreams: byName(upstream?.stats, dc),
    downstreams: byName(downstream?.stats, dc),
  };
}

/** By the names of services: neighbours of this datacenter are told as `name.namespace.datacenter`, or by name. */
function byName(stats: unknown, dc: string): StatsByNeighbour {
  const end = `.${namespace}.${dc}`;
  const entries = Object.entries((stats ?? {}) as Readonly<Record<string, unknown>>);
  return Object.fromEntries(
    entries.map(([name, each]) => [name.endsWith(end) ? name.slice(0, -end.length) : name, readStats(each)]),
  );
}

/**
 * @param service undefined asks nothing.
 * @returns undefined where nothing is asked, or no provider is configured. After a failure the last figures stay, with
 *   the error.
 */
export function useMetrics(service: string | undefined, dc: string, protocol: string): LiveMetrics | undefined {
  const [live, setLive] = useState<LiveMetrics>({});
  useEffect(() => {
    if (metricsProviderName === "" || service === undefined) return;
    let gone = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const round = async (): Promise<void> => {
      if (document.visibilityState === "visible") {
        try {
          const value = await ask(service, dc, protocol);
          if (!gone) setLive({ value });
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          if (!gone) setLive((last) => ({ ...last, error: reason }));
        }
      }
      if (!gone) timer = setTimeout(() => void round(), pollMs);
    };
    setLive({});
    void round();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [service, dc, protocol]);
  return metricsProviderName === "" || service === undefined ? undefined : live;
}
