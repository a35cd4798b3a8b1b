import type { Cancel, Timers } from "../../../lib/runtime.ts";
import type { SyncUnit } from "../local-state.ts";

/** Catalog writes under way at once. Enough to fill every group commit of a server, few enough for a small one. */
const MAX_PUSHES = 128;

export interface PusherOptions {
  /** Carries one unit out; a rejection stops the pusher until `retry`, or the next change. */
  readonly push: (unit: SyncUnit) => Promise<void>;
  /** The node's row goes before everything else: the other writes then leave it alone. */
  readonly nodeInSync: () => boolean;
  readonly onFailure: (unit: SyncUnit, error: unknown) => void;
}

/**
 * A set of units that wait for their push. Each waits at most once however often it changes, and never runs
 * twice at a time: so writes about one service reach the catalog in order, and different ones in parallel.
 */
export class Pusher {
  private readonly waiting = new Map<string, SyncUnit>();
  private readonly running = new Set<string>();
  private readonly options: PusherOptions;
  private readonly timers: Timers;
  private scheduled = false;
  private stalled = false;
  private paused = 0;
  private stopped = false;
  private idleWaiters: (() => void)[] = [];
  private readonly unitWaiters = new Map<string, (() => void)[]>();

  constructor(options: PusherOptions, deps: { timers: Timers }) {
    this.options = options;
    this.timers = deps.timers;
  }

  /** Starts on the next turn, so that a burst of changes to one unit costs one write. */
  add(unit: SyncUnit): void {
    this.waiting.set(keyOf(unit), unit);
    this.stalled = false;
    this.schedule();
  }

  /** Goes on after a failure. */
  retry(): void {
    this.stalled = false;
    this.schedule();
  }

  /** Nested; returns the function that ends this pause. */
  pause(): Cancel {
    this.paused++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      if (--this.paused === 0) this.schedule();
    };
  }

  get isPaused(): boolean {
    return this.paused > 0;
  }

  /** Resolves once nothing runs and nothing that could run waits: after success, failure, or stop. */
  idle(): Promise<void> {
    if (this.isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  /** Resolves once the unit neither waits nor runs, or nothing is started for now: a failure, a pause, stop. */
  pushed(unit: SyncUnit): Promise<void> {
    const key = keyOf(unit);
    if (!this.isUnderWay(key)) return Promise.resolve();
    return new Promise((resolve) => {
      const waiters = this.unitWaiters.get(key);
      if (waiters === undefined) this.unitWaiters.set(key, [resolve]);
      else waiters.push(resolve);
    });
  }

  private isUnderWay(key: string): boolean {
    if (this.stopped || this.stalled || this.paused > 0) return this.running.has(key);
    return this.waiting.has(key) || this.running.has(key);
  }

  private settleUnits(keys: Iterable<string>): void {
    for (const key of keys) {
      if (this.isUnderWay(key)) continue;
      const waiters = this.unitWaiters.get(key) ?? [];
      this.unitWaiters.delete(key);
      for (const resolve of waiters) resolve();
    }
  }

  /** Whether changes are left that a failure keeps back. */
  get hasFailed(): boolean {
    return this.stalled && this.waiting.size > 0;
  }

  stop(): void {
    this.stopped = true;
    this.waiting.clear();
    this.settleUnits([...this.unitWaiters.keys()]);
    this.settleIdle();
  }

  private schedule(): void {
    if (this.scheduled || this.stopped) return;
    this.scheduled = true;
    this.timers.soon(() => {
      this.scheduled = false;
      this.drain();
    });
  }

  private drain(): void {
    if (this.stalled || this.paused > 0 || this.stopped) {
      this.settleUnits([...this.unitWaiters.keys()]);
      this.settleIdle();
      return;
    }
    if (!this.options.nodeInSync()) {
      if (!this.running.has(NODE_KEY)) this.start(NODE_KEY, { kind: "node" });
      return;
    }
    for (const [key, unit] of this.waiting) {
      if (this.running.size >= MAX_PUSHES) return;
      if (!this.running.has(key)) this.start(key, unit);
    }
    this.settleIdle();
  }

  private start(key: string, unit: SyncUnit): void {
    this.waiting.delete(key);
    this.running.add(key);
    this.options.push(unit).then(
      () => this.finished(key),
      (error: unknown) => {
        if (!this.waiting.has(key)) this.waiting.set(key, unit);
        this.stalled = true;
        this.finished(key);
        this.options.onFailure(unit, error);
      },
    );
  }

  private finished(key: string): void {
    this.running.delete(key);
    this.settleUnits([key]);
    if (this.stopped) this.settleIdle();
    else this.drain();
  }

  private isIdle(): boolean {
    if (this.stopped) return this.running.size === 0;
    if (this.running.size > 0 || this.scheduled) return false;
    return this.waiting.size === 0 || this.stalled || this.paused > 0;
  }

  private settleIdle(): void {
    if (!this.isIdle()) return;
    const waiters = this.idleWaiters;
    this.idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}

const NODE_KEY = "node";

function keyOf(unit: SyncUnit): string {
  return unit.kind === "node" ? NODE_KEY : `${unit.kind}:${unit.id}`;
}
