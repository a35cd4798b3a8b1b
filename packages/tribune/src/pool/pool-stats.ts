import type { Serf } from "../gossip/serf/serf.ts";
import type { Swim } from "../gossip/swim/swim.ts";
import type { PoolMember } from "./types.ts";

/** A pool as `consul info` shows it. @param cores absent until the pool runs */
export function poolStats(
  members: readonly PoolMember[],
  encrypted: boolean,
  { serf, swim }: { readonly serf?: Serf; readonly swim?: Swim },
): Readonly<Record<string, string>> {
  const count = (status: string): string => String(members.filter((member) => member.status === status).length);
  const [intents, queries, events] = swim?.queued.user ?? [0, 0, 0];
  return {
    coordinate_resets: String(serf?.coordinateResets ?? 0),
    encrypted: String(encrypted),
    event_queue: String(events),
    event_time: String(serf?.clocks.eventClock ?? 1),
    failed: count("failed"),
    health_score: String(swim?.healthScore ?? 0),
    intent_queue: String(intents),
    left: count("left"),
    member_time: String(serf?.clocks.clock ?? 1),
    members: String(members.length),
    query_queue: String(queries),
    query_time: String(serf?.clocks.queryClock ?? 1),
  };
}
