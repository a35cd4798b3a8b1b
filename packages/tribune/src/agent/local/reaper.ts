import type { Cancel, Runtime } from "../../lib/runtime.ts";
import type { LocalState } from "./local-state.ts";

export interface ReaperOptions {
  /** Grace periods are at least this long (`check_deregister_interval_min`). */
  readonly minGraceMs: number;
  /** Removes the service of a check that has been critical for its whole grace period. */
  readonly onExpired: (serviceId: string, checkId: string) => void;
}

/**
 * `deregister_critical_service_after`: one timer for each check that is critical and has a grace period, so that
 * a service goes when its time is up, not at some round of a sweep.
 */
export class Reaper {
  private readonly options: ReaperOptions;
  private readonly runtime: Pick<Runtime, "clock" | "timers">;
  private readonly state: LocalState;
  private readonly graceMs = new Map<string, number>();
  private readonly timers = new Map<string, Cancel>();
  private unlisten: Cancel = () => {};

  constructor(options: ReaperOptions, deps: { runtime: Pick<Runtime, "clock" | "timers">; state: LocalState }) {
    this.options = options;
    this.runtime = deps.runtime;
    this.state = deps.state;
  }

  start(): void {
    this.unlisten = this.state.listen({ criticalChanged: (checkId) => this.follow(checkId) });
    for (const checkId of this.graceMs.keys()) this.follow(checkId);
  }

  stop(): void {
    this.unlisten();
    for (const cancel of this.timers.values()) cancel();
    this.timers.clear();
  }

  /** @param graceMs 0 for a check that never takes its service away. */
  watch(checkId: string, graceMs: number): void {
    if (graceMs > 0) this.graceMs.set(checkId, Math.max(graceMs, this.options.minGraceMs));
    else this.graceMs.delete(checkId);
    this.follow(checkId);
  }

  private follow(checkId: string): void {
    this.timers.get(checkId)?.();
    this.timers.delete(checkId);
    const entry = this.state.checks.get(checkId);
    const graceMs = this.graceMs.get(checkId);
    const serviceId = entry?.check?.ServiceID ?? "";
    if (entry?.criticalSinceMs === undefined || graceMs === undefined || serviceId === "") return;
    const leftMs = entry.criticalSinceMs + graceMs - this.runtime.clock.nowMs();
    this.timers.set(
      checkId,
      this.runtime.timers.after(Math.max(0, leftMs), () => {
        this.timers.delete(checkId);
        this.options.onExpired(serviceId, checkId);
      }),
    );
  }
}
