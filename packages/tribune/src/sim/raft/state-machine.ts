import { invariant } from "../../lib/invariant.ts";
import { randomInt } from "../../lib/random.ts";
import type { LogEntry, RaftEffect, SnapshotMeta } from "../../raft/index.ts";
import { KeyValue } from "./key-value.ts";
import type { Host, Life } from "./life.ts";
import { installUpdate, snapshotUpdate } from "./server-disk.ts";

/** What a server does with committed entries: applies them, one piece of work after the other, and takes snapshots. */
export class StateMachine {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  #enqueue(life: Life, work: () => void): void {
    life.queue.push(work);
    if (life.applying) return;
    life.applying = true;
    const run = (): void => {
      if (!this.#host.isCurrent(life)) return;
      const next = life.queue.shift();
      if (next === undefined) {
        life.applying = false;
        return;
      }
      next();
      this.#host.world.sim.after(this.#host.rng.next() * 2, run);
    };
    this.#host.world.sim.after(this.#host.rng.next() * 2, run);
  }

  /** In its turn: what came before is applied first. */
  apply(life: Life, entries: readonly LogEntry[]): void {
    this.#enqueue(life, () => this.#applyNow(life, entries));
  }

  #applyNow(life: Life, entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      invariant(entry.index === life.state.appliedIndex + 1, `${this.#host.id} applies with a gap at ${entry.index}`);
      const result = life.state.apply(entry);
      const done = life.waiting.get(entry.index);
      if (done !== undefined) {
        life.waiting.delete(entry.index);
        done({ result, index: entry.index });
      }
    }
    const { appliedIndex: index, digest } = life.state;
    this.#host.world.checker.stateAt(this.#host.id, index, digest);
    this.#host.feed(life, { type: "applied", index });
    if (this.#host.isCurrent(life)) this.#maybeSnapshot(life);
  }

  settle(life: Life, effect: Extract<RaftEffect, { type: "settle" }>): void {
    const { outcome } = effect;
    effect.proposals.forEach((id, at) => {
      const done = life.proposals.get(id);
      if (done === undefined) return;
      life.proposals.delete(id);
      if ("error" in outcome) done({ error: outcome.error });
      else if (outcome.firstIndex === 0) done({ result: undefined, index: 0 });
      else life.waiting.set(outcome.firstIndex + at, done);
    });
  }

  #maybeSnapshot(life: Life): void {
    const { appliedIndex } = life.state;
    const newest = this.#host.disk.durable.snapshot?.meta.index ?? 0;
    if (life.snapshotting || appliedIndex - newest < this.#host.snapshots.every) return;
    const entry = this.#host.world.checker.committedEntry(appliedIndex);
    if (entry === undefined) return;
    const { index: configurationIndex, configuration } = life.core.configurationAt(appliedIndex);
    const meta: SnapshotMeta = { index: appliedIndex, term: entry.term, configuration, configurationIndex };
    const firstIndex = Math.max(1, appliedIndex + 1 - randomInt(this.#host.rng, this.#host.snapshots.trailing + 1));
    life.snapshotting = true;
    this.#host.world.sim.record(`${this.#host.id} snapshot ${appliedIndex}, log from ${firstIndex}`);
    this.#host.disk.write(snapshotUpdate(meta, life.state.snapshot(), firstIndex), () => {
      life.snapshotting = false;
      this.#host.feed(life, { type: "snapshotTaken", snapshot: meta, firstIndex });
    });
  }

  install(life: Life, effect: Extract<RaftEffect, { type: "installSnapshot" }>): void {
    const bytes = life.incoming.get(effect.exchange);
    invariant(bytes !== undefined, `${this.#host.id} installs a snapshot it did not receive`);
    life.incoming.delete(effect.exchange);
    const { snapshot, write, keepLog } = effect;
    this.#host.world.sim.record(
      `${this.#host.id} installs snapshot ${snapshot.index}${keepLog ? " and keeps its log" : ""}`,
    );
    this.#host.disk.write(installUpdate(effect, bytes), () => {
      this.#enqueue(life, () => {
        life.state = KeyValue.restore(bytes);
        this.#host.world.checker.stateAt(this.#host.id, life.state.appliedIndex, life.state.digest);
        this.#host.world.checker.installs(this.#host.id, snapshot.index, snapshot.term, keepLog);
        this.#host.durable(life, write, { type: "snapshotInstalled", write });
      });
    });
  }
}
