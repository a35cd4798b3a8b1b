import type { HistorySince } from "@tribune/api";
import { deepEqual } from "../deep-equal.ts";
import type { CatalogChange } from "../effects.ts";
import type { Database, ReadTx, WatchSet } from "../memdb/types.ts";
import { HistoryReader } from "./history-reader.ts";
import { HistoryWatches, subjectKey } from "./history-watches.ts";
import type { KeptHistory, ReadHistory, SubjectRow } from "./kept-history.ts";
import { type Names, type Step, StepRing, type Subject } from "./step-ring.ts";

export interface HistoryLimits {
  /** Transitions kept of one check, instance or node. */
  readonly perSubjectMax: number;
  /** And of all of them together. */
  readonly totalMax: number;
  /** Characters of a check's output. */
  readonly outputCharsMax: number;
}

export const HISTORY_LIMITS: HistoryLimits = { perSubjectMax: 64, totalMax: 20_000, outputCharsMax: 512 };

/** The log entry that changes come from. */
export interface Cause {
  readonly index: number;
  /** Unix milliseconds, by the leader's clock; undefined where the entry does not say. */
  readonly appendedAtMs?: number | undefined;
}

const UNKNOWN_SINCE: HistorySince = { Index: 0, Time: "" };

/**
 * The last changes of every check, instance and node, as the commands that this server applied brought them about. It is
 * this server's own: other servers may know more or less, and no snapshot has it. Written with every registration, so
 * writing costs next to nothing; questions look through all that is kept.
 */
export class History implements Pick<Database, "read" | "peek" | "index"> {
  readonly ring = new StepRing();
  readonly #limits: HistoryLimits;
  readonly #subjects = new Map<string, Subject>();
  readonly #watches = new HistoryWatches();
  #index = 0;
  /** The first entry since nothing is missed, once it is known, with its time as soon as an entry tells one. */
  #since: HistorySince | undefined;

  constructor(limits: HistoryLimits = HISTORY_LIMITS) {
    this.#limits = limits;
  }

  get since(): HistorySince {
    return this.#since ?? UNKNOWN_SINCE;
  }

  subject(kind: Subject["kind"], node: string, id: string): Subject | undefined {
    return this.#subjects.get(subjectKey(kind, node, id));
  }

  /** The transaction is a `HistoryReader`; what it found is watched. */
  read<T>(read: (tx: ReadTx) => T): { readonly result: T; readonly watch: WatchSet } {
    const watch = this.#watches.begin();
    return { result: read(new HistoryReader(this, watch)), watch };
  }

  peek<T>(read: (tx: ReadTx) => T): T {
    const { result, watch } = this.read(read);
    watch.release();
    return result;
  }

  /** Raft index of the last transition. */
  get index(): number {
    return this.#index;
  }

  /** An entry is applied: from the first one on, nothing is missed. */
  applied({ index, appendedAtMs }: Cause): void {
    if (this.#since !== undefined && (this.#since.Time !== "" || appendedAtMs === undefined)) return;
    // The first entries of a log (its peer set) have no time of their own.
    this.#since = { Index: this.#since?.Index ?? index, Time: timeText(appendedAtMs ?? Number.NaN) };
  }

  /** The state was replaced: what led to it is not known. */
  replaced(): void {
    this.#since = undefined;
  }

  /** All of it as of now, for `resume`; cheap, whatever its size. */
  kept(): KeptHistory {
    return { since: this.since, ring: this.ring.copy() };
  }

  /** Goes on where another run of this server was when it had the state that was restored just now. */
  resume({ since, subjects, transitions }: ReadHistory): void {
    if (this.ring.size > 0) return; // it has lived on, and knows more
    if (since.Index > 0) this.#since = since;
    const known: { readonly subject: Subject; readonly names: Names }[] = [];
    for (const [place, index, timeMs, from, to, changed, output, by] of transitions) {
      known[place] ??= this.#toldOf(subjects[place]!);
      const { subject, names } = known[place];
      subject.names = names;
      this.#add(subject, { index, timeMs: timeMs ?? Number.NaN, from, to, changed, output, by });
    }
  }

  #toldOf([kind, Node, ServiceID, ServiceName, CheckID, Name]: SubjectRow): {
    readonly subject: Subject;
    readonly names: Names;
  } {
    const id = kind === "check" ? CheckID : kind === "service" ? ServiceID : "";
    const subject = this.#named(kind, Node, id, ServiceID, ServiceName, CheckID, Name);
    return { subject, names: subject.names };
  }

