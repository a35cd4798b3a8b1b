import { hideCloudSecrets } from "../config/secrets.ts";
import type { JoinConfig } from "../config/types.ts";
import type { Logger } from "../lib/log.ts";
import type { Cancel, Timers } from "../lib/runtime.ts";
import { encryptionHint } from "../pool/encryption-hint.ts";
import type { GossipPool } from "../pool/types.ts";
import type { Discovery } from "./discovery.ts";

export interface RetryJoinOptions {
  /** As Consul's log names the pool. */
  readonly cluster: "LAN" | "WAN";
  readonly addresses: readonly string[];
  readonly intervalMs: number;
  /** After the first attempt; 0: for ever. */
  readonly retriesMax: number;
}

export interface RetryJoinDependencies {
  /** Joins a pool. @returns how many members answered; rejects when none did */
  readonly join: (addresses: readonly string[]) => Promise<number>;
  /** For addresses that are to be asked of a cloud; each attempt asks anew. */
  readonly discovery: Discovery;
  readonly timers: Timers;
  readonly logger: Logger;
  /** It was tried as often as it may be: the agent ends, as Consul's does. */
  readonly onGivenUp: (error: Error) => void;
}

/** Joins in the background until it has worked once (`retry_join`). @returns cancel */
export function retryJoin(
  { cluster, addresses, intervalMs, retriesMax }: RetryJoinOptions,
  { join, discovery, timers, logger, onGivenUp }: RetryJoinDependencies,
): Cancel {
  if (addresses.length === 0) return () => {};
  let cancelled = false;
  let cancelTimer: Cancel = () => {};
  logger.info("Joining cluster...", { cluster });
  const attempt = async (retries: number): Promise<void> => {
    try {
      const found = await discovery.addresses(addresses, cluster);
      if (cancelled) return;
      if (found.length === 0) throw new Error("No servers to join");
      const members = await join(found);
      if (!cancelled)
        logger.info("Join cluster completed. Synced with initial agents", { cluster, num_agents: members });
    } catch (error) {
      if (cancelled) return;
      if (retriesMax > 0 && retries >= retriesMax) {
        const error = new Error(`agent: max join ${cluster} retry exhausted, exiting`);
        logger.error("Retry join failed", { error });
        onGivenUp(error);
        return;
      }
      logger.warn("Join cluster failed, will retry", {
        cluster,
        retry_interval: `${intervalMs / 1000}s`,
        error: error instanceof Error ? error.message : String(error),
      });
      cancelTimer = timers.after(intervalMs, () => void attempt(retries + 1));
    }
  };
  void attempt(0);
  return () => {
    cancelled = true;
    cancelTimer();
  };
}

export interface JoinAtStartDependencies {
  readonly lan: Pick<GossipPool, "join">;
  /** Undefined in agents that cannot be in that pool. */
  readonly wan: Pick<GossipPool, "join"> | undefined;
  readonly discovery: Discovery;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly onGivenUp: (error: Error) => void;
  /** Runs once the agent is in the LAN pool it is to be in: when it has joined, or at once where it names nobody. */
  readonly onJoined?: (() => void) | undefined;
}

/**
 * Joins what the configuration names. @returns cancel of what goes on in the
 * background; rejects when nobody of `start_join` could be joined.
 */
export async function joinAtStart(config: JoinConfig, dependencies: JoinAtStartDependencies): Promise<Cancel> {
  const { lan, wan, discovery, timers, logger, onGivenUp } = dependencies;
  let { onJoined } = dependencies;
  const joined = (): void => {
    onJoined?.();
    onJoined = undefined;
  };
  const joins = (name: "LAN" | "WAN", pool: Pick<GossipPool, "join">) => async (addresses: readonly string[]) => {
    const members = await joinTold(name, pool, addresses, logger);
    if (name === "LAN") joined();
    return members;
  };
  if (config.startLan.length === 0 && config.retryLan.length === 0) joined();
  if (config.startLan.length > 0) {
    logger.info("Joining cluster...");
    const members = await joins("LAN", lan)(config.startLan);
    logger.info("Join completed. Initial agents synced with", { agent_count: members });
  }
  if (config.startWan.length > 0 && wan !== undefined) {
    logger.info("Joining wan cluster...");
    const members = await joins("WAN", wan)(config.startWan);
    logger.info("Join wan completed. Initial agents synced with", { agent_count: members });
  }
  const background = [
    retryJoin(
      {
        cluster: "LAN",
        addresses: config.retryLan,
        intervalMs: config.retryIntervalLanMs,
        retriesMax: config.retryMaxLan,
      },
      { join: joins("LAN", lan), discovery, timers, logger, onGivenUp },
    ),
  ];
  if (wan !== undefined)
    background.push(
      retryJoin(
        {
          cluster: "WAN",
          addresses: config.retryWan,
          intervalMs: config.retryIntervalWanMs,
          retriesMax: config.retryMaxWan,
        },
        { join: joins("WAN", wan), discovery, timers, logger, onGivenUp },
      ),
    );
  return () => {
    for (const cancel of background) cancel();
  };
}

/** Joins a pool and tells it in Consul's words. Old events are not news to whoever joins. */
export async function joinTold(
  name: "LAN" | "WAN",
  pool: Pick<GossipPool, "join">,
  addresses: readonly string[],
  logger: Logger,
): Promise<number> {
  logger.info(`(${name}) joining`, { [`${name.toLowerCase()}_addresses`]: addresses.map(hideCloudSecrets) });
  try {
    const members = await pool.join(addresses, { ignoreOldEvents: true });
    logger.info(`(${name}) joined`, { number_of_nodes: members });
    return members;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    logger.warn(`(${name}) couldn't join`, { number_of_nodes: 0, error: text, ...encryptionHint(text) });
    throw error;
  }
}
