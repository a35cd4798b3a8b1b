import { useMemo } from "preact/hooks";
import { agentSelf, datacenter, inDatacenter } from "../data/agent.ts";
import type { NodeCoordinate, NodeInfo } from "../data/types.ts";
import { useLive } from "../data/use-live.ts";
import { count } from "../lib/age.ts";
import { formatMs, roundTripMs } from "../lib/coordinates.ts";
import { countChecks, healthRank, healthWords, worst } from "../lib/health.ts";
import { href } from "../lib/routes.ts";
import { matches, parseSearch } from "../lib/search.ts";
import { Icon } from "../ui/icons.tsx";
import { Page } from "../ui/page.tsx";
import { SearchBox, SortSelect, searchText, sortBy, TermButtons } from "../ui/search-box.tsx";
import { Await, Note } from "../ui/states.tsx";
import { CheckCount, StatusIcon } from "../ui/status.tsx";
import { VirtualList } from "../ui/virtual-list.tsx";

export default function NodesPage() {
  const live = useLive<readonly NodeInfo[]>(inDatacenter("internal/ui/nodes"));
  const coordinates = useLive<readonly NodeCoordinate[]>(inDatacenter("coordinate/nodes"));
  const leader = useLive<string>(inDatacenter("status/leader"), { pollMs: 3000 });
  const text = searchText();
  const sort = sortBy("status");
  const here = agentSelf.value?.Coord;
  const rows = useMemo(() => {
    const places = new Map((coordinates.value ?? []).map(({ Node, Coord }) => [Node, Coord]));
    const leaderHost = (leader.value ?? "").replace(/:\d+$/, "");
    return (live.value ?? []).map((node) => {
      const counts = countChecks(node.Checks ?? []);
      const coordinate = places.get(node.Node);
      return {
        node,
        counts,
        health: worst(counts),
        ms: here && coordinate ? roundTripMs(here, coordinate) : undefined,
        leads: node.Address === leaderHost && (node.Services ?? []).some(({ Service }) => Service === "consul"),
      };
    });
  }, [live.value, coordinates.value, leader.value, here]);
  const shown = useMemo(() => {
    const terms = parseSearch(text);
    return rows
      .filter(({ node, health, leads }) =>
        matches(terms, {
          text: [node.Node, node.Address],
          keys: {
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
          a.node.Node.localeCompare(b.node.Node),
      );
  }, [rows, text, sort]);
  const failing = rows.filter(({ health }) => health === "critical").length;
  return (
    <Page title="Nodes" lives={[live]} facts={live.value && <span>{count(rows.length, "node")}</span>}>
      <div class="toolbar">
        <SearchBox label="Search nodes" hint="Name, address, is:failing, service:web, meta:rack" />
        <TermButtons
          name="is"
          label="Health"
          options={[
            { value: "failing", text: "Failing", count: failing },
            { value: "warning", text: "Warning", count: rows.filter(({ health }) => health === "warning").length },
            { value: "passing", text: "Passing", count: rows.filter(({ health }) => health === "passing").length },
          ]}
        />
        <SortSelect
          options={[
            ["status", "worst first"],
            ["name", "name"],
            ["rtt", "nearest first"],
          ]}
        />
      </div>
      <Await live={live} rows={8} empty={<Note icon="nodes" title="No nodes" />}>
        {() =>
          shown.length === 0 ? (
            <Note icon="search" title="No node fits the search" />
          ) : (
            <VirtualList rows={shown} rowKey={({ node }) => node.Node} label="Nodes" class="nodes">
              {({ node, counts, health, ms, leads }) => (
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
                  <span class="wide">
                    <CheckCount counts={counts} />
                  </span>
                  <span class="wide num muted small">{ms === undefined ? "" : formatMs(ms)}</span>
                  <span class="num muted small">{count(node.Services?.length ?? 0, "service")}</span>
                </a>
              )}
            </VirtualList>
          )
        }
      </Await>
    </Page>
  );
}
