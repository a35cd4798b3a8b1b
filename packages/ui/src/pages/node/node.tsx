import { datacenter, inDatacenter } from "../../data/agent.ts";
import type { History, NodeInfo } from "../../data/types.ts";
import { useLive } from "../../data/use-live.ts";
import { count } from "../../lib/age.ts";
import { countChecks, worst } from "../../lib/health.ts";
import { href } from "../../lib/routes.ts";
import { Checks } from "../../ui/checks.tsx";
import type { PageProps } from "../../ui/lazy.tsx";
import { Facts, Page, Section, Tags } from "../../ui/page.tsx";
import { Await, Note } from "../../ui/states.tsx";
import { CheckCount, StatusIcon } from "../../ui/status.tsx";
import { Timeline } from "../../ui/timeline.tsx";
import { NodeSessions } from "./node-sessions.tsx";
import { RoundTrips } from "./round-trips.tsx";

const tabs = [
  ["checks", "Checks"],
  ["services", "Services"],
  ["rtt", "Round trips"],
  ["sessions", "Sessions"],
  ["metadata", "Metadata"],
  ["history", "History"],
] as const;

export default function NodePage({ params }: PageProps) {
  const name = params.name!;
  const tab = params.tab || "checks";
  const live = useLive<NodeInfo>(inDatacenter(`internal/ui/node/${encodeURIComponent(name)}`));
  const node = live.value;
  const checks = node?.Checks ?? [];
  const base = href(datacenter.value, "nodes", name);
  const gone = (
    <Note icon="nodes" title="This node is not in the catalog">
      <p>It has left, or never was there.</p>
    </Note>
  );
  return (
    <Page
      title={name}
      back={{ href: `${href(datacenter.value)}/nodes`, text: "Nodes" }}
      mark={<StatusIcon health={node ? worst(countChecks(checks)) : "none"} size={20} />}
      lives={[live]}
      facts={
        node && (
          <>
            <span class="mono">{node.Address}</span>
            <span>{count(node.Services?.length ?? 0, "service")}</span>
            <CheckCount counts={countChecks(checks)} />
          </>
        )
      }
      tabs={tabs.map(([key, text]) => ({
        href: key === "checks" ? base : `${base}/${key}`,
        text,
        current: tab === key,
      }))}
    >
      {tab === "history" ? (
        <NodeHistory name={name} />
      ) : tab === "rtt" ? (
        <RoundTrips name={name} />
      ) : tab === "sessions" ? (
        <NodeSessions name={name} />
      ) : (
        <Await live={live} rows={4} missing={gone} empty={gone}>
          {(value) =>
            tab === "services" ? (
              <Services node={value} />
            ) : tab === "metadata" ? (
              <Metadata node={value} />
            ) : (
              <Checks checks={value.Checks ?? []} />
            )
          }
        </Await>
      )}
    </Page>
  );
}

function NodeHistory({ name }: { readonly name: string }) {
  const live = useLive<History>(inDatacenter(`history/node/${encodeURIComponent(name)}`));
  return <Timeline live={live} bands />;
}

function Services({ node }: { readonly node: NodeInfo }) {
  const services = [...(node.Services ?? [])].sort((a, b) => a.ID.localeCompare(b.ID));
  if (services.length === 0) return <Note icon="services" title="No services on this node" />;
  return (
    <ul class="list instances">
      {services.map((service) => {
        const counts = countChecks(
          (node.Checks ?? []).filter(({ ServiceID }) => ServiceID === service.ID || ServiceID === ""),
        );
        return (
          <li key={service.ID}>
            <a
              class="item"
              href={href(datacenter.value, "services", service.Service, "instances", node.Node, service.ID)}
            >
              <StatusIcon health={worst(counts)} size={16} />
              <div class="ellipsis">
                <div class="title ellipsis">{service.ID}</div>
                <div class="sub ellipsis optional">
                  {service.Service}
                  {service.Port > 0 && ` · port ${service.Port}`}
                </div>
              </div>
              <div class="wide">
                <Tags tags={service.Tags} />
              </div>
              <CheckCount counts={counts} />
            </a>
          </li>
        );
      })}
    </ul>
  );
}

function Metadata({ node }: { readonly node: NodeInfo }) {
  const pairs = (map: Readonly<Record<string, string>> | null) =>
    Object.entries(map ?? {}).map(([key, value]) => [key, <span class="mono">{value}</span>] as const);
  return (
    <div class="columns">
      <Section title="Node">
        <Facts
          rows={[
            ["ID", <span class="mono">{node.ID}</span>],
            ["Address", <span class="mono">{node.Address}</span>],
          ]}
        />
      </Section>
      <Section title="Tagged addresses">
        <Facts rows={pairs(node.TaggedAddresses)} />
      </Section>
      <Section title="Meta">
        {Object.keys(node.Meta ?? {}).length === 0 ? (
          <p class="muted small">None</p>
        ) : (
          <Facts rows={pairs(node.Meta)} />
        )}
      </Section>
    </div>
  );
}
