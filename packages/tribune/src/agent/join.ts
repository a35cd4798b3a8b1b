import type { JoinConfig } from "../config/types.ts";
import type { Logger } from "../lib/log.ts";
import type { Cancel, Timers } from "../lib/runtime.ts";
import type { GossipPool } from "../pool/types.ts";

export interface RetryJoinOptions {
  readonly addresses: readonly string[];
  readonly intervalMs: number;
  /** 0: for ever. */
  readonly attemptsMax: number;
}

export interface RetryJoinDependencies {
  /** Joins a pool. @returns how many members answered; rejects when none did */
  readonly join: (addresses: readonly string[]) => Promise<number>;
  readonly timers: Timers;
  readonly logger: Logger;
  /** It was tried as often as it may be: the agent ends, as Consul's does. */
  readonly onGivenUp: (error: Error) => void;
}

/** Joins in the background until it has worked once (`retry_join`). @returns cancel */
export function retryJoin(
  { addresses, intervalMs, attemptsMax }: RetryJoinOptions,
  { join, timers, logger, onGivenUp }: RetryJoinDependencies,
): Cancel {
  if (addresses.length === 0) return () => {};
  let cancelled = false;
  let cancelTimer: Cancel = () => {};
  logger.info("Joining cluster...", { addresses: addresses.join(", ") });
  const attempt = async (number: number): Promise<void> => {
    try {
      const members = await join(addresses);
      if (!cancelled) logger.info("Join cluster completed. Synced with initial agents", { num_agents: members });
    } catch (error) {
      if (cancelled) return;
      if (attemptsMax > 0 && number >= attemptsMax) {
        logger.error("max join retry exhausted, exiting");
        onGivenUp(new Error("agent: max join retry exhausted, exiting"));
        return;
      }
      logger.warn("Join cluster failed, will retry", {
        retry_interval: `${intervalMs / 1000}s`,
        error: error instanceof Error ? error.message : String(error),
      });
      cancelTimer = timers.after(intervalMs, () => void attempt(number + 1));
    }
  };
  void attempt(1);
  return () => {
    cancelled = true;
    cancelTimer();
  };
}

export interface JoinAtStartDependencies {
  readonly lan: Pick<GossipPool, "join">;
  /** Undefined in agents that cannot be in that pool. */
  readonly wan: Pick<GossipPool, "join"> | undefined;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly onGivenUp: (error: Error) => void;
}

/**
 * Joins what the configuration names. Old events are not news to whoever joins. @returns cancel of what goes on in the
 * background; rejects when nobody of `start_join` could be joined.
 */
export async function joinAtStart(config: JoinConfig, dependencies: JoinAtStartDependencies): Promise<Cancel> {
  const { lan, wan, timers, logger, onGivenUp } = dependencies;
  const joins = (pool: Pick<GossipPool, "join">) => (addresses: readonly string[]) =>
    pool.join(addresses, { ignoreOldEvents: true });
  if (config.startLan.length > 0) {
    logger.info("Joining cluster...");
    const members = await joins(lan)(config.startLan);
    logger.info("Join completed. Initial agents synced with", { agent_count: members });
  }
  if (config.startWan.length > 0 && wan !== undefined) {
    logger.info("Joining wan cluster...");
    const members = await joins(wan)(config.startWan);
    logger.info("Join wan completed. Initial agents synced with", { agent_count: members });
  }
  const background = [
    retryJoin(
      { addresses: config.retryLan, intervalMs: config.retryIntervalLanMs, attemptsMax: config.retryMaxLan },
      { join: joins(lan), timers, logger, onGivenUp },
    ),
  ];
  if (wan !== undefined)
    background.push(
      retryJoin(
        { addresses: config.retryWan, intervalMs: config.retryIntervalWanMs, attemptsMax: config.retryMaxWan },
        { join: joins(wan), timers, logger, onGivenUp },
      ),
    );
  return () => {
    for (const cancel of background) cancel();
  };
}
