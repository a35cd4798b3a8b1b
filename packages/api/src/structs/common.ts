import { bool, duration, int, struct, text, uint } from "../schema.ts";

/** Raft indexes of the entry that created a row and of the last one that changed it. */
export const raftIndex = { CreateIndex: uint, ModifyIndex: uint };

/** What every read carries on the RPC wire. Times are nanoseconds. */
export const queryOptions = {
  Token: text,
  /** Block until the result is newer than this; 0 answers at once. */
  MinQueryIndex: uint,
  MaxQueryTime: duration,
  AllowStale: bool,
  RequireConsistent: bool,
  UseCache: bool,
  MaxStaleDuration: duration,
  MaxAge: duration,
  MustRevalidate: bool,
  StaleIfError: duration,
  Filter: text,
  AllowNotModifiedResponse: bool,
};

/** What every reply to a read carries on the RPC wire. */
export const queryMeta = {
  Index: uint,
  /** Nanoseconds since this server last heard from the leader; 0 on the leader. */
  LastContact: duration,
  KnownLeader: bool,
  ConsistencyLevel: text,
  NotModified: bool,
  Backend: int,
};

/** The reply of methods that only succeed or fail. */
export const nothing = struct("Empty", {});
