import { datacenter, inDatacenter, localDatacenter } from "../../data/agent.ts";
import { type LiveMetrics, useMetrics } from "../../data/metrics.ts";
import { metricsProviderName, siteSettings } from "../../data/site-settings.ts";
import type { ServiceInstance } from "../../data/types.ts";
import { useLive } from "../../data/use-live.ts";
import { worst } from "../../lib/health.ts";
import type { Stat } from "../../lib/metrics.ts";
import { href } from "../../lib/routes.ts";
import { Icon } from "../../ui/icons.tsx";
import type { PageProps } from "../../ui/lazy.tsx";
import { Sparkline } from "../../ui/sparkline.tsx";
import { Await, Note } from "../../ui/states.tsx";
import { StatusIcon } from "../../ui/status.tsx";

interface Neighbour {
  readonly Name: string;
  readonly ChecksPassing: number;
  readonly ChecksWarning: number;
  readonly ChecksCritical: number;
  readonly Source?: string;
  readonly Intention?: { readonly Allowed: boolean; readonly HasPermissions?: boolean };
}
interface Topology {
  readonly Protocol: string;
  readonly TransparentProxy?: boolean;
  readonly Upstreams: readonly Neighbour[] | null;
  readonly Downstreams: readonly Neighbour[] | null;
}

/** Who calls the service, whom it calls, and whether intentions let them. */
export default function TopologyPart({ params }: PageProps) {
  const name = params.name!;
  // Of an ingress gateway the servers want to be told that it is one; what the page's head reads says it.
  const instances = useLive<readonly ServiceInstance[]>(inDatacenter(`health/service/${encodeURIComponent(name)}`));
  const kind = instances.value?.[0]?.Service.Kind === "ingress-gateway" ? "ingress-gateway" : "";
  const live = useLive<Topology>(
    instances.state === "loading"
      ? undefined
      : inDatacenter(`internal/ui/service-topology/${encodeURIComponent(name)}?kind=${kind}`),
  );
  return (
    <Await live={live} rows={3}>
      {(topology) => {
        const { Upstreams, Downstreams } = topology;
        if (!Upstreams?.length && !Downstreams?.length && metricsProviderName === "") {
          return (
            <Note icon="members" title="No neighbours are known">
              <p>Neighbours come from the upstreams of sidecar proxies and from intentions.</p>
            </Note>
          );
        }
        return <Diagram name={name} topology={topology} isGateway={kind !== ""} />;
      }}
    </Await>
  );
}

/** In pixels, with figures below the name and without; lines end at names. As in the style sheet. */
const rows = { measured: { height: 88, nameHeight: 32 }, plain: { height: 44, nameHeight: 44 } };

function Diagram({
  name,
  topology,
  isGateway,
}: {
  readonly name: string;
  readonly topology: Topology;
  readonly isGateway: boolean;
}) {
  const whyNone = whyNoFigures(isGateway);
  const metrics = useMetrics(whyNone === undefined ? name : undefined, datacenter.value, topology.Protocol);
  const left = topology.Downstreams ?? [];
  const right = topology.Upstreams ?? [];
  const row = metrics === undefined ? rows.plain : rows.measured;
  const height = Math.max(left.length, right.length, 1) * row.height;
  const { stats, series, upstreams, downstreams } = metrics?.value ?? {};
  return (
    <>
      <div class={metrics === undefined ? "topology" : "topology with-measures"}>
        <Side title="Calls it" items={left} figures={metrics && (downstreams ?? {})} />
        <Lines from={left} height={height} row={row} />
        <div class="topology-self" style={{ marginTop: `${Math.max(height / 2 - 12, 0)}px` }}>
          <strong class="break">{name}</strong>
          <div class="small muted">{topology.Protocol || "tcp"}</div>
          {metrics && (
            <div class="topology-measures">
              <Sparkline series={series} />
              <Figures stats={stats ?? []} />
            </div>
          )}
        </div>
        <Lines from={right} height={height} row={row} mirrored />
        <Side title="It calls" items={right} figures={metrics && (upstreams ?? {})} />
      </div>
      {metrics === undefined ? <p class="small muted">No figures: {whyNone}</p> : <MetricsNote metrics={metrics} />}
    </>
  );
}

