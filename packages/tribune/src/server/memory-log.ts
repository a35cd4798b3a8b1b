import type { LogEntry } from "../raft/types.ts";
import type { DurableLog } from "./storage-port.ts";

/** The log of a server that keeps nothing (`-dev`). Entries stay until a snapshot covers them. */
export class MemoryLog implements DurableLog {
  #entries: LogEntry[] = [];
  #firstIndex = 1;
  mayHoldTheLoop = true;
  readonly pendingSyncMs = undefined;

  get firstIndex(): number {
    return this.#firstIndex;
  }

  get lastIndex(): number {
    return this.#firstIndex + this.#entries.length - 1;
  }

  term(index: number): number | undefined {
    return this.#entries[index - this.#firstIndex]?.term;
  }

  append(change: { readonly truncateFrom?: number; readonly entries: readonly LogEntry[] }): Promise<void> {
    if (change.truncateFrom !== undefined)
      this.#entries.length = Math.min(this.#entries.length, Math.max(0, change.truncateFrom - this.#firstIndex));
    for (const entry of change.entries) this.#entries.push(entry);
    return Promise.resolve();
  }

  read(low: number, high: number): Promise<readonly LogEntry[]> {
    return Promise.resolve(this.#entries.slice(Math.max(0, low - this.#firstIndex), high - this.#firstIndex));
  }

  compact(upTo: number): Promise<void> {
    const count = Math.min(Math.max(0, upTo + 1 - this.#firstIndex), this.#entries.length);
    this.#entries = this.#entries.slice(count);
    this.#firstIndex += count;
    return Promise.resolve();
  }

  reset(index: number): Promise<void> {
    this.#entries = [];
    this.#firstIndex = index + 1;
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
