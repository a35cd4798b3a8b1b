/**
 * Where a run listens inside the product, and where it breaks it on purpose: methods of its classes are replaced for as
 * long as the run lasts. One run at a time in a process.
 */
import { createHash } from "node:crypto";
import { AgentCache } from "../../agent/cache/agent-cache.ts";
import { Pusher } from "../../agent/local/anti-entropy/pusher.ts";
import { StateSyncer } from "../../agent/local/anti-entropy/state-syncer.ts";
import { Swim } from "../../gossip/swim/swim.ts";
import { SnapshotWriter } from "../../pool/snapshot-writer.ts";
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
  "forgotten-incarnation",
  "stale-cache",
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
          function (this: ReplicatedState, ...given) {
            return ++applied % 101 === 0 ? undefined : apply.apply(this, given);
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
    case "forgotten-incarnation":
      return replace(
        SnapshotWriter.prototype,
        "open",
        (open) =>
          async function (this: SnapshotWriter, ...given) {
            return { ...(await open.apply(this, given)), incarnation: 0 };
          },
      );
    case "stale-cache": {
      const kept = new WeakMap<AgentCache, Map<string, ReturnType<AgentCache["readNow"]>>>();
      return replace(
        AgentCache.prototype,
        "readNow",
        (readNow) =>
          function (this: AgentCache, call) {
            if (call.minIndex > 0) return readNow.call(this, call);
            const answers = kept.get(this) ?? new Map();
            kept.set(this, answers);
            const answer = answers.get(call.key) ?? readNow.call(this, call);
            if (answer !== undefined) answers.set(call.key, answer);
            return answer;
          },
      );
    }
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
  /** A member, in one life of its, is in this incarnation. */
  lives(name: string, life: object, incarnation: number): void;
  /** A server that leads, or believes to, proposes a command. */
  proposes(data: Uint8Array): void;
  /** An entry was applied to one server's state, in one of its lives; `state` is the whole of it, now and then. */
  applied(entry: LogEntry, state: string | undefined): void;
}

/**
 * Hears in which incarnation every member is, every command that a leader proposes and every entry that any server
 * applies; the state behind each `stateEvery`th index comes with it, as a hash. What is proposed is frozen.
 */
export function listen(listener: Listener, stateEvery: number): Undo {
  return allOf(
    replace(
      Swim.prototype,
      "step",
      (step) =>
        function (this: Swim, ...given) {
          const effects = step.apply(this, given);
          listener.lives(this.local.name, this, this.local.incarnation);
          return effects;
        },
    ),
    replace(
      RaftHost.prototype,
      "propose",
      (propose) =>
        function (this: RaftHost, ...given) {
          const [data, , decoded] = given;
          if (this.status().role === "leader") listener.proposes(data);
          freeze(decoded?.request);
          return propose.apply(this, given);
        },
    ),
    replace(
      ReplicatedState.prototype,
      "apply",
      (apply) =>
        function (this: ReplicatedState, ...given) {
          const [entry] = given;
          const result = apply.apply(this, given);
          listener.applied(entry, entry.index % stateEvery === 0 ? stateHash(this) : undefined);
          return result;
        },
    ),
  );
}

/**
 * A leader's state shares its requests with whoever made them (`codec/decoded-form.ts`): from now on none of these may be
 * changed, and whoever tries it throws.
 */
function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const part of Object.values(value)) freeze(part);
}

function stateHash(state: ReplicatedState): string {
  const snapshot = state.snapshot();
  const hash = createHash("sha1");
  for (const chunk of snapshot.chunks) hash.update(chunk);
  snapshot.release();
  return hash.digest("hex");
}
