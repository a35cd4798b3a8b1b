/**
 * What the log keeps. The shapes are those of the Raft core, declared again because storage may not know
 * Raft: TypeScript compares them where the server joins the two.
 */
export type EntryType = "command" | "noop" | "barrier" | "configuration";

export interface LogEntry {
  /** 1-based, without gaps. */
  readonly index: number;
  readonly term: number;
  readonly type: EntryType;
  readonly data: Uint8Array;
  readonly extensions?: Uint8Array;
  /** Wall clock of the leader that appended it, Unix milliseconds. */
  readonly appendedAtMs?: number;
}

/** Raft Figure 2, "Persistent state on all servers", without the log. */
export interface HardState {
  readonly term: number;
  readonly votedFor: string | undefined;
}
