import { useMemo } from "preact/hooks";
import { agentSelf, datacenter, localDatacenter } from "../data/agent.ts";
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
import { Gliding } from "../ui/glide.tsx";
import { Icon } from "../ui/icons.tsx";
import type { PageProps } from "../ui/lazy.tsx";
import { NetworkMap } from "../ui/network-map.tsx";
import { Page, Section } from "../ui/page.tsx";
import { NoMatch, SearchBox, searchText } from "../ui/search-box.tsx";
import { Await, Ghosts, Note } from "../ui/states.tsx";
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
  const lan = useLive<readonly NodeCoordinate[]>(wan ? undefined : "coordinate/nodes");
  const areas = useLive<readonly AreaMap[]>(wan ? "coordinate/datacenters" : undefined, { pollMs: 10_000 });
  // An agent knows the gossip of its own datacenter only, whichever is in view.
  const here = datacenter.value === localDatacenter.value || localDatacenter.value === "";
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
        { href: base, text: here ? "This datacenter (LAN)" : `${localDatacenter.value} (LAN)`, current: !wan },
        { href: `${base}/wan`, text: "Servers everywhere (WAN)", current: wan },
      ]}
    >
      {[live, wan ? areas : lan].some(({ state }) => state === "loading") ? (
        <Section title="Map">
          <Ghosts rows={8} />
        </Section>
      ) : (
        <Gliding>
          <Section title="Map">
            <Await<unknown> live={wan ? areas : lan} small>
              {() => <NetworkMap coordinates={coordinates} members={live.value ?? []} />}
            </Await>
          </Section>
          <Section title={wan ? "Servers" : "Agents"}>
            <div class="toolbar">
              <SearchBox label="Search members" hint="Name, address, is:failed, is:server, version:1.10" />
            </div>
            <Await live={live} rows={4} empty={<Note icon="members" title={wan ? "No WAN pool" : "No members"} />}>
              {(members) => <List members={members} wan={wan} coordinates={coordinates} />}
            </Await>
          </Section>
        </Gliding>
      )}
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
  const places = useMemo(() => new Map(coordinates.map((each) => [each.Node, each.Coord])), [coordinates]);
  const config = agentSelf.value?.Config;
  const own = wan ? `${config?.NodeName}.${config?.Datacenter}` : config?.NodeName;
  const here = wan ? places.get(own ?? "") : agentSelf.value?.Coord;
  if (rows.length === 0)
    return <NoMatch what="member" terms="is:alive, is:failed, is:left, is:server, is:client, version: and dc:" />;
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
                {wan ? member.Name : <a href={href(localDatacenter.value, "nodes", member.Name)}>{member.Name}</a>}
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
            <span class="wide small muted num">
              {member.Name === own ? "this agent" : here && place ? formatMs(roundTripMs(here, place)) : ""}
            </span>
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
