/** A write or sync failed: what the disk holds is unknown until a restart reads it again. The process must stop. */
export class LogFailedError extends Error {
  override readonly name = "LogFailedError";

  constructor(cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `raft log: a write failed (${reason}), so nothing more is acknowledged. Free space or replace the disk, then ` +
        "restart: the log is read again and everything acknowledged before is kept",
      { cause },
    );
  }
}

/**
 * The log on disk holds something that no crash leaves behind. Nothing was changed: cutting here could lose
 * acknowledged writes, which is the operator's decision, not ours.
 */
export class LogDamagedError extends Error {
  override readonly name = "LogDamagedError";
  readonly path: string;
  /** Byte at which the damage starts. */
  readonly offset: number;

  constructor(path: string, offset: number, finding: string) {
    super(
      `raft log is damaged: ${path} at byte ${offset}: ${finding}. Nothing was changed. If the other servers of this ` +
        "datacenter are healthy, stop this one, move its raft directory away and start it again: it gets the state " +
        "from the leader. If it is the only server, copy the data directory first, then restore a snapshot into an " +
        "empty one",
    );
    this.path = path;
    this.offset = offset;
  }
}
