/**
 * Where a run listens inside the product, and where it breaks it on purpose: methods of its classes are replaced for as
 * long as the run lasts. One run at a time in a process.
 */
import { createHash } from "node:crypto";
import { Pusher } from "../../agent/local/anti-entropy/pusher.ts";
import { StateSyncer } from "../../agent/local/anti-entropy/state-syncer.ts";
import type { LogEntry } from "../../raft/types.ts";
import { MemberDuties } from "../../server/leader/member-duties.ts";
import { Answered, QueryEngine } from "../../server/query-engine.ts";
import { RaftHost } from "../../server/raft-host.ts";
import { ReplicatedState } from "../../server/replicated-state.ts";
import { Server } from "../../server/server.ts";

export const BROKEN_RULES = [
  "ack-before-quorum",
  "fsync-lies",
  "anti-entropy-off",
  "reconcile-off",
  "drifting-replica",
  "deaf-waiters",
  "follower-reads",
  "endless-lease",
  "kept-index",
] as const;
export type BrokenRule = (typeof BROKEN_RULES)[number];

type Undo = () => void;

/** `make` gets the method as it was, to be called with `this`. */
function replace<T extends object, K extends keyof T>(prototype: T, name: K, make: (original: T[K]) => T[K]): Undo {
  const original = prototype[name];
  prototype[name] = make(original);
  return () => {
    prototype[name] = original;
  };
}

/** Breaks one rule until the returned function is called. `fsync-lies` is the disk's: see `SimFiles.syncLies`. */
export function breakRule(rule: BrokenRule): Undo {
  switch (rule) {
    case "ack-before-quorum":
      return replace(
        RaftHost.prototype,
        "propose",
        (propose) =>
          function (this: RaftHost, ...given) {
            propose.apply(this, given).catch(() => {});
            return Promise.resolve(true);
          },
      );
    case "fsync-lies":
      return () => {};
    case "anti-entropy-off":
      return allOf(
        replace(Pusher.prototype, "add", () => () => {}),
        replace(StateSyncer.prototype, "start", () => () => {}),
      );
    case "reconcile-off":
      return allOf(
        replace(MemberDuties.prototype, "begin", () => () => {}),
        replace(MemberDuties.prototype, "event", () => () => {}),
      );
    case "drifting-replica": {
      let applied = 0;
      return replace(
        ReplicatedState.prototype,
        "apply",
        (apply) =>
          function (this: ReplicatedState, entry) {
            return ++applied % 101 === 0 ? undefined : apply.call(this, entry);
          },
      );
    }
    case "deaf-waiters":
      return replace(
        QueryEngine.prototype,
        "wait",
        (wait) =>
          function (this: QueryEngine, ...given: Parameters<QueryEngine["wait"]>) {
            given[2] += 1e9;
            return wait.apply(this, given);
          } as QueryEngine["wait"],
      );
    case "follower-reads":
      return allOf(
        replace(
          Server.prototype,
          "mayAnswer",
          (mayAnswer) =>
            function (this: Server, answeredBy, request) {
              return mayAnswer.call(this, answeredBy, answeredBy === "asked" ? { AllowStale: true } : request);
            },
        ),
        replace(
          Server.prototype,
          "readNow",
          (readNow) =>
            function (this: Server, read) {
              return readNow.call(this, unasked(read));
            },
        ),
        replace(
          Server.prototype,
          "readLater",
          (readLater) =>
            function (this: Server, read, deliver) {
              return readLater.call(this, unasked(read), deliver);
            },
        ),
      );
    case "endless-lease":
      return replace(RaftHost.prototype, "mayReadByLease", () => () => true);
    case "kept-index":
      return replace(Answered.prototype, "date", () => () => {});
  }
}

function allOf(...undo: readonly Undo[]): Undo {
  return () => {
    for (const each of undo.toReversed()) each();
  };
}

/** A default read, as if nobody had to be asked for it. */
function unasked<R extends Parameters<Server["readNow"]>[0]>(read: R): R {
  return read.consistency === "leader" ? { ...read, consistency: "stale" } : read;
}

export interface Listener {
  /** A server that leads, or believes to, proposes a command. */
  proposes(data: Uint8Array): void;
  /** An entry was applied to one server's state, in one of its lives; `state` is the whole of it, now and then. */
  applied(entry: LogEntry, state: string | undefined): void;
}

/**
 * Hears every command that a leader proposes and every entry that any server applies; the state behind each
 * `stateEvery`th index comes with it, as a hash.
 */
export function listen(listener: Listener, stateEvery: number): Undo {
  return allOf(
    replace(
      RaftHost.prototype,
      "propose",
      (propose) =>
        function (this: RaftHost, data, extensions) {
          if (this.status().role === "leader") listener.proposes(data);
          return propose.call(this, data, extensions);
        },
    ),
    replace(
      ReplicatedState.prototype,
      "apply",
      (apply) =>
        function (this: ReplicatedState, entry) {
          const result = apply.call(this, entry);
          listener.applied(entry, entry.index % stateEvery === 0 ? stateHash(this) : undefined);
          return result;
        },
    ),
  );
}

function stateHash(state: ReplicatedState): string {
  const snapshot = state.snapshot();
  const hash = createHash("sha1");
  for (const chunk of snapshot.chunks) hash.update(chunk);
  snapshot.release();
  return hash.digest("hex");
}
