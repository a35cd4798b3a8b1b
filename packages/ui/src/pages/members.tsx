import { useMemo } from "preact/hooks";
import { agentSelf, datacenter, inDatacenter } from "../data/agent.ts";
import { refresh } from "../data/live.ts";
import { put } from "../data/send.ts";
import type { Member, NodeCoordinate } from "../data/types.ts";
import { useLive } from "../data/use-live.ts";
import { count } from "../lib/age.ts";
import { formatMs, roundTripMs } from "../lib/coordinates.ts";
import type { Health } from "../lib/health.ts";
import { memberCounts, roleOf, statusOf, versionOf } from "../lib/members.ts";
import { href } from "../lib/routes.ts";
import { matches, parseSearch } from "../lib/search.ts";
import { confirm } from "../ui/dialog.tsx";
import { Icon } from "../ui/icons.tsx";
import type { PageProps } from "../ui/lazy.tsx";
import { NetworkMap } from "../ui/network-map.tsx";
import { Page, Section } from "../ui/page.tsx";
import { SearchBox, searchText } from "../ui/search-box.tsx";
import { Await, Note } from "../ui/states.tsx";
import { StatusIcon } from "../ui/status.tsx";
import { VirtualList } from "../ui/virtual-list.tsx";

interface AreaMap {
  readonly Datacenter: string;
  readonly AreaID: string;
  readonly Coordinates: readonly NodeCoordinate[] | null;
}

const healths: Readonly<Record<string, Health>> = { alive: "passing", leaving: "warning", failed: "critical" };

/** Members as gossip knows them, and where their network coordinates put them. */
export default function MembersPage({ params }: PageProps) {
  const wan = params.tab === "wan";
  const base = `${href(datacenter.value)}/members`;
  const live = useLive<readonly Member[]>(wan ? "agent/members?wan=1" : "agent/members", { pollMs: 2000 });
  const lan = useLive<readonly NodeCoordinate[]>(wan ? undefined : inDatacenter("coordinate/nodes"));
  const areas = useLive<readonly AreaMap[]>(wan ? "coordinate/datacenters" : undefined, { pollMs: 10_000 });
  const counts = memberCounts(live.value ?? []);
  const coordinates = useMemo(
    () =>
      wan
        ? (areas.value ?? []).flatMap(({ Datacenter, Coordinates }) =>
            (Coordinates ?? []).map((each) => ({
              ...each,
              Node: each.Node.includes(".") ? each.Node : `${each.Node}.${Datacenter}`,
            })),
          )
        : (lan.value ?? []),
    [wan, areas.value, lan.value],
  );
  return (
    <Page
      title="Members"
      lives={[live]}
      facts={
        live.value && (
          <>
            <span>{count(counts.alive, "member")} alive</span>
            {counts.failed > 0 && <span class="status critical">{counts.failed} failed</span>}
            {counts.left > 0 && <span>{counts.left} left</span>}
          </>
        )
      }
      tabs={[
        { href: base, text: "This datacenter (LAN)", current: !wan },
        { href: `${base}/wan`, text: "Servers everywhere (WAN)", current: wan },
      ]}
    >
      <Section title="Map">
        <NetworkMap coordinates={coordinates} members={live.value ?? []} />
      </Section>
      <Section title={wan ? "Servers" : "Agents"}>
        <div class="toolbar">
          <SearchBox label="Search members" hint="Name, address, is:failed, is:server, version:1.10" />
        </div>
        <Await live={live} rows={4} empty={<Note icon="members" title={wan ? "No WAN pool" : "No members"} />}>
          {(members) => <List members={members} wan={wan} coordinates={coordinates} />}
        </Await>
      </Section>
    </Page>
  );
}

function List({
  members,
  wan,
  coordinates,
}: {
  readonly members: readonly Member[];
  readonly wan: boolean;
  readonly coordinates: readonly NodeCoordinate[];
}) {
  const text = searchText();
  const rows = useMemo(() => {
    const terms = parseSearch(text);
    return members
      .filter((member) =>
        matches(terms, {
          text: [member.Name, member.Addr],
          keys: {
            is: [statusOf(member), roleOf(member)],
            version: [versionOf(member)],
            dc: [member.Tags?.dc ?? ""],
          },
        }),
      )
      .sort((a, b) => b.Status - a.Status || roleOf(b).localeCompare(roleOf(a)) || a.Name.localeCompare(b.Name));
  }, [members, text]);
  const here = agentSelf.value?.Coord;
  const places = useMemo(() => new Map(coordinates.map((each) => [each.Node, each.Coord])), [coordinates]);
  if (rows.length === 0) return <Note icon="search" title="No member fits the search" />;
  return (
    <VirtualList rows={rows} rowKey={({ Name }) => Name} label="Members" class="members">
      {(member) => {
        const status = statusOf(member);
        const place = places.get(member.Name);
        return (
          <div class="item" data-member={member.Name} data-status={status}>
            <StatusIcon health={healths[status] ?? "none"} size={16} />
            <div class="ellipsis">
              <div class="title ellipsis">
                {wan ? member.Name : <a href={href(datacenter.value, "nodes", member.Name)}>{member.Name}</a>}
              </div>
              <div class="sub mono ellipsis optional">
                {member.Addr}:{member.Port}
              </div>
            </div>
            <span class="small">{status}</span>
            <span class="wide small muted">
              {roleOf(member)} {versionOf(member)}
              {wan && `, ${member.Tags?.dc}`}
            </span>
            <span class="wide small muted num">{!wan && here && place ? formatMs(roundTripMs(here, place)) : ""}</span>
            {status === "failed" ? (
              <button
                type="button"
                class="button"
                onClick={() =>
                  confirm({
                    title: `Force ${member.Name} to leave?`,
                    text: "The member counts as having left, and its services leave the catalog. If it is alive it joins again by itself.",
                    action: "Force to leave",
                    danger: true,
                    done: `${member.Name} has left`,
                    run: async () => {
                      await put(`agent/force-leave/${encodeURIComponent(member.Name)}`);
                      refresh("agent/members");
                    },
                  })
                }
              >
                <Icon name="trash" /> Force to leave
              </button>
            ) : (
              <span />
            )}
          </div>
        );
      }}
    </VirtualList>
  );
}
