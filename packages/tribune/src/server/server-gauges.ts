import type { MetricLabels, Metrics } from "../lib/metrics.ts";
import type { Cancel, Runtime } from "../lib/runtime.ts";
import type { Steps } from "../lib/steps.ts";
import type { PoolMember } from "../pool/types.ts";
import type { Database } from "../state/memdb/types.ts";
import { configEntryUsage, type ServiceUsage, serviceUsage, tableUsage } from "../state/usage.ts";
import { TimeSlice } from "./sliced.ts";

/** As often as Consul looks: once for each interval of the measurements. */
const PERIOD_MS = 10_000;

export interface ServerGaugesDependencies {
  readonly datacenter: string;
  readonly runtime: Pick<Runtime, "clock" | "timers">;
  readonly metrics: Metrics;
  readonly db: Database;
  readonly members: () => readonly PoolMember[];
  /** As of now. */
  readonly now: () => {
    readonly appliedIndex: number;
    readonly lastIndex: number;
    readonly peers: number;
    readonly isLeader: boolean;
    readonly sessionTimers: number;
    readonly blocked: number;
  };
  /** Unix time at which the oldest entry of the log was proposed; undefined where nobody knows. */
  readonly oldestEntryAtMs: () => Promise<number | undefined>;
  /** What was counted meanwhile is reported in the same rhythm. */
  readonly report: () => void;
}

/** What a server looks at from time to time: where Raft is, who waits, and how much the state holds. */
export class ServerGauges {
  readonly #d: ServerGaugesDependencies;
  readonly #own: MetricLabels;
  readonly #labels = new Map<string, MetricLabels>();
  #cancel: Cancel = () => {};
  #stopped = false;
  #services: { readonly index: number; readonly usage: ServiceUsage } | undefined;

  constructor(dependencies: ServerGaugesDependencies) {
    this.#d = dependencies;
    this.#own = [["datacenter", dependencies.datacenter]];
  }

  start(): void {
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #arm(): void {
    this.#cancel = this.#d.runtime.timers.after(PERIOD_MS, () => {
      this.#arm();
      this.#measure();
    });
  }

  #measure(): void {
    const { metrics, now, report } = this.#d;
    report();
    const { appliedIndex, lastIndex, peers, isLeader, sessionTimers, blocked } = now();
    metrics.gauge("raft.applied_index", appliedIndex);
    metrics.gauge("raft.last_index", lastIndex);
    metrics.gauge("raft.peers", peers);
    metrics.gauge("server.isLeader", isLeader ? 1 : 0);
    metrics.gauge("session_ttl.active", sessionTimers);
    metrics.gauge("rpc.queries_blocking", blocked);
    this.#members();
    void this.#oldestEntry();
    void this.#state();
  }

  async #oldestEntry(): Promise<void> {
    const { metrics, runtime, oldestEntryAtMs } = this.#d;
    try {
      const atMs = await oldestEntryAtMs();
      if (atMs !== undefined && !this.#stopped)
        metrics.gauge("raft.leader.oldestLogAge", Math.max(0, runtime.clock.wallMs() - atMs));
    } catch {
      // A log that cannot be read ends the server elsewhere; nothing to measure here.
    }
  }

  #members(): void {
    let servers = 0;
    let clients = 0;
    for (const { status, tags } of this.#d.members()) {
      if (status !== "alive") continue;
      if (tags.get("role") === "consul") servers++;
      else if (tags.get("role") === "node") clients++;
    }
    this.#gauge("members.servers", servers);
    this.#gauge("members.clients", clients);
  }

  async #state(): Promise<void> {
    const { db } = this.#d;
    const { nodes, kvEntries } = tableUsage(db);
    this.#gauge("state.nodes", nodes);
    this.#gauge("state.kv_entries", kvEntries);
    const view = db.snapshot();
    try {
      if (this.#services?.index !== view.index) {
        const usage = await this.#finish(serviceUsage(view));
        if (usage === undefined) return;
        this.#services = { index: view.index, usage };
      }
      const { services, instances, billable, byMeshKind } = this.#services.usage;
      this.#gauge("state.services", services);
      this.#gauge("state.service_instances", instances);
      this.#d.metrics.gauge("state.billable_service_instances", billable, this.#own);
      for (const [kind, count] of Object.entries(byMeshKind)) this.#gauge("state.connect_instances", count, kind);
      const entries = await this.#finish(configEntryUsage(view));
      for (const [kind, count] of Object.entries(entries ?? {})) this.#gauge("state.config_entries", count, kind);
    } finally {
      view.release();
    }
  }

  /** Gives way to others between the steps. @returns undefined once stopped */
  async #finish<T>(steps: Steps<T>): Promise<T | undefined> {
    const slice = new TimeSlice(this.#d.runtime);
    for (;;) {
      if (this.#stopped) return undefined;
      const step = steps.next();
      if (step.done === true) return step.value;
      if (slice.used) await slice.giveWay();
    }
  }

  /** Under the name of Consul's reference, and under the one that Consul 1.10 sends. */
  #gauge(name: string, value: number, kind = ""): void {
    const labels = kind === "" ? this.#own : this.#labelsOf(kind);
    this.#d.metrics.gauge(name, value, labels);
    this.#d.metrics.gauge(`consul.${name}`, value, labels);
  }

  #labelsOf(kind: string): MetricLabels {
    let labels = this.#labels.get(kind);
    if (labels === undefined) {
      labels = [...this.#own, ["kind", kind]];
      this.#labels.set(kind, labels);
    }
    return labels;
  }
}
