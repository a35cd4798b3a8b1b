import type { SwimQueues } from "../gossip/swim/types.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Cancel, Timers } from "../lib/runtime.ts";

/** As often as serf looks. */
const INTERVAL_MS = 30_000;

/** Measures how much waits to be gossiped, under serf's names, until cancelled. */
export function sampleQueues(timers: Timers, metrics: Metrics, queued: () => SwimQueues): Cancel {
  let cancel: Cancel = () => {};
  const next = (): void => {
    cancel = timers.after(INTERVAL_MS, () => {
      const [intents, queries, events] = queued().user;
      metrics.sample("serf.queue.Intent", intents);
      metrics.sample("serf.queue.Query", queries);
      metrics.sample("serf.queue.Event", events);
      next();
    });
  };
  next();
  return () => cancel();
}
