import type { HealthCheck, HistorySince, Node, NodeService, Transition } from "@tribune/api";
import { fold } from "../catalog/tables.ts";
import { deepEqual } from "../deep-equal.ts";
import type { CatalogChange } from "../effects.ts";
import { createDatabase } from "../memdb/database.ts";
import type { Database, WriteTx } from "../memdb/types.ts";
import { HISTORY_MARKS, seqKey, TRANSITIONS } from "./tables.ts";

export interface HistoryLimits {
  /** Transitions kept of one check, instance or node. */
  readonly perSubjectMax: number;
  /** And of all of them together. */
  readonly totalMax: number;
  /** Characters of a check's output. */
  readonly outputCharsMax: number;
}

export const HISTORY_LIMITS: HistoryLimits = { perSubjectMax: 64, totalMax: 20_000, outputCharsMax: 512 };

/** Changes that wait to be sorted in while nobody asks: a batch costs less than one by one. */
const PENDING_MAX = 256;

/** The log entry that changes come from. */
export interface Cause {
  readonly index: number;
  /** Unix milliseconds, by the leader's clock; undefined where the entry does not say. */
  readonly appendedAtMs?: number | undefined;
}

interface Pending extends Cause {
  readonly change: CatalogChange;
}

/**
 * The last changes of every check, instance and node, as the commands that this server applied brought them about. It is
 * this server's own: other servers may know more or less, and no snapshot has it.
 */
export class History {
  readonly #limits: HistoryLimits;
  readonly #db = createDatabase();
  /** Places of the transitions that are kept, by subject. */
  readonly #subjects = new Map<string, number[]>();
  #pending: Pending[] = [];
  #nextSeq = 1;
  #oldestSeq = 1;
  #count = 0;
  /** The first entry since nothing is missed, and whether one has said when that was. */
  #since: HistorySince | undefined;

  /** Something was recorded. */
  onRecorded: () => void = () => {};

  constructor(limits: HistoryLimits = HISTORY_LIMITS) {
    this.#limits = limits;
  }

  /** The tables of this room, with all that was recorded. */
  get db(): Database {
    this.flush();
    return this.#db;
  }

  get size(): number {
    return this.#count + this.#pending.length;
  }

  /** An entry is applied: from the first one on, nothing is missed. */
  applied({ index, appendedAtMs }: Cause): void {
    if (this.#since !== undefined && (this.#since.Time !== "" || appendedAtMs === undefined)) return;
    // The first entries of a log (its peer set) have no time of their own.
    const since: HistorySince = { Index: this.#since?.Index ?? index, Time: timeText(appendedAtMs) };
    this.#since = since;
    this.#db.write(index, (tx) => tx.put(HISTORY_MARKS, { name: "since", seq: 0, since }));
  }

  /** The state was replaced: what led to it is not known. */
  replaced(): void {
    this.#since = undefined;
  }

  record({ index, appendedAtMs }: Cause, changes: readonly CatalogChange[]): void {
    for (const change of changes) this.#pending.push({ index, appendedAtMs, change });
    if (this.#pending.length >= PENDING_MAX) this.flush();
    this.onRecorded();
  }

  /** Sorts in what was recorded; who waits for it wakes. */
  flush(): void {
    const pending = this.#pending;
    const last = pending.at(-1);
    if (last === undefined) return;
    this.#pending = [];
    this.#db.write(last.index, (tx) => {
      for (const each of pending) {
        const transition = transitionOf(each, this.#limits.outputCharsMax);
        if (transition !== undefined) this.#add(tx, transition);
      }
      tx.put(HISTORY_MARKS, { name: "last", seq: this.#nextSeq - 1, since: { Index: last.index, Time: "" } });
    });
  }

  #add(tx: WriteTx, transition: Transition): void {
    const seq = this.#nextSeq++;
    tx.put(TRANSITIONS, { seq, transition });
    this.#count++;
    const subject = subjectOf(transition);
    const places = this.#subjects.get(subject);
    if (places === undefined) this.#subjects.set(subject, [seq]);
    else {
      places.push(seq);
      if (places.length > this.#limits.perSubjectMax) this.#remove(tx, places.shift()!);
    }
    while (this.#count > this.#limits.totalMax) this.#removeOldest(tx);
  }

  #remove(tx: WriteTx, seq: number): Transition | undefined {
    const gone = tx.delete(TRANSITIONS, seqKey(seq));
    if (gone !== undefined) this.#count--;
    return gone?.transition;
  }

  /** Of all subjects. From here on it is not known what went before. */
  #removeOldest(tx: WriteTx): void {
    const gone = this.#remove(tx, this.#oldestSeq++);
    if (gone === undefined) return; // its subject had gone beyond its own bound before
    const subject = subjectOf(gone);
    const places = this.#subjects.get(subject);
    places?.shift();
    if (places?.length === 0) this.#subjects.delete(subject);
    tx.put(HISTORY_MARKS, { name: "since", seq: 0, since: { Index: gone.Index + 1, Time: gone.Time } });
  }
}

function subjectOf({ Kind, Node, ServiceID, CheckID }: Transition): string {
  return fold(Kind, Node, Kind === "check" ? CheckID : Kind === "service" ? ServiceID : "");
}

function timeText(ms: number | undefined): string {
  return ms === undefined ? "" : new Date(ms).toISOString();
}

/** @returns undefined for a change that nobody would call one. */
function transitionOf({ index, appendedAtMs, change }: Pending, outputCharsMax: number): Transition | undefined {
  const base = { Index: index, Time: timeText(appendedAtMs), Changed: null, Output: "", By: change.by };
  switch (change.kind) {
    case "check": {
      const check = (change.after ?? change.before) as HealthCheck;
      return {
        ...base,
        Kind: "check",
        Node: check.Node,
        ServiceID: check.ServiceID,
        ServiceName: check.ServiceName,
        CheckID: check.CheckID,
        Name: check.Name,
        From: change.before?.Status ?? "",
        To: change.after?.Status ?? "",
        Output: change.after === undefined ? "" : check.Output.slice(0, outputCharsMax),
      };
    }
    case "service": {
      const service = (change.after ?? change.before) as NodeService;
      const named = { Node: change.node, ServiceID: service.ID, ServiceName: service.Service };
      return registration(base, "service", named, change.before, change.after);
    }
    case "node": {
      const node = (change.after ?? change.before) as Node;
      const named = { Node: node.Node, ServiceID: "", ServiceName: "" };
      return registration(base, "node", named, change.before, change.after);
    }
  }
}

function registration(
  base: Pick<Transition, "Index" | "Time" | "Output" | "By">,
  kind: "service" | "node",
  named: Pick<Transition, "Node" | "ServiceID" | "ServiceName">,
  before: object | undefined,
  after: object | undefined,
): Transition | undefined {
  const Changed = before === undefined || after === undefined ? null : changedFields(before, after);
  if (Changed?.length === 0) return undefined;
  const [From, To] = [before === undefined ? "" : "registered", after === undefined ? "" : "registered"];
  return { ...base, ...named, Kind: kind, CheckID: "", Name: "", From, To, Changed };
}

const INDEXES: ReadonlySet<string> = new Set(["CreateIndex", "ModifyIndex"]);

function changedFields(before: object, after: object): string[] {
  const [old, fresh] = [before as Record<string, unknown>, after as Record<string, unknown>];
  return Object.keys(fresh).filter((name) => !INDEXES.has(name) && !deepEqual(old[name], fresh[name]));
}