  record({ index, appendedAtMs = Number.NaN }: Cause, changes: readonly CatalogChange[]): void {
    for (const change of changes) {
      const { by, before, after } = change;
      const changed = changedOf(change);
      if (changed?.length === 0) continue;
      const subject = this.#subjectOf(change);
      if (change.kind === "check") {
        const from = change.before?.Status ?? "";
        const to = change.after?.Status ?? "";
        const output = beginningOf(change.after?.Output ?? "", this.#limits.outputCharsMax);
        this.#add(subject, { index, timeMs: appendedAtMs, from, to, changed, output, by });
      } else {
        const from = before === undefined ? "" : "registered";
        const to = after === undefined ? "" : "registered";
        this.#add(subject, { index, timeMs: appendedAtMs, from, to, changed, output: "", by });
      }
    }
  }

  #subjectOf(change: CatalogChange): Subject {
    if (change.kind === "check") {
      const { Node, CheckID, Name, ServiceID, ServiceName } = (change.after ?? change.before)!;
      return this.#named("check", Node, CheckID, ServiceID, ServiceName, CheckID, Name);
    }
    if (change.kind === "node") return this.#named("node", (change.after ?? change.before)!.Node, "", "", "", "", "");
    const { ID, Service } = (change.after ?? change.before)!;
    return this.#named("service", change.node, ID, ID, Service, "", "");
  }

  // Parameters rather than an object, and objects without spreads: this is done with every registration.
  #named(
    kind: Subject["kind"],
    Node: string,
    id: string,
    ServiceID: string,
    ServiceName: string,
    CheckID: string,
    Name: string,
  ): Subject {
    const key = subjectKey(kind, Node, id);
    let subject = this.#subjects.get(key);
    if (subject === undefined) {
      const names = { Node, ServiceID, ServiceName, CheckID, Name, service: ServiceName.toLowerCase() };
      const { none } = StepRing;
      subject = { key, kind, node: Node.toLowerCase(), names, oldest: none, newest: none, count: 0 };
      this.#subjects.set(key, subject);
      return subject;
    }
    const { names } = subject;
    if (
      names.ServiceName !== ServiceName ||
      names.Name !== Name ||
      names.ServiceID !== ServiceID ||
      names.Node !== Node
    )
      subject.names = { Node, ServiceID, ServiceName, CheckID, Name, service: ServiceName.toLowerCase() };
    return subject;
  }

  #add(subject: Subject, step: Step): void {
    this.#index = step.index;
    this.ring.add(subject, step);
    if (subject.count > this.#limits.perSubjectMax) this.ring.dropOldestOf(subject);
    if (this.ring.size > this.#limits.totalMax) this.#dropOldest();
    this.#watches.fire(subject);
  }

  /** Of all subjects. From here on it is not known what went before. */
  #dropOldest(): void {
    const { subject, step } = this.ring.dropOldest();
    if (subject.count === 0) this.#subjects.delete(subject.key);
    this.#since = { Index: step.index + 1, Time: timeText(step.timeMs) };
  }
}

/** @param ms Unix milliseconds; NaN: not known. */
export function timeText(ms: number): string {
  return Number.isNaN(ms) ? "" : new Date(ms).toISOString();
}

/** A part of a string keeps all of it in memory: the beginning of a long output is copied. */
function beginningOf(output: string, charsMax: number): string {
  return output.length <= charsMax ? output : Buffer.from(output.slice(0, charsMax)).toString();
}

const INDEXES: ReadonlySet<string> = new Set(["CreateIndex", "ModifyIndex"]);

/** Fields of a registration that changed; null where it began or ended, and for checks. */
function changedOf({ kind, before, after }: CatalogChange): readonly string[] | null {
  if (kind === "check" || before === undefined || after === undefined) return null;
  const [old, fresh] = [before, after] as readonly [Record<string, unknown>, Record<string, unknown>];
  return Object.keys(fresh).filter((name) => !INDEXES.has(name) && !deepEqual(old[name], fresh[name]));
}
