import { useRef } from "preact/hooks";
import { datacenter, inDatacenter, localDatacenter } from "../../data/agent.ts";
import { put } from "../../data/send.ts";
import type { Check, History, NodeInfo } from "../../data/types.ts";
import { useLive } from "../../data/use-live.ts";
import { count } from "../../lib/age.ts";
import { countChecks, type Health, healthRank, healthWords, worst } from "../../lib/health.ts";
import { groupBy } from "../../lib/history.ts";
import { href } from "../../lib/routes.ts";
import { matches, parseSearch } from "../../lib/search.ts";
import { Checks } from "../../ui/checks.tsx";
import { Copyable } from "../../ui/copy.tsx";
import { confirm } from "../../ui/dialog.tsx";
import { useGlide } from "../../ui/glide.tsx";
import type { PageProps } from "../../ui/lazy.tsx";
import { MaintenanceButton, MaintenanceLine } from "../../ui/maintenance.tsx";
import { Facts, Page, Section, TagLine } from "../../ui/page.tsx";
import { navigate } from "../../ui/router.ts";
import { NoMatch, SearchBox, searchText } from "../../ui/search-box.tsx";
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
      actions={
        <>
          <MaintenanceButton place={{ node: name, checks }} />
          <RemoveButton node={node} />
        </>
      }
      facts={
        node && (
          <>
            <Copyable text={node.Address} label="the address" />
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
      <MaintenanceLine place={{ node: name, checks }} />
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
              <NodeChecks name={name} checks={value.Checks ?? []} />
            )
          }
        </Await>
      )}
    </Page>
  );
}

/** For nodes that have no live agent: one that is alive would announce itself again. */
function RemoveButton({ node }: { readonly node: NodeInfo | undefined }) {
  const serf = node?.Checks?.find(({ CheckID }) => CheckID === "serfHealth");
  const can = node !== undefined && serf?.Status !== "passing";
  const name = node?.Node ?? "";
  const services = count(node?.Services?.length ?? 0, "service");
  const failed = serf !== undefined && datacenter.value === localDatacenter.value;
  return (
    <button
      type="button"
      class={can ? "button danger" : "button unseen"}
      onClick={() =>
        confirm({
          title: `Remove ${name}?`,
          text: failed
            ? `Its agent does not answer. It counts as having left, and leaves the catalog with ${services}. If it is alive it joins again by itself.`
            : `It leaves the catalog with ${services} and their checks.`,
          action: "Remove",
          danger: true,
          done: `Removed ${name}`,
          run: async () => {
            if (failed) await put(`agent/force-leave/${encodeURIComponent(name)}`);
            else await put("catalog/deregister", { Datacenter: datacenter.value, Node: name });
            navigate(`${href(datacenter.value)}/nodes`);
          },
        })
      }
    >
      Remove
    </button>
  );
}

const historyOf = (name: string): string => inDatacenter(`history/node/${encodeURIComponent(name)}`);

function NodeChecks({ name, checks }: { readonly name: string; readonly checks: readonly Check[] }) {
  return <Checks checks={checks} history={useLive<History>(historyOf(name))} ofNode />;
}

function NodeHistory({ name }: { readonly name: string }) {
  return <Timeline live={useLive<History>(historyOf(name))} bands />;
}

function Services({ node }: { readonly node: NodeInfo }) {
  const checks = groupBy(node.Checks ?? [], ({ ServiceID }) => ServiceID);
  const ofNode = checks.get("") ?? [];
  const services = (node.Services ?? []).map((service) => {
    const counts = countChecks([...ofNode, ...(checks.get(service.ID) ?? [])]);
    return { service, counts, health: worst(counts) };
  });
  if (services.length === 0) return <Note icon="services" title="No services on this node" />;
  const terms = parseSearch(searchText());
  const shown = services
    .filter(({ service: { ID, Service, Tags }, health }) =>
      matches(terms, {
        text: [ID, Service, ...(Tags ?? [])],
        keys: { name: [Service], id: [ID], tag: Tags ?? [], is: healthWords(health) },
      }),
    )
    .sort((a, b) => healthRank(a.health) - healthRank(b.health) || a.service.ID.localeCompare(b.service.ID));
  return (
    <>
      <div class="toolbar">
        <SearchBox label="Search the services of this node" hint="Name, is:failing, tag:v2" />
      </div>
      {shown.length === 0 ? (
        <NoMatch what="service" terms="is:failing, is:warning, is:passing, name:, id: and tag:" />
      ) : (
        <ServiceRows node={node} rows={shown} />
      )}
    </>
  );
}

function ServiceRows({
  node,
  rows,
}: {
  readonly node: NodeInfo;
  readonly rows: readonly {
    readonly service: NonNullable<NodeInfo["Services"]>[number];
    readonly counts: ReturnType<typeof countChecks>;
    readonly health: Health;
  }[];
}) {
  const list = useRef<HTMLUListElement>(null);
  useGlide(list);
  return (
    <ul class="list instances" ref={list}>
      {rows.map(({ service, counts, health }) => {
        return (
          <li key={service.ID}>
            <a
              class="item"
              href={href(datacenter.value, "services", service.Service, "instances", node.Node, service.ID)}
            >
              <StatusIcon health={health} size={16} />
              <div class="ellipsis">
                <div class="title ellipsis">{service.ID}</div>
                <div class="sub ellipsis optional">
                  {service.Service}
                  {service.Port > 0 && ` · port ${service.Port}`}
                </div>
              </div>
              <TagLine tags={service.Tags} />
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
            ["ID", node.ID && <span class="mono">{node.ID}</span>],
            ["Address", <span class="mono">{node.Address}</span>],
          ]}
        />
      </Section>
      <Section title="Tagged addresses">
        {Object.keys(node.TaggedAddresses ?? {}).length === 0 ? (
          <p class="muted small">None</p>
        ) : (
          <Facts rows={pairs(node.TaggedAddresses)} />
        )}
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
