import type { CatalogChange } from "../effects.ts";

/** A check, an instance or a node. */
export interface Subject {
  readonly key: string;
  readonly kind: CatalogChange["kind"];
  /** In lower case, as names are compared. */
  readonly node: string;
  /** As of its last transition. */
  names: Names;
  /** Slots of the first and the last transition that are kept. */
  oldest: number;
  newest: number;
  count: number;
}

/** How a subject is called in its transitions; one object for all of them while nothing of it changes. */
export interface Names {
  readonly Node: string;
  readonly ServiceID: string;
  readonly ServiceName: string;
  readonly CheckID: string;
  readonly Name: string;
  /** The service's name in lower case. */
  readonly service: string;
}

/** One transition. */
export interface Step {
  readonly index: number;
  /** Unix milliseconds; NaN where it is not known. */
  readonly timeMs: number;
  readonly from: string;
  readonly to: string;
  readonly changed: readonly string[] | null;
  readonly output: string;
  readonly by: string;
}

const NONE = -1;
const CAPACITY_MIN = 256;

/**
 * Transitions in the order in which they came, each also in the order of its subject. In columns whose slots are used
 * again and again: as objects, each would live just long enough to be expensive to the garbage collector.
 */
export class StepRing {
  #index = new Float64Array(CAPACITY_MIN);
  #timeMs = new Float64Array(CAPACITY_MIN);
  /** Neighbours in the order of all, and the next of the same subject. */
  #older = new Int32Array(CAPACITY_MIN);
  #newer = new Int32Array(CAPACITY_MIN);
  #nextOfSubject = new Int32Array(CAPACITY_MIN);
  #subjects: (Subject | undefined)[] = [];
  #names: (Names | undefined)[] = [];
  #from: string[] = [];
  #to: string[] = [];
  #output: string[] = [];
  #by: string[] = [];
  #changed: (readonly string[] | null)[] = [];
  #free: number[] = [];
  #used = 0;
  #oldest = NONE;
  #newest = NONE;

  get size(): number {
    return this.#used - this.#free.length;
  }

  /** Of a new subject. */
  static readonly none = NONE;

  /** Slots from the newest to the oldest. */
  *newestFirst(): Generator<number, void, undefined> {
    for (let slot = this.#newest; slot !== NONE; slot = this.#older[slot]!) yield slot;
  }

  *oldestFirst(): Generator<number, void, undefined> {
    for (let slot = this.#oldest; slot !== NONE; slot = this.#newer[slot]!) yield slot;
  }

  /** Transitions as of now, in their order; what is said of subjects goes on with theirs. */
  copy(): StepRing {
    const copy = new StepRing();
    copy.#index = this.#index.slice();
    copy.#timeMs = this.#timeMs.slice();
    copy.#older = this.#older.slice();
    copy.#newer = this.#newer.slice();
    copy.#nextOfSubject = this.#nextOfSubject.slice();
    copy.#subjects = this.#subjects.slice();
    copy.#names = this.#names.slice();
    copy.#from = this.#from.slice();
    copy.#to = this.#to.slice();
    copy.#output = this.#output.slice();
    copy.#by = this.#by.slice();
    copy.#changed = this.#changed.slice();
    copy.#free = this.#free.slice();
    copy.#used = this.#used;
    copy.#oldest = this.#oldest;
    copy.#newest = this.#newest;
    return copy;
  }

  /** Slots of one subject, oldest first. */
  *ofSubject({ oldest }: Subject): Generator<number, void, undefined> {
    for (let slot = oldest; slot !== NONE; slot = this.#nextOfSubject[slot]!) yield slot;
  }

  subjectAt(slot: number): Subject {
    return this.#subjects[slot]!;
  }

  namesAt(slot: number): Names {
    return this.#names[slot]!;
  }

  at(slot: number): Step {
    return {
      index: this.#index[slot]!,
      timeMs: this.#timeMs[slot]!,
      from: this.#from[slot]!,
      to: this.#to[slot]!,
      changed: this.#changed[slot]!,
      output: this.#output[slot]!,
      by: this.#by[slot]!,
    };
  }

  add(subject: Subject, step: Step): void {
    const slot = this.#free.pop() ?? this.#used++;
    if (slot >= this.#index.length) this.#grow();
    this.#index[slot] = step.index;
    this.#timeMs[slot] = step.timeMs;
    this.#subjects[slot] = subject;
    this.#names[slot] = subject.names;
    this.#from[slot] = step.from;
    this.#to[slot] = step.to;
    this.#output[slot] = step.output;
    this.#by[slot] = step.by;
    this.#changed[slot] = step.changed;
    this.#older[slot] = this.#newest;
    this.#newer[slot] = NONE;
    if (this.#newest === NONE) this.#oldest = slot;
    else this.#newer[this.#newest] = slot;
    this.#newest = slot;
    this.#nextOfSubject[slot] = NONE;
    if (subject.count++ === 0) subject.oldest = slot;
    else this.#nextOfSubject[subject.newest] = slot;
    subject.newest = slot;
  }

  /** Drops the oldest of all. @returns it, with its subject */
  dropOldest(): { readonly subject: Subject; readonly step: Step } {
    const slot = this.#oldest;
    const dropped = { subject: this.subjectAt(slot), step: this.at(slot) };
    this.dropOldestOf(dropped.subject); // the oldest of all is the oldest of its subject
    return dropped;
  }

  dropOldestOf(subject: Subject): void {
    const slot = subject.oldest;
    subject.oldest = this.#nextOfSubject[slot]!;
    subject.count--;
    const [older, newer] = [this.#older[slot]!, this.#newer[slot]!];
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
    this.#subjects[slot] = undefined;
    this.#names[slot] = undefined;
    this.#output[slot] = "";
    this.#changed[slot] = null;
    this.#free.push(slot);
  }

  #grow(): void {
    const capacity = this.#index.length * 2;
    const bigger = <T extends Float64Array | Int32Array>(old: T, fresh: T): T => {
      fresh.set(old);
      return fresh;
    };
    this.#index = bigger(this.#index, new Float64Array(capacity));
    this.#timeMs = bigger(this.#timeMs, new Float64Array(capacity));
    this.#older = bigger(this.#older, new Int32Array(capacity));
    this.#newer = bigger(this.#newer, new Int32Array(capacity));
    this.#nextOfSubject = bigger(this.#nextOfSubject, new Int32Array(capacity));
  }
}
