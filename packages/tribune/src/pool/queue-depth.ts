import type { MemberState, SwimQueues } from "../gossip/swim/types.ts";
import type { MetricLabels, Metrics } from "../lib/metrics.ts";
import type { Cancel, Timers } from "../lib/runtime.ts";

/** As often as serf looks. */
const INTERVAL_MS = 30_000;

const STATES: readonly { readonly status: MemberState["status"]; readonly labels: MetricLabels }[] = (
  ["alive", "suspect", "dead", "left"] as const
).map((status) => ({ status, labels: [["node_state", status]] }));

/** Measures how much waits to be gossiped, and who there is, under serf's and memberlist's names, until cancelled. */
export function sampleQueues(
  timers: Timers,
  metrics: Metrics,
  pool: { readonly queued: () => SwimQueues; readonly members: () => Iterable<MemberState> },
): Cancel {
  let cancel: Cancel = () => {};
  const next = (): void => {
    cancel = timers.after(INTERVAL_MS, () => {
      const { user, membership } = pool.queued();
      const [intents, queries, events] = user;
      metrics.sample("memberlist.queue.broadcasts", membership);
      metrics.sample("serf.queue.Intent", intents);
      metrics.sample("serf.queue.Query", queries);
      metrics.sample("serf.queue.Event", events);
      const count = { alive: 0, suspect: 0, dead: 0, left: 0 };
      for (const { status } of pool.members()) count[status]++;
      for (const { status, labels } of STATES) metrics.gauge("memberlist.node.instances", count[status], labels);
      next();
    });
  };
  next();
  return () => cancel();
}