/** As in Consul's page, whose queries these are. */
function whyNoFigures(isGateway: boolean): string | undefined {
  if (metricsProviderName === "") return "the agent's ui_config names no metrics_provider.";
  const own = siteSettings.LocalDatacenter ?? localDatacenter.value;
  if (datacenter.value !== own) return `the agent's backend is asked about its own datacenter, ${own}, alone.`;
  if (isGateway) return "what gateways measure is not labelled by service.";
  return undefined;
}

/** What the figures mean, and what is wrong with them. */
function MetricsNote({ metrics }: { readonly metrics: LiveMetrics }) {
  const { value, error } = metrics;
  const stats =
    value === undefined
      ? []
      : [value.stats, ...Object.values(value.downstreams), ...Object.values(value.upstreams)].flat();
  const meanings = new Map(stats.map(({ label, desc }) => [label, desc]));
  return (
    <div class="small muted metrics-note">
      {error !== undefined && (
        <p role="alert" class="row">
          <Icon name="away" size={14} />
          <span>
            {value === undefined ? "No figures" : "These figures are old"}: {error}
          </span>
        </p>
      )}
      {value !== undefined && stats.length === 0 && (
        <p>The metrics' backend has no samples of this service's proxies, nor of its neighbours'.</p>
      )}
      {meanings.size > 0 && (
        <details>
          <summary>What the figures mean</summary>
          <dl class="facts-list">
            {[...meanings].map(([label, desc]) => (
              <>
                <dt>{label}</dt>
                <dd>{desc}</dd>
              </>
            ))}
          </dl>
        </details>
      )}
    </div>
  );
}

function Figures({ stats }: { readonly stats: readonly Stat[] }) {
  return (
    <dl class="measures">
      {stats.map(({ label, desc, value }) => (
        <div key={label} title={desc}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Side({
  title,
  items,
  figures,
}: {
  readonly title: string;
  readonly items: readonly Neighbour[];
  /** By name; undefined where no provider is configured. */
  readonly figures: Readonly<Record<string, readonly Stat[]>> | undefined;
}) {
  return (
    <div>
      <h3>{title}</h3>
      {items.length === 0 && <p class="muted small">Nobody known</p>}
      <ul>
        {items.map((each) => (
          <li key={each.Name} class="topology-item">
            <div class="row">
              <StatusIcon
                health={worst({
                  passing: each.ChecksPassing,
                  warning: each.ChecksWarning,
                  critical: each.ChecksCritical,
                })}
              />
              <a class="ellipsis" href={href(datacenter.value, "services", each.Name)}>
                {each.Name}
              </a>
              <span class={each.Intention?.Allowed ? "small muted" : "small status critical"}>
                {each.Intention?.HasPermissions ? "by rules" : each.Intention?.Allowed ? "allowed" : "denied"}
              </span>
            </div>
            {figures && <Figures stats={figures[each.Name] ?? []} />}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Lines({
  from,
  height,
  row,
  mirrored = false,
}: {
  readonly from: readonly Neighbour[];
  readonly height: number;
  readonly row: typeof rows.plain;
  readonly mirrored?: boolean;
}) {
  const middle = height / 2;
  return (
    <svg
      class="topology-lines"
      viewBox={`0 0 100 ${height}`}
      height={height}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {from.map((each, i) => {
        const y = i * row.height + row.nameHeight / 2;
        const [a, b] = mirrored ? [middle, y] : [y, middle];
        return (
          <path
            key={each.Name}
            d={`M0 ${a}C50 ${a} 50 ${b} 100 ${b}`}
            class={each.Intention?.Allowed ? "line-allowed" : "line-denied"}
            vector-effect="non-scaling-stroke"
          />
        );
      })}
    </svg>
  );
}
