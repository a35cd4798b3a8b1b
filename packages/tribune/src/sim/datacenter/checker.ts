import { createHash } from "node:crypto";
import { DeregisterRequest } from "@tribune/api";
import { decodeStruct } from "../../codec/struct-msgpack.ts";
import type { LogEntry } from "../../raft/types.ts";
import { MESSAGE } from "../../state/message-types.ts";

/** What must hold and does not. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** A session's time with a lock, in virtual milliseconds. */
interface Hold {
  readonly key: string;
  readonly session: string;
  readonly invokedAtMs: number;
  readonly returnedAtMs: number;
}

/**
 * What a datacenter has shown from outside, and what may not follow on it. Its memory survives every crash. Rules that
 * are broken are kept, not thrown: they are found in the middle of the product's own code.
 */
export class DatacenterChecker {
  readonly violations: string[] = [];
  entries = 0;
  statesCompared = 0;
  answersCompared = 0;
  readonly #leaders = new Map<number, string>();
  readonly #entries = new Map<number, string>();
  readonly #states = new Map<number, string>();
  readonly #incarnations = new Map<string, { readonly life: object; highest: number }>();
  readonly #livesSeen = new WeakSet<object>();
  readonly #indexes = new Map<string, number>();
  readonly #newest = new Map<string, number>();
  readonly #holds: Hold[] = [];
  /** Until when a session cannot have ended, however it goes. */
  readonly #sureUntilMs = new Map<string, number>();
  /** Whether a node is gone, or a leader may take it for gone. */
  readonly #mayGo: (node: string) => boolean;

  constructor(mayGo: (node: string) => boolean) {
    this.#mayGo = mayGo;
  }

  get elections(): number {
    return this.#leaders.size;
  }

  broken(what: string): void {
    if (!this.violations.includes(what)) this.violations.push(what);
  }

  /** Raft §5.2. */
  leads(term: number, who: string): void {
    const other = this.#leaders.get(term);
    if (other !== undefined && other !== who) this.broken(`Election Safety: ${other} and ${who} lead term ${term}`);
    this.#leaders.set(term, who);
  }

  /**
   * SWIM §4.2: a life begins above all earlier ones, or whoever remembers one of those would not hear of it. What runs on
   * of a life without power does not count.
   */
  lives(name: string, life: object, incarnation: number): void {
    const known = this.#incarnations.get(name);
    if (known?.life === life) {
      known.highest = Math.max(known.highest, incarnation);
      return;
    }
    if (this.#livesSeen.has(life)) return;
    this.#livesSeen.add(life);
    if (known !== undefined && incarnation <= known.highest)
      this.broken(`Incarnations: ${name} begins a life in ${incarnation}, and was in ${known.highest} before`);
    this.#incarnations.set(name, { life, highest: Math.max(known?.highest ?? 0, incarnation) });
  }

  /** Raft §5.4.3: all servers apply the same, in all their lives; and come to the same state by it. */
  applied(entry: LogEntry, state: string | undefined): void {
    const digest = createHash("sha1").update(`${entry.term} ${entry.type} `).update(entry.data).digest("hex");
    const known = this.#entries.get(entry.index);
    if (known === undefined) {
      this.#entries.set(entry.index, digest);
      this.entries++;
    } else if (known !== digest) this.broken(`State Machine Safety: two entries are applied at ${entry.index}`);
    if (state === undefined) return;
    const knownState = this.#states.get(entry.index);
    if (knownState === undefined) this.#states.set(entry.index, state);
    else {
      this.statesCompared++;
      if (knownState !== state) this.broken(`Equal States: servers differ at index ${entry.index}`);
    }
  }

  /** Judged when it is proposed: until it is applied, much may happen. */
  proposes(data: Uint8Array): void {
    if (data[0] !== MESSAGE.DEREGISTER) return;
    const { Node, ServiceID, CheckID } = decodeStruct(DeregisterRequest, data.subarray(1));
    if (ServiceID === "" && CheckID === "" && !this.#mayGo(Node))
      this.broken(`Catalog: ${Node} is taken out of the catalog, which runs and did not leave`);
  }

  /** One asker's question at one place: its index never goes back. */
  index(question: string, index: number): void {
    const last = this.#indexes.get(question) ?? 0;
    if (index < last) this.broken(`Index: ${question} goes from ${last} back to ${index}`);
    if (index === 0) this.broken(`Index: ${question} is 0`);
    this.#indexes.set(question, Math.max(last, index));
  }

  /** The highest index that anybody was answered to this question by the leader, or by who leads in its stead. */
  newestOf(question: string): number {
    return this.#newest.get(question) ?? 0;
  }

  /** A default read that was asked when `newestOf` was `atLeast`: it sees what was seen before. */
  newest(question: string, atLeast: number, index: number): void {
    if (index < atLeast) this.broken(`Default Reads: ${question} has index ${index}, and had ${atLeast} before`);
    this.#newest.set(question, Math.max(this.newestOf(question), index));
  }

  /** Servers that have applied the same, and what each answers to the same question. */
  sameAnswers(question: string, answers: readonly { readonly at: string; readonly said: string }[]): void {
    const [first, ...others] = answers;
    for (const { at, said } of others) {
      this.answersCompared++;
      if (said !== first!.said)
        this.broken(`Equal Answers: to ${question} ${first!.at} says ${first!.said}, and ${at} says ${said}`);
    }
  }

  /** `session` was made or renewed by a request sent at `sentAtMs` and answered. */
  renewed(session: string, sentAtMs: number, ttlMs: number): void {
    this.#sureUntilMs.set(session, Math.max(this.#sureUntilMs.get(session) ?? 0, sentAtMs + ttlMs));
  }

  acquired(hold: Hold): void {
    this.#holds.push(hold);
  }

  /** From now on others may have it: the session gives the lock back, or ends. */
  ends(session: string, atMs: number): void {
    this.#sureUntilMs.set(session, Math.min(this.#sureUntilMs.get(session) ?? 0, atMs));
  }

  get locksTaken(): number {
    return this.#holds.length;
  }

  /** A lock is never held by two. */
  lockError(): string | undefined {
    for (const first of this.#holds) {
      const sureUntilMs = this.#sureUntilMs.get(first.session) ?? 0;
      for (const second of this.#holds) {
        if (second.key !== first.key || second.session === first.session) continue;
        if (second.invokedAtMs >= first.returnedAtMs && second.returnedAtMs < sureUntilMs)
          return `Locks: ${second.session} takes ${first.key} at ${second.returnedAtMs.toFixed(0)} from ${first.session}, which has it until ${sureUntilMs.toFixed(0)}`;
      }
    }
    return undefined;
  }
}
