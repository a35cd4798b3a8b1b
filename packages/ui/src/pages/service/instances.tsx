import { useMemo } from "preact/hooks";
import { datacenter } from "../../data/agent.ts";
import type { ServiceInstance } from "../../data/types.ts";
import { countChecks, healthRank, healthWords, worst } from "../../lib/health.ts";
import { href } from "../../lib/routes.ts";
import { matches, parseSearch } from "../../lib/search.ts";
import { ExportButton } from "../../ui/download.tsx";
import { TagLine } from "../../ui/page.tsx";
import { NoMatch, SearchBox, SortSelect, searchText, sortBy } from "../../ui/search-box.tsx";
import { CheckCount, StatusIcon } from "../../ui/status.tsx";
import { VirtualList } from "../../ui/virtual-list.tsx";

export const addressOf = ({ Node, Service }: ServiceInstance): string => {
  const host = Service.Address || Node.Address;
  return Service.Port === 0 ? host : `${host.includes(":") ? `[${host}]` : host}:${Service.Port}`;
};

export function Instances({
  name,
  instances,
}: {
  readonly name: string;
  readonly instances: readonly ServiceInstance[];
}) {
  const text = searchText();
  const sort = sortBy("status");
  const rows = useMemo(() => {
    const terms = parseSearch(text);
    return instances
      .map((instance) => {
        const counts = countChecks(instance.Checks);
        return { instance, counts, health: worst(counts) };
      })
      .filter(({ instance, health }) => {
        const { Service, Node, Checks } = instance;
        const meta = Object.entries(Service.Meta ?? {}).map(([key, value]) => `${key}=${value}`);
        return matches(terms, {
          text: [
            Service.ID,
            Node.Node,
            addressOf(instance),
            ...(Service.Tags ?? []),
            ...Checks.map(({ Output }) => Output),
          ],
          keys: { is: healthWords(health), tag: Service.Tags ?? [], node: [Node.Node], meta, id: [Service.ID] },
        });
      })
      .sort(
        (a, b) =>
          (sort === "status" ? healthRank(a.health) - healthRank(b.health) : 0) ||
          (sort === "newest" ? b.instance.Service.CreateIndex - a.instance.Service.CreateIndex : 0) ||
          a.instance.Node.Node.localeCompare(b.instance.Node.Node) ||
          a.instance.Service.ID.localeCompare(b.instance.Service.ID),
      );
  }, [instances, text, sort]);
  return (
    <>
      <div class="toolbar">
        <SearchBox label="Search instances" hint="Name, is:failing, tag:…, node:…, meta:…, output" />
        <div class="row end">
          <SortSelect
            options={[
              ["status", "worst first"],
              ["name", "node"],
              ["newest", "newest first"],
            ]}
          />
          <ExportButton
            name={`instances-of-${name}`}
            head={["Instance", "Node", "Address", "Port", "Health", "Critical", "Warning", "Passing", "Tags"]}
            rows={() =>
              rows.map(({ instance: { Node, Service }, counts, health }) => [
                Service.ID,
                Node.Node,
                Service.Address || Node.Address,
                Service.Port,
                health,
                counts.critical,
                counts.warning,
                counts.passing,
                (Service.Tags ?? []).join(" "),
              ])
            }
          />
        </div>
      </div>
      {rows.length === 0 ? (
        <NoMatch what="instance" terms="is:failing, is:warning, is:passing, tag:, node:, id: and meta:key=value" />
      ) : (
        <VirtualList
          rows={rows}
          rowKey={({ instance }) => `${instance.Node.Node} ${instance.Service.ID}`}
          label="Instances"
          class="instances"
        >
          {({ instance, counts, health }) => (
            <a
              class="item"
              href={href(datacenter.value, "services", name, "instances", instance.Node.Node, instance.Service.ID)}
              data-health={health}
            >
              <StatusIcon health={health} size={16} />
              <div class="ellipsis">
                <div class="title ellipsis">{instance.Service.ID}</div>
                <div class="sub ellipsis optional">
                  {instance.Node.Node} · <span class="mono">{addressOf(instance)}</span>
                </div>
              </div>
              <TagLine tags={instance.Service.Tags} />
              <CheckCount counts={counts} />
            </a>
          )}
        </VirtualList>
      )}
    </>
  );
}
