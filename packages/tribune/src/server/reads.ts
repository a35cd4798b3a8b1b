import { historyContracts } from "@tribune/api";
import type { Method } from "../endpoints/binding.ts";
import { TribuneError } from "../lib/errors.ts";
import { type CallTimes, type QuestionCounts, timeOfRead } from "./call-measures.ts";
import type { ServerIdentity } from "./identity.ts";
import type { Leadership } from "./leadership.ts";
import type { Answered, Compute, QueryEngine } from "./query-engine.ts";
import type { RaftHost, RoleChange } from "./raft-host.ts";

/** A read as the server sees it; the doors' calls have this shape. */
export interface ServerRead {
  readonly endpoint: Method;
  readonly key: string;
  readonly request: unknown;
  readonly minIndex: number;
  readonly waitMs: number;
  readonly consistency: "leader" | "stale" | "consistent";
  readonly datacenter: string;
}

export interface Freshness {
  readonly knownLeader: boolean;
  readonly lastContactMs: number;
}

export interface ServerReadOutcome {
  readonly answer: Answered;
  readonly meta: Freshness;
}

export interface ServerReadsDependencies {
  readonly identity: ServerIdentity;
  readonly connectEnabled: boolean;
  readonly intentionsDefaultAllow: boolean;
  readonly engine: QueryEngine;
  /** Of what this server has recorded by itself; absent where it records nothing. */
  readonly history: QueryEngine | undefined;
  readonly leadership: Leadership;
  readonly questions: QuestionCounts;
  readonly times: CallTimes;
  readonly host: () => RaftHost;
  readonly role: () => RoleChange;
}

/** When a server may answer from its state: at once, after a wait, or after a quorum has confirmed that it leads. */
export class ServerReads {
  readonly #d: ServerReadsDependencies;

  constructor(dependencies: ServerReadsDependencies) {
    this.#d = dependencies;
  }

  /** @throws TribuneError for a datacenter that cannot be reached from here. */
  requireDatacenter(asked: string): void {
    // Only the own datacenter can be reached without a WAN pool.
    if (asked !== this.#d.identity.datacenter && asked !== "") throw TribuneError.of("NO_DC_PATH");
  }

  /** Whose question it is. @throws TribuneError */
  #engineOf({ endpoint: { contract } }: ServerRead): QueryEngine {
    const { engine, history } = this.#d;
    if (contract.kind !== "read" || contract.rpc !== historyContracts.historyRecent.rpc) return engine;
    if (history === undefined) throw TribuneError.of("NO_HISTORY");
    return history;
  }

  #computeOf({ endpoint, request }: ServerRead): Compute {
    const { identity, connectEnabled, intentionsDefaultAllow } = this.#d;
    const { datacenter, name: nodeName } = identity;
    const context = { datacenter, nodeName, connectEnabled, intentionsDefaultAllow };
    return (tx) => endpoint.binding.query(tx, request, context);
  }

  /** The answer if the mode asked for lets it be had at once. Throws what the query refuses. */
  now(read: ServerRead): ServerReadOutcome | undefined {
    if (read.consistency === "consistent") return undefined;
    if (read.consistency === "leader" && !this.mayReadAsLeader()) return undefined;
    const done = this.#d.times.begin(timeOfRead(read.endpoint));
    this.requireDatacenter(read.datacenter);
    const answer = this.#engineOf(read).askNow(read.key, this.#computeOf(read));
    if (answer === undefined) return undefined;
    this.#d.questions.answered(read.endpoint, read.key, read.request, answer.reply);
    done?.();
    return { answer, meta: this.freshness() };
  }

  /** Answers by callback, at once where that is possible. @returns cancel, after which nothing comes. */
  later(read: ServerRead, deliver: (outcome: ServerReadOutcome | Error) => void): () => void {
    const done = this.#d.times.begin(timeOfRead(read.endpoint));
    if (done === undefined) return this.#later(read, deliver);
    return this.#later(read, (outcome) => {
      done();
      deliver(outcome);
    });
  }

  #later(read: ServerRead, deliver: (outcome: ServerReadOutcome | Error) => void): () => void {
    const { consistency } = read;
    if (consistency === "stale") return this.#ask(read, deliver);
    let cancelled = false;
    const show =
      read.minIndex === 0
        ? deliver
        : (outcome: ServerReadOutcome | Error) =>
            this.#showAsLeader(outcome, (checked) => {
              if (!cancelled) deliver(checked);
            });
    const ask = (): void => {
      if (!cancelled) cancel = this.#ask(read, show);
    };
    let cancel = (): void => {};
    if (consistency === "leader" && this.mayReadAsLeader()) ask();
    else
      cancel = this.#d.leadership.whenReady((refusal) => {
        if (cancelled) return;
        if (refusal !== undefined) deliver(refusal);
        else if (consistency === "leader" && this.mayReadAsLeader()) ask();
        else
          this.#d
            .host()
            .verifyLeader()
            .then(ask, (error: unknown) => {
              if (!cancelled) deliver(error as Error);
            });
      });
    return () => {
      cancelled = true;
      cancel();
    };
  }

  /**
   * A leader that stood still, or was cut off, may have been replaced without knowing: only its lease says that it was
   * not. Without one a quorum is asked.
   */
  mayReadAsLeader(): boolean {
    return this.#d.leadership.ready && this.#d.host().mayReadByLease();
  }

  /** An answer that was waited for may come from a leader that is none any more: then its time is not worth much. */
  #showAsLeader(outcome: ServerReadOutcome | Error, deliver: (outcome: ServerReadOutcome | Error) => void): void {
    if (outcome instanceof Error || this.mayReadAsLeader()) deliver(outcome);
    // It was made by what this server holds, which may lack what another leader has acknowledged since.
    else if (!this.#d.leadership.ready) deliver(TribuneError.of("NO_LEADER"));
    else
      this.#d
        .host()
        .verifyLeader()
        .then(
          () => deliver(outcome),
          (error: unknown) => deliver(error as Error),
        );
  }

  #ask(read: ServerRead, deliver: (outcome: ServerReadOutcome | Error) => void): () => void {
    try {
      this.requireDatacenter(read.datacenter);
      const compute = this.#computeOf(read);
      const engine = this.#engineOf(read);
      const show = (answer: Answered): void => {
        this.#d.questions.answered(read.endpoint, read.key, read.request, answer.reply);
        deliver({ answer, meta: this.freshness() });
      };
      return read.minIndex === 0
        ? engine.askLater(read.key, compute, show, deliver)
        : engine.wait(read.key, compute, read.minIndex, read.waitMs, show, deliver);
    } catch (error) {
      deliver(error as Error);
      return () => {};
    }
  }

  /** How fresh what this server holds is. */
  freshness(): Freshness {
    const { role, leader } = this.#d.role();
    if (role === "leader") return LEADER_META;
    const lastContactMs = Math.floor(this.#d.host().lastContactMs ?? NEVER_MS);
    return { knownLeader: leader !== undefined, lastContactMs };
  }
}

const LEADER_META = { knownLeader: true, lastContactMs: 0 } as const;
/** Go's longest duration: what Consul says while it never heard from a leader. */
const NEVER_MS = 9_223_372_036_854;
