import type { Logger } from "../lib/log.ts";
import type { Cancel, Timers } from "../lib/runtime.ts";
import { serverOf } from "../pool/server-tags.ts";
import type { GossipPool } from "../pool/types.ts";

/** Consul's `SerfFloodInterval`. */
const FLOOD_PERIOD_MS = 60_000;

export interface FloodDependencies {
  readonly lan: Pick<GossipPool, "members" | "subscribe">;
  readonly wan: Pick<GossipPool, "members" | "join">;
  readonly timers: Timers;
  readonly logger: Logger;
}

/**
 * Brings the servers of the own datacenter into the WAN pool, so that joining one of them is enough for an operator:
 * each server asks in those that it sees in the LAN pool only (sheet serf §8 Server discovery). @returns cancel
 */
export function flood(datacenter: string, { lan, wan, timers, logger }: FloodDependencies): Cancel {
  const joining = new Set<string>();
  const run = (): void => {
    const there = new Set(wan.members().map((member) => member.name));
    for (const member of lan.members()) {
      const server = member.status === "alive" ? serverOf(member, "lan") : undefined;
      if (server === undefined || server.datacenter !== datacenter || server.wanJoinPort === 0) continue;
      const name = `${server.name}.${datacenter}`;
      if (there.has(name) || joining.has(name)) continue;
      const host = server.host.includes(":") ? `[${server.host}]` : server.host;
      joining.add(name);
      wan
        .join([`${name}/${host}:${server.wanJoinPort}`], { ignoreOldEvents: true })
        .catch((error: unknown) => logger.debug("Failed to flood-join server at address", { server: name, error }))
        .finally(() => joining.delete(name));
    }
  };
  let cancelTimer: Cancel = () => {};
  const later = (): void => {
    cancelTimer = timers.after(FLOOD_PERIOD_MS, () => {
      run();
      later();
    });
  };
  const unsubscribe = lan.subscribe((event) => {
    if (event.type === "join") run();
  });
  run();
  later();
  return () => {
    unsubscribe();
    cancelTimer();
  };
}
