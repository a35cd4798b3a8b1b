import type { Member } from "../../gossip/swim/member.ts";
import { isGone } from "../../gossip/swim/member-list.ts";
import type { MemberState, NodeName } from "../../gossip/swim/types.ts";
import type { Observer, SimMember } from "./sim-member.ts";

/** A promise that does not hold. */
export class GossipViolation extends Error {
  override readonly name = "GossipViolation";
}

/** What one process has said about one member. */
interface Said {
  readonly incarnation: number;
  readonly status: MemberState["status"];
  readonly atMs: number;
}

/**
 * Judges a cluster from outside, with a memory of its own: what every member has ever given out as its incarnation, and
 * what everybody last said about everybody.
 */
export class GossipChecker implements Observer {
  /** Highest incarnation that a member gave itself, over all its lives. */
  readonly #given = new Map<NodeName, number>();
  readonly #said = new Map<SimMember, Map<NodeName, Said>>();
  readonly #members: ReadonlyMap<NodeName, SimMember>;
  readonly #now: () => number;
  readonly #forgetMs: number;
  /** While nothing is done to network or processes, nobody who runs may be suspected. */
  isCalm = false;
  changes = 0;
  suspicions = 0;
  /** A running member was declared dead: allowed under faults only. */
  falseDeaths = 0;

  constructor(members: readonly SimMember[], now: () => number, forgetMs: number) {
    this.#members = new Map(members.map((member) => [member.name, member]));
    this.#now = now;
    this.#forgetMs = forgetMs;
  }

  /** A process starts with an empty memory, and so does what we hold against it. */
  booted(member: SimMember): void {
    this.#said.set(member, new Map());
  }

  /** Before anybody else can hear of it: a member raises its own incarnation in its own step. */
  stepped(by: SimMember): void {
    const incarnation = by.core?.local.incarnation ?? 0;
    const given = this.#given.get(by.name) ?? 0;
    if (incarnation > given) this.#given.set(by.name, incarnation);
  }

  changed(by: SimMember, before: MemberState | undefined, after: MemberState): void {
    this.changes++;
    const subject = this.#members.get(after.name);
    if (subject === undefined) throw new GossipViolation(`${by.name} knows ${after.name}, which does not exist`);
    this.#checkIncarnation(by, before, after);
    const isFalse = subject.isUp && !subject.hasLeft;
    if (after.status === "suspect") this.suspicions++;
    if (after.status === "dead" && isFalse) this.falseDeaths++;
    if (this.isCalm && isFalse && after.status !== "alive") {
      throw new GossipViolation(`${by.name} says that ${after.name} is ${after.status}, which runs and is reachable`);
    }
    if (after.status === "left" && !subject.hasLeft && subject.isUp && by !== subject && this.isCalm) {
      throw new GossipViolation(`${by.name} says that ${after.name} has left, which it has not`);
    }
  }

  /** SWIM §4.2: only the member itself raises its incarnation, and who is gone comes back with a higher one only. */
  #checkIncarnation(by: SimMember, before: MemberState | undefined, after: MemberState): void {
    const { incarnation, name, status } = after;
    const given = by.name === name ? incarnation : (this.#given.get(name) ?? 0);
    if (incarnation > given) {
      throw new GossipViolation(
        `${by.name} has ${name} in incarnation ${incarnation}, which it never was in (${given})`,
      );
    }
    const memory = this.#said.get(by);
    if (memory === undefined) return;
    const said = memory.get(name);
    memory.set(name, { incarnation, status, atMs: this.#now() });
    if (said === undefined) return;
    if (before === undefined) {
      const gone = said.status === "dead" || said.status === "left";
      if (gone && this.#now() - said.atMs >= this.#forgetMs) return;
      throw new GossipViolation(`${by.name} has forgotten ${name}, which it had as ${said.status}`);
    }
    const overruled =
      status === "alive" && said.status !== "alive" ? incarnation <= said.incarnation : incarnation < said.incarnation;
    if (overruled && by.name !== name) {
      throw new GossipViolation(
        `${by.name} takes ${name} for ${status} in incarnation ${incarnation} behind ${said.status} in ${said.incarnation}`,
      );
    }
  }

  /** @returns the first thing on which `observers` are wrong, or undefined when all know all as it is. */
  disagreement(observers: readonly SimMember[], subjects: readonly SimMember[]): string | undefined {
    for (const by of observers) {
      const wrong = subjects.map((subject) => wrongAbout(by, subject)).find((text) => text !== undefined);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }
}

function wrongAbout(by: SimMember, subject: SimMember): string | undefined {
  const known = by.core?.member(subject.name);
  if (!subject.isUp || subject.hasLeft) {
    if (known === undefined || isGone(known as Member)) return undefined;
    return `${by.name} has ${subject.name} as ${known.status}, which is gone`;
  }
  if (known?.status !== "alive") return `${by.name} has ${subject.name} as ${known?.status ?? "unknown"}, which runs`;
  const { incarnation } = subject.core!.local;
  if (known.incarnation === incarnation) return undefined;
  return `${by.name} has ${subject.name} in incarnation ${known.incarnation}, which is in ${incarnation}`;
}
