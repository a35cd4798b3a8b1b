import type { Logger } from "../../../lib/log.ts";
import type { Metrics } from "../../../lib/metrics.ts";
import { randomStagger } from "../../../lib/random.ts";
import type { Cancel, Runtime } from "../../../lib/runtime.ts";
import type { LocalState, SyncUnit } from "../local-state.ts";
import type { AgentTokens, CatalogPort } from "../types.ts";
import { markDifferences } from "./diff.ts";
import { pushUnit } from "./push.ts";
import { Pusher } from "./pusher.ts";

/** Nodes up to which the delays are not stretched; every doubling beyond it adds one more unit. */
const SCALE_THRESHOLD = 128;
/** After a server has come up, every agent syncs within this time (times the scale), not all at once. */
const SERVER_UP_STAGGER_MS = 3_000;
/** An agent that has not compared yet waits no longer than it takes for the servers to see 64 of its cluster a second. */
const FIRST_SYNC_MS_PER_NODE = 15.625;
/** A failed sync is retried after this time plus a stagger of the same length. */
const RETRY_MS = 15_000;

export interface StateSyncerOptions {
  /** Between two full syncs, before the stagger (`ae_interval`, 1 minute). */
  readonly intervalMs: number;
  /** Members of the LAN pool, this agent included. */
  readonly clusterSize: () => number;
  /** Outputs that changed alone may wait (`check_update_interval` is not 0). */
  readonly deferOutput: boolean;
}

export interface StateSyncerDeps {
  readonly state: LocalState;
  readonly catalog: CatalogPort;
  readonly tokens: AgentTokens;
  readonly runtime: Pick<Runtime, "timers" | "rng">;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Anti-entropy: the agent's local state is the truth about its services, and the catalog follows it.
 *
 * A change is pushed at once. Besides, at the start, each minute or so, and when servers come up, the whole
 * state is compared with the catalog, which heals whatever else went wrong: lost writes, edits by others, rows
 * left over from an earlier life of this node.
 */
export class StateSyncer {
  private readonly options: StateSyncerOptions;
  private readonly deps: StateSyncerDeps;
  /** For what fails; what was done is told in the agent's own name, as Consul does. */
  private readonly log: Logger;
  private readonly pusher: Pusher;
  private nextFull: Cancel = () => {};
  private requested: Cancel | undefined;
  private retrying: Cancel | undefined;
  private running: Promise<void> | undefined;
  private again = false;
  /** The catalog has been read once: before, it may lack everything that is registered here. */
  private hasCompared = false;
  private started = false;
  private unlisten: Cancel = () => {};

  constructor(options: StateSyncerOptions, deps: StateSyncerDeps) {
    this.options = options;
    this.deps = deps;
    this.log = deps.logger.named("anti_entropy");
    this.pusher = new Pusher(
      {
        push: (unit) => pushUnit(unit, deps),
        nodeInSync: () => deps.state.nodeInSync,
        onFailure: (unit, error) => {
          this.log.error("failed to sync changes", { ...unit, error: textOf(error) });
          this.retryLater();
        },
      },
      { timers: deps.runtime.timers },
    );
  }

  /** Compares at once and follows every change from now on. */
  start(): void {
    this.started = true;
    this.unlisten = this.deps.state.listen({ dirty: (unit) => this.pusher.add(unit) });
    this.beginFullSync();
  }

  /** Nothing is started any more; resolves when the last catalog call has come back. */
  async stop(): Promise<void> {
    this.started = false;
    this.unlisten();
    for (const cancel of [this.nextFull, this.requested, this.retrying]) cancel?.();
    this.pusher.stop();
    await this.running;
    await this.pusher.idle();
  }

  /**
   * Asks for a full sync: at once, or within the stagger after a server came up. Asking again while one is due
   * changes nothing. An agent at its start often knows a server only some milliseconds after it has looked for one: it
   * must not be missing for seconds then.
   */
  requestFullSync(when: "now" | "staggered"): void {
    if (!this.started) return;
    if (when === "now") {
      this.beginFullSync();
      return;
    }
    if (this.requested !== undefined) return;
    const { timers } = this.deps.runtime;
    const begin = (): void => {
      this.requested = undefined;
      this.beginFullSync();
    };
    const wait = (): void => {
      this.requested = timers.after(this.serverUpDelay(), begin);
    };
    // Who came to know a server by joining knows in the next turn how many others there are.
    if (this.hasCompared) wait();
    else this.requested = timers.after(0, wait);
  }

  /** Holds all pushes back while the state is rebuilt (a reload); nested. Returns the end of this pause. */
  pause(): Cancel {
    return this.pusher.pause();
  }

  get isPaused(): boolean {
    return this.pusher.isPaused;
  }

  /** Resolves when everything known so far has been pushed, or has failed. */
  async settled(): Promise<void> {
    while (this.running !== undefined) await this.running;
    await this.pusher.idle();
  }

  /** Resolves when one unit has been pushed, or cannot be for now. Others do not hold this up. */
  pushed(unit: SyncUnit): Promise<void> {
    return this.pusher.pushed(unit);
  }

  private beginFullSync(): void {
    this.requested?.();
    this.requested = undefined;
    if (this.running !== undefined) {
      // What is under way may have read the catalog before the reason for this request.
      this.again = true;
      return;
    }
    this.nextFull();
    this.nextFull = this.deps.runtime.timers.after(
      this.options.intervalMs + this.stagger(this.options.intervalMs),
      () => this.beginFullSync(),
    );
    this.running = this.fullSync().finally(() => {
      this.running = undefined;
      if (!this.started || !this.again) return;
      this.again = false;
      this.beginFullSync();
    });
  }

  private async fullSync(): Promise<void> {
    const { state, catalog, tokens } = this.deps;
    if (this.pusher.isPaused) {
      this.retryLater();
      return;
    }
    const since = state.mark();
    const query = { node: state.identity().Node, token: tokens.agentToken() };
    try {
      const [remote, checks] = await Promise.all([catalog.nodeServices(query), catalog.nodeChecks(query)]);
      if (!this.started) return;
      // A pause may have begun meanwhile: what the state lacks just now is not to be removed from the catalog.
      if (this.pusher.isPaused) {
        this.retryLater();
        return;
      }
      this.hasCompared = true;
      markDifferences(state, { ...remote, checks }, since, this.options);
      this.pusher.retry();
    } catch (error) {
      if (!this.started) return;
      this.log.error("failed to sync remote state", { error: textOf(error) });
      this.retryLater();
    }
  }

  private retryLater(): void {
    if (this.retrying !== undefined || !this.started) return;
    this.retrying = this.deps.runtime.timers.after(RETRY_MS + this.stagger(RETRY_MS), () => {
      this.retrying = undefined;
      this.beginFullSync();
    });
  }

  private serverUpDelay(): number {
    const size = this.options.clusterSize();
    const usualMs = SERVER_UP_STAGGER_MS * scaleFactor(size);
    const mostMs = this.hasCompared ? usualMs : Math.min(usualMs, FIRST_SYNC_MS_PER_NODE * size);
    return randomStagger(this.deps.runtime.rng, mostMs);
  }

  private stagger(ms: number): number {
    return randomStagger(this.deps.runtime.rng, ms * scaleFactor(this.options.clusterSize()));
  }
}

/** By how much larger clusters spread their syncs: 1 up to 128 nodes, 2 up to 256, 3 up to 512 ... */
export function scaleFactor(nodes: number): number {
  if (nodes <= SCALE_THRESHOLD) return 1;
  return Math.ceil(Math.log2(nodes) - Math.log2(SCALE_THRESHOLD)) + 1;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
