/**
 * Where a run listens inside the product, and where it breaks it on purpose: methods of its classes are replaced for as
 * long as the run lasts. One run at a time in a process.
 */
import { createHash } from "node:crypto";
import { Pusher } from "../../agent/local/anti-entropy/pusher.ts";
import { StateSyncer } from "../../agent/local/anti-entropy/state-syncer.ts";
import type { LogEntry } from "../../raft/types.ts";
import { MemberDuties } from "../../server/leader/member-duties.ts";
import { QueryEngine } from "../../server/query-engine.ts";
import { RaftHost } from "../../server/raft-host.ts";
import { ReplicatedState } from "../../server/replicated-state.ts";

export const BROKEN_RULES = [
  "ack-before-quorum",
  "fsync-lies",
  "anti-entropy-off",
  "reconcile-off",
  "drifting-replica",
  "deaf-waiters",
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
      return both(
        replace(Pusher.prototype, "add", () => () => {}),
        replace(StateSyncer.prototype, "start", () => () => {}),
      );
    case "reconcile-off":
      return both(
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
  }
}

function both(one: Undo, other: Undo): Undo {
  return () => {
    one();
    other();
  };
}

export interface Listener {
  /** An entry was applied to one server's state, in one of its lives; `state` is the whole of it, now and then. */
  applied(entry: LogEntry, state: string | undefined): void;
}

/** Hears every entry that any server applies; the state behind each `stateEvery`th index comes with it, as a hash. */
export function listen(listener: Listener, stateEvery: number): Undo {
  return replace(
    ReplicatedState.prototype,
    "apply",
    (apply) =>
      function (this: ReplicatedState, entry) {
        const result = apply.call(this, entry);
        listener.applied(entry, entry.index % stateEvery === 0 ? stateHash(this) : undefined);
        return result;
      },
  );
}

function stateHash(state: ReplicatedState): string {
  const snapshot = state.snapshot();
  const hash = createHash("sha1");
  for (const chunk of snapshot.chunks) hash.update(chunk);
  snapshot.release();
  return hash.digest("hex");
}
