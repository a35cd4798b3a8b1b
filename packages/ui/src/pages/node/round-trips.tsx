import { datacenter, inDatacenter } from "../../data/agent.ts";
import type { NodeCoordinate } from "../../data/types.ts";
import { useLive } from "../../data/use-live.ts";
import { formatMs, roundTripMs } from "../../lib/coordinates.ts";
import { href } from "../../lib/routes.ts";
import { Facts, Section } from "../../ui/page.tsx";
import { Await, Note } from "../../ui/states.tsx";

/** Estimated round-trip times to all other nodes, out of the network coordinates. */
export function RoundTrips({ name }: { readonly name: string }) {
  const live = useLive<readonly NodeCoordinate[]>(inDatacenter("coordinate/nodes"));
  const unknown = (
    <Note icon="members" title="This node has no coordinates">
      <p>Agents send them every few seconds; nodes without an agent have none.</p>
    </Note>
  );
  return (
    <Await live={live} rows={5} empty={unknown}>
      {(all) => {
        const self = all.find(({ Node }) => Node === name);
        if (self === undefined) return unknown;
        const trips = all
          .filter(({ Node }) => Node !== name)
          .map(({ Node, Coord }) => ({ node: Node, ms: roundTripMs(self.Coord, Coord) }))
          .sort((a, b) => (a.ms ?? 1e9) - (b.ms ?? 1e9));
        const times = trips.map(({ ms }) => ms).filter((ms) => ms !== undefined);
        const most = times.at(-1) ?? 1;
        return (
          <>
            <Facts
              rows={[
                ["Nearest", formatMs(times[0])],
                ["Median", formatMs(times[Math.floor(times.length / 2)])],
                ["Farthest", formatMs(times.at(-1))],
                ["Error of the estimate", self.Coord.Error.toFixed(2)],
              ]}
            />
            <Section title="Other nodes">
              {trips.length === 0 ? (
                <p class="muted small">No other node has coordinates.</p>
              ) : (
                <ul class="list trips">
                  {trips.slice(0, 500).map(({ node, ms }) => (
                    <li key={node}>
                      <a class="item" href={href(datacenter.value, "nodes", node)}>
                        <span class="ellipsis">{node}</span>
                        <svg class="trip" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                          <rect y="2" height="4" width={((ms ?? 0) / most) * 100} />
                        </svg>
                        <span class="num small">{formatMs(ms)}</span>
                      </a>
                    </li>
                  ))}
                </ul>
              )}
            </Section>
          </>
        );
      }}
    </Await>
  );
}
