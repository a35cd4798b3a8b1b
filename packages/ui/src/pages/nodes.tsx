import { useMemo } from "preact/hooks";
import { agentSelf, datacenter, inDatacenter, localDatacenter } from "../data/agent.ts";
import type { Member, NodeCoordinate, NodeInfo } from "../data/types.ts";
import { useLive } from "../data/use-live.ts";
import { count } from "../lib/age.ts";
import { formatMs, roundTripMs } from "../lib/coordinates.ts";
import { countChecks, healthRank, healthWords, worst } from "../lib/health.ts";
import { versionOf } from "../lib/members.ts";
import { href } from "../lib/routes.ts";
import { matches, parseSearch } from "../lib/search.ts";
import { ExportButton } from "../ui/download.tsx";
import { Icon } from "../ui/icons.tsx";
import { Page } from "../ui/page.tsx";
import { NoMatch, SearchBox, SortSelect, searchText, sortBy, TermButtons } from "../ui/search-box.tsx";
import { Await, Note } from "../ui/states.tsx";
import { CheckCount, StatusIcon } from "../ui/status.tsx";
import { VirtualList } from "../ui/virtual-list.tsx";

export default function NodesPage() {
  const live = useLive<readonly NodeInfo[]>(inDatacenter("internal/ui/nodes"));
  const coordinates = useLive<readonly NodeCoordinate[]>(inDatacenter("coordinate/nodes"));
  const leader = useLive<string>(inDatacenter("status/leader"), { pollMs: 3000 });
  // What runs on a node only gossip knows, and an agent that of its own datacenter.
  const local = datacenter.value === localDatacenter.value;
  const members = useLive<readonly Member[]>(local ? "agent/members" : undefined, { pollMs: 10_000 });
  const versions = useMemo(
    () => new Map((members.value ?? []).map((member) => [member.Name, versionOf(member)])),
    [members.value],
  );
  const text = searchText();
  const sort = sortBy("status");
  const here = agentSelf.value?.Coord;
  const own = local ? agentSelf.value?.Config.NodeName : undefined;
  const rows = useMemo(() => {
    const places = new Map((coordinates.value ?? []).map(({ Node, Coord }) => [Node, Coord]));
    // As the servers know it, like the others: what the agent itself knows may be minutes ahead of them.
    const from = (own === undefined ? undefined : places.get(own)) ?? here;
    const leaderHost = (leader.value ?? "").replace(/:\d+$/, "");
    return (live.value ?? []).map((node) => {
      const counts = countChecks(node.Checks ?? []);
      const coordinate = places.get(node.Node);
      return {
        node,
        counts,
        health: worst(counts),
        // To itself a node has no way, which coordinates do not know.
        ms: from && coordinate && node.Node !== own ? roundTripMs(from, coordinate) : undefined,
        leads: node.Address === leaderHost && (node.Services ?? []).some(({ Service }) => Service === "consul"),
        version: versions.get(node.Node) ?? node.Meta?.["consul-version"] ?? "",
      };
    });
  }, [live.value, coordinates.value, leader.value, here, own, versions]);
  const shown = useMemo(() => {
    const terms = parseSearch(text);
    return rows
      .filter(({ node, health, leads, version }) =>
        matches(terms, {
          text: [node.Node, node.Address],
          keys: {
            version: [version],
            is: [...healthWords(health), ...(leads ? ["leader"] : [])],
            service: (node.Services ?? []).map(({ Service }) => Service),
            meta: Object.entries(node.Meta ?? {}).map(([key, value]) => `${key}=${value}`),
            address: [node.Address],
          },
        }),
      )
      .sort(
        (a, b) =>
          (sort === "status" ? healthRank(a.health) - healthRank(b.health) : 0) ||
          (sort === "rtt" ? (a.ms ?? 1e9) - (b.ms ?? 1e9) : 0) ||
          (sort === "services" ? (b.node.Services?.length ?? 0) - (a.node.Services?.length ?? 0) : 0) ||
          (sort === "version" ? a.version.localeCompare(b.version, "en", { numeric: true }) : 0) ||
          a.node.Node.localeCompare(b.node.Node),
      );
  }, [rows, text, sort]);
  const failing = rows.filter(({ health }) => health === "critical").length;
  return (
    <Page title="Nodes" lives={[live]} facts={live.value && <span>{count(rows.length, "node")}</span>}>
      <div class="toolbar">
        <SearchBox label="Search nodes" hint="Name, is:failing, service:web, meta:rack" />
        <TermButtons
          name="is"
          label="Health"
          options={[
            { value: "failing", text: "Failing", count: live.value && failing },
            {
              value: "warning",
              text: "Warning",
              count: live.value && rows.filter(({ health }) => health === "warning").length,
            },
            {
              value: "passing",
              text: "Passing",
              count: live.value && rows.filter(({ health }) => health === "passing").length,
            },
          ]}
        />
        <div class="row end">
          <SortSelect
            options={[
              ["status", "worst first"],
              ["name", "name"],
              ["rtt", "nearest first"],
              ["services", "most services"],
              ["version", "oldest version"],
            ]}
          />
          <ExportButton
            name="nodes"
            head={["Node", "Address", "Health", "Critical", "Warning", "Passing", "Services", "Version", "RTT in ms"]}
            rows={() =>
              shown.map(({ node, counts, health, ms, version }) => [
                node.Node,
                node.Address,
                health,
                counts.critical,
                counts.warning,
                counts.passing,
                node.Services?.length ?? 0,
                version,
                ms === undefined ? "" : ms.toFixed(2),
              ])
            }
          />
        </div>
      </div>
      <Await live={live} rows={8} empty={<Note icon="nodes" title="No nodes" />}>
        {() =>
          shown.length === 0 ? (
            <NoMatch
              what="node"
              terms="is:failing, is:warning, is:passing, is:leader, service:, address:, version: and meta:key=value"
            />
          ) : (
            <VirtualList rows={shown} rowKey={({ node }) => node.Node} label="Nodes" class="nodes">
              {({ node, counts, health, ms, leads, version }) => (
                <a
                  class="item"
                  href={href(datacenter.value, "nodes", node.Node)}
                  data-node={node.Node}
                  data-health={health}
                >
                  <StatusIcon health={health} size={16} />
                  <div class="ellipsis">
                    <div class="title row">
                      <span class="ellipsis">{node.Node}</span>
                      {leads && (
                        <span class="chip">
                          <Icon name="crown" size={12} /> leader
                        </span>
                      )}
                    </div>
                    <div class="sub mono ellipsis optional">{node.Address}</div>
                  </div>
                  <CheckCount counts={counts} />
                  <span class="wide widest num muted small">{version}</span>
                  <span class="wide num muted small">{ms === undefined ? "" : formatMs(ms)}</span>
                  <span class="wide num muted small">{count(node.Services?.length ?? 0, "service")}</span>
                </a>
              )}
            </VirtualList>
          )
        }
      </Await>
    </Page>
  );
}
