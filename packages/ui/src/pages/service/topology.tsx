import { datacenter, inDatacenter } from "../../data/agent.ts";
import { useLive } from "../../data/use-live.ts";
import { worst } from "../../lib/health.ts";
import { href } from "../../lib/routes.ts";
import type { PageProps } from "../../ui/lazy.tsx";
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
  const live = useLive<Topology>(inDatacenter(`internal/ui/service-topology/${encodeURIComponent(name)}?kind=`));
  return (
    <Await live={live} rows={3}>
      {(topology) => {
        const { Upstreams, Downstreams } = topology;
        if (!Upstreams?.length && !Downstreams?.length) {
          return (
            <Note icon="members" title="No neighbours are known">
              <p>Neighbours come from the upstreams of sidecar proxies and from intentions.</p>
            </Note>
          );
        }
        return <Diagram name={name} topology={topology} />;
      }}
    </Await>
  );
}

const rowHeight = 44;

function Diagram({ name, topology }: { readonly name: string; readonly topology: Topology }) {
  const left = topology.Downstreams ?? [];
  const right = topology.Upstreams ?? [];
  const height = Math.max(left.length, right.length, 1) * rowHeight;
  return (
    <div class="topology">
      <Side title="Calls it" items={left} />
      <Lines from={left} height={height} />
      <div class="topology-self" style={{ marginTop: `${height / 2 - 12}px` }}>
        <strong class="break">{name}</strong>
        <div class="small muted">{topology.Protocol || "tcp"}</div>
      </div>
      <Lines from={right} height={height} mirrored />
      <Side title="It calls" items={right} />
    </div>
  );
}

function Side({ title, items }: { readonly title: string; readonly items: readonly Neighbour[] }) {
  return (
    <div>
      <h3>{title}</h3>
      {items.length === 0 && <p class="muted small">Nobody known</p>}
      <ul>
        {items.map((each) => (
          <li key={each.Name} class="topology-item row">
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
          </li>
        ))}
      </ul>
    </div>
  );
}

function Lines({
  from,
  height,
  mirrored = false,
}: {
  readonly from: readonly Neighbour[];
  readonly height: number;
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
        const y = i * rowHeight + rowHeight / 2;
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
