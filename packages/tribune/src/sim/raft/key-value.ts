import { createHash } from "node:crypto";
import type { LogEntry, LogIndex } from "../../raft/types.ts";

/** What clients do. Values are unique across a run, so that a read names the write it saw. */
export type Command =
  | { readonly op: "put"; readonly key: string; readonly value: number }
  | { readonly op: "cas"; readonly key: string; readonly expected: number; readonly value: number };

/** `value` is what the key held: before a cas, after a put. */
export interface CommandResult {
  readonly ok: boolean;
  readonly value: number;
}

export function encodeCommand(command: Command): Uint8Array {
  return Buffer.from(JSON.stringify(command));
}

/** The state machine under test: a map, and a digest of every entry that made it what it is. */
export class KeyValue {
  readonly #values = new Map<string, number>();
  appliedIndex: LogIndex = 0;
  /** Equal on two servers at one index exactly when both applied the same entries in the same order. */
  digest = "";

  get(key: string): number {
    return this.#values.get(key) ?? 0;
  }

  apply(entry: LogEntry): CommandResult | undefined {
    this.appliedIndex = entry.index;
    this.digest = entryDigest(this.digest, entry);
    if (entry.type !== "command") return undefined;
    const command = JSON.parse(Buffer.from(entry.data).toString()) as Command;
    const current = this.get(command.key);
    if (command.op === "cas" && current !== command.expected) return { ok: false, value: current };
    this.#values.set(command.key, command.value);
    return { ok: true, value: command.op === "cas" ? current : command.value };
  }

  snapshot(): string {
    return JSON.stringify({ values: [...this.#values], appliedIndex: this.appliedIndex, digest: this.digest });
  }

  static restore(snapshot: string): KeyValue {
    const { values, appliedIndex, digest } = JSON.parse(snapshot) as {
      values: [string, number][];
      appliedIndex: number;
      digest: string;
    };
    const state = new KeyValue();
    for (const [key, value] of values) state.#values.set(key, value);
    state.appliedIndex = appliedIndex;
    state.digest = digest;
    return state;
  }
}

function entryDigest(previous: string, entry: LogEntry): string {
  return createHash("md5")
    .update(`${previous} ${entry.index} ${entry.term} ${entry.type}`)
    .update(entry.data)
    .digest("base64");
}
