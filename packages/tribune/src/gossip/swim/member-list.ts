import { invariant } from "../../lib/invariant.ts";
import { randomInt, shuffle } from "../../lib/random.ts";
import type { Rng } from "../../lib/runtime.ts";
import type { Member } from "./member.ts";
import type { NodeName } from "./types.ts";

/** By name. A `Map`, except where thousands of lists share a process. */
export interface MemberMap {
  get(name: string): Member | undefined;
  set(name: NodeName, member: Member): unknown;
  delete(name: NodeName): unknown;
}

/** Draws that a random choice may take per member; small lists are searched to the end that way. */
const DRAWS_PER_MEMBER = 3;

/**
 * Everybody we know of, in the order in which they are probed: a shuffled ring, walked once and shuffled again, so that
 * every member is probed within two rounds (SWIM §4.3). Dead members stay until the ring wraps.
 */
export class MemberList {
  readonly #byName: MemberMap;
  readonly #ring: NodeName[] = [];
  /** Position in the ring of the next one to probe. */
  #next = 0;
  /** When a dead or left member became so. */
  readonly #goneSinceMs = new Map<NodeName, number>();

  constructor(byName: MemberMap = new Map<string, Member>()) {
    this.#byName = byName;
  }

  get size(): number {
    return this.#ring.length;
  }

  /** Neither dead nor left. */
  get presentCount(): number {
    return this.#ring.length - this.#goneSinceMs.size;
  }

  get(name: string): Member | undefined {
    return this.#byName.get(name);
  }

  /** A name that is not on the list. At a random place, or whoever joins last would be probed last. */
  add(member: Member, rng: Rng): void {
    const { length } = this.#ring;
    const at = length === 0 ? 0 : randomInt(rng, length);
    this.#ring.push(member.name);
    this.#ring[length] = this.#ring[at]!;
    this.#ring[at] = member.name;
    this.#byName.set(member.name, member);
  }

  /** A name that is on the list. */
  replace(member: Member, nowMs: number): void {
    const before = this.#byName.get(member.name);
    invariant(before !== undefined, "a member that is replaced is on the list");
    this.#byName.set(member.name, member);
    if (!isGone(member)) this.#goneSinceMs.delete(member.name);
    else if (before.status !== member.status) this.#goneSinceMs.set(member.name, nowMs);
  }

  /** How long a dead or left member has been so; 0 for others. */
  goneForMs(name: NodeName, nowMs: number): number {
    return nowMs - (this.#goneSinceMs.get(name) ?? nowMs);
  }

  *[Symbol.iterator](): Iterator<Member> {
    for (const name of this.#ring) yield this.#byName.get(name)!;
  }

  /** A copy, in the ring's order. */
  toArray(): Member[] {
    return this.#ring.map((name) => this.#byName.get(name)!);
  }

  /**
   * The next one to probe that is neither `self`, dead nor left. When the ring wraps, members gone for longer than
   * `forgetAfterMs` are forgotten, and it is shuffled.
   */
  nextToProbe(self: NodeName, nowMs: number, forgetAfterMs: number, rng: Rng): Member | undefined {
    for (let looked = 0; looked < this.#ring.length; looked++) {
      if (this.#next >= this.#ring.length) {
        this.#wrap(self, nowMs, forgetAfterMs, rng);
        continue;
      }
      const member = this.#byName.get(this.#ring[this.#next++]!)!;
      if (member.name !== self && !isGone(member)) return member;
    }
    return undefined;
  }

  #wrap(self: NodeName, nowMs: number, forgetAfterMs: number, rng: Rng): void {
    this.#next = 0;
    let kept = 0;
    for (const name of this.#ring) {
      if (name !== self && this.goneForMs(name, nowMs) > forgetAfterMs) {
        this.#byName.delete(name);
        this.#goneSinceMs.delete(name);
      } else this.#ring[kept++] = name;
    }
    this.#ring.length = kept;
    shuffle(rng, this.#ring);
  }

  /** Up to `count` different members that `accepts`, drawn at random. */
  pick(rng: Rng, count: number, accepts: (member: Member) => boolean): Member[] {
    const { length } = this.#ring;
    const picked: Member[] = [];
    for (let draws = DRAWS_PER_MEMBER * length; draws > 0 && picked.length < count; draws--) {
      const member = this.#byName.get(this.#ring[randomInt(rng, length)]!)!;
      if (accepts(member) && !picked.includes(member)) picked.push(member);
    }
    return picked;
  }
}

export function isGone(member: Member): boolean {
  return member.status === "dead" || member.status === "left";
}
