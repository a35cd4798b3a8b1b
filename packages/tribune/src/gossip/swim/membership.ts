/**
 * Who is alive, suspect, dead or left: the rules by which one message replaces what was known (SWIM §4.2 and its
 * incarnations; sheet memberlist §7, State machine; Lifeguard §IV for suspicions).
 */
import { GOSSIP_LIMITS } from "../../codec/gossip-error.ts";
import type { Accusation, Alive } from "../../codec/memberlist-messages.ts";
import type { PushPullNode } from "../../codec/memberlist-stream.ts";
import { described, type SwimContext } from "./context.ts";
import type { Dissemination } from "./dissemination.ts";
import type { Endpoint } from "./endpoint.ts";
import { type Member, memberOfNode, sameBytes, sameVersions } from "./member.ts";
import { isGone, type MemberList } from "./member-list.ts";
import { Suspicion } from "./suspicion.ts";
import { Timer } from "./timer-heap.ts";
import { suspicionLimits } from "./timing.ts";
import type { NodeName } from "./types.ts";
import { incompatibility } from "./versions.ts";

/** Incarnations are u32 on the wire. */
const INCARNATION_MAX = 0xffff_ffff;
/** More members than this are not taken in, whoever brings them. */
const MEMBERS_MAX = GOSSIP_LIMITS.membersMax;

export class Membership {
  readonly #context: SwimContext;
  readonly #list: MemberList;
  readonly #dissemination: Dissemination;
  readonly #suspicions = new Map<NodeName, Suspicion>();
  readonly #defaultPort: number;
  /** We said that we leave: nothing anybody says makes us a member again. */
  #leaving = false;

  constructor(context: SwimContext, list: MemberList, dissemination: Dissemination, defaultPort: number) {
    this.#context = context;
    this.#list = list;
    this.#dissemination = dissemination;
    this.#defaultPort = defaultPort;
  }

  get local(): Member {
    return this.#list.get(this.#context.self)!;
  }

  /** Whoever remembers an earlier life of ours that we have forgotten makes us go beyond it. */
  start(member: Member): void {
    if (this.#list.get(member.name) === undefined) this.#list.add(member, this.#context.rng);
    else this.#list.replace(member, this.#context.nowMs);
    this.#dissemination.queueMembership(member.name, member.toAlive());
    this.#context.emit({ type: "memberChanged", before: undefined, after: member });
  }

  setMeta(meta: Uint8Array): void {
    if (this.#leaving) return;
    const before = this.local;
    this.#announce(before, Math.min(before.incarnation + 1, INCARNATION_MAX), meta);
    if (!sameBytes(before.meta, meta)) {
      this.#context.emit({ type: "memberChanged", before, after: this.local });
    }
  }

  #announce(before: Member, incarnation: number, meta: Uint8Array): void {
    const after = before.with({ incarnation, meta });
    this.#list.replace(after, this.#context.nowMs);
    this.#dissemination.queueMembership(after.name, after.toAlive());
  }

  /** Says the opposite with a higher incarnation, which only we ourselves may give out (SWIM §4.2). */
  #refute(accused: number): void {
    const { local } = this;
    this.#announce(local, Math.min(Math.max(local.incarnation, accused) + 1, INCARNATION_MAX), local.meta);
    // Whoever has to refute has not been answering: a sign that we are the slow one (Lifeguard §IV).
    this.#context.changeHealth(1);
  }

  /**
   * An old accusation of us: gossip, which draws whom it tells, has left somebody out. We say it again, first of all with
   * the ack where the accusation came with a ping. Not while we are saying it: so this adds no more than gossip's pace
   * carries, however often we are accused.
   */
  #refuteAgain(known: Member, message: Accusation | undefined): void {
    const { self } = this.#context;
    if (known.name !== self || known.status !== "alive" || message === undefined) return;
    if (!this.#dissemination.isTelling(self)) this.#dissemination.queueMembership(self, known.toAlive());
  }

  // ---- alive ----

  /** @param from the packet's source. */
  aliveMessage(message: Alive, from: Endpoint): void {
    const { delegate, records } = this.#context;
    const refusal = delegate.refuseEndpoint?.(from);
    if (refusal !== undefined) return this.#context.drop(`alive message from ${from}: ${refusal}`);
    const known = this.#list.get(message.node);
    if (known !== undefined && this.#isStale(known, message)) return;
    const candidate = records.memberOfAlive(message, this.#defaultPort);
    if (candidate === undefined) return this.#context.drop(`alive message about ${message.node} without an address`);
    const inside = delegate.refuseEndpoint?.(candidate.endpoint);
    if (inside !== undefined) return this.#context.drop(`alive message about ${described(candidate)}: ${inside}`);
    this.#alive(candidate, message.port === 0 ? undefined : message);
  }

  /** Most of what gossip brings has been brought before: seen without making anything. */
  #isStale(known: Member, { incarnation, addr, port }: Pick<Alive, "incarnation" | "addr" | "port">): boolean {
    if (known.name === this.#context.self || incarnation > known.incarnation) return false;
    return port === known.port && sameBytes(addr, known.addr);
  }

  /** @param message what to pass on, where there was one. */
  #alive(candidate: Member, message: Alive | undefined): void {
    const { delegate, nowMs, rng, self } = this.#context;
    const isSelf = candidate.name === self;
    if (isSelf && this.#leaving) return;
    const refusal = refusedVersions(candidate) ?? delegate.refuseMember(candidate);
    if (refusal !== undefined) return this.#context.drop(`alive message about ${described(candidate)}: ${refusal}`);
    const known = this.#list.get(candidate.name);
    const moved = known !== undefined && known.endpoint !== candidate.endpoint;
    if (known === undefined || moved) {
      const refused = delegate.refuseEndpoint?.(candidate.endpoint);
      if (refused !== undefined) return this.#context.drop(`alive message about ${described(candidate)}: ${refused}`);
    }
    if (known === undefined) {
      if (candidate.incarnation === 0) return;
      if (this.#list.size >= MEMBERS_MAX) return this.#context.drop(`too many members to know ${candidate.name} too`);
    } else {
      if (moved && !this.#mayMove(known)) {
        return this.#context.emit({ type: "nameConflict", known, other: candidate });
      }
      const { incarnation } = known;
      if (isSelf ? candidate.incarnation < incarnation : candidate.incarnation <= incarnation && !moved) return;
    }
    this.#clearSuspicion(candidate.name);
    if (isSelf && known !== undefined) return this.#aliveSelf(known, candidate);
    this.#dissemination.queueMembership(candidate.name, message ?? candidate.toAlive());
    if (known === undefined) this.#list.add(candidate, rng);
    else this.#list.replace(candidate, nowMs);
    if (known?.status !== "alive" || moved || !sameBytes(known.meta, candidate.meta)) {
      this.#context.emit({ type: "memberChanged", before: known, after: candidate });
    }
  }

  /** The address of a name may change when its owner has left, or is dead for long enough. */
  #mayMove(known: Member): boolean {
    if (known.status === "left") return true;
    const { nowMs, settings } = this.#context;
    if (known.status !== "dead" || settings.deadNodeReclaimMs <= 0) return false;
    return this.#list.goneForMs(known.name, nowMs) > settings.deadNodeReclaimMs;
  }

  /**
   * Somebody passes on what we said. The same incarnation with other content comes from an earlier life of ours with
   * other settings, and nobody would take the new ones without a higher incarnation.
   */
  #aliveSelf(local: Member, said: Member): void {
    const same =
      said.incarnation === local.incarnation &&
      sameBytes(said.meta, local.meta) &&
      sameVersions(said.versions, local.versions);
    if (!same) this.#refute(said.incarnation);
  }

  // ---- suspect ----

  suspect(name: string, incarnation: number, from: string, message?: Accusation): void {
    const { nowMs, self } = this.#context;
    const known = this.#list.get(name);
    if (known === undefined) return;
    if (incarnation < known.incarnation) return this.#refuteAgain(known, message);
    const accusation = (): Accusation => message ?? { type: "suspect", incarnation, node: name, from };
    const suspicion = this.#suspicions.get(known.name);
    if (suspicion !== undefined) {
      // Passed on only while it still shortens the suspicion, and once for each accuser (Lifeguard §IV).
      if (!suspicion.confirm(from)) return;
      this.#context.timers.set(suspicion.timer, Math.max(nowMs, suspicion.deadlineMs));
      return this.#dissemination.queueMembership(name, accusation());
    }
    if (known.status !== "alive") return;
    if (name === self) return this.#refute(incarnation);
    this.#dissemination.queueMembership(name, accusation());
    const after = known.as("suspect", incarnation);
    this.#list.replace(after, nowMs);
    this.#startSuspicion(known.name, from);
    this.#context.emit({ type: "memberChanged", before: known, after });
  }

  #startSuspicion(name: NodeName, from: string): void {
    const { nowMs, settings, timers } = this.#context;
    const { suspicionMult, probeIntervalMs, suspicionMaxMultiplier } = settings;
    const limits = suspicionLimits(suspicionMult, this.#list.size, probeIntervalMs, suspicionMaxMultiplier);
    const timer = new Timer(() => this.#suspicionOver(name));
    const suspicion = new Suspicion(from, limits, nowMs, timer);
    this.#suspicions.set(name, suspicion);
    timers.set(timer, suspicion.deadlineMs);
  }

  #clearSuspicion(name: NodeName): void {
    const suspicion = this.#suspicions.get(name);
    if (suspicion === undefined) return;
    this.#suspicions.delete(name);
    this.#context.timers.clear(suspicion.timer);
  }

  #suspicionOver(name: NodeName): void {
    this.#suspicions.delete(name);
    const known = this.#list.get(name);
    if (known?.status === "suspect") this.dead(name, known.incarnation, this.#context.self);
  }

  /** We stood still: nobody had these milliseconds to be heard by us. */
  delaySuspicions(ms: number): void {
    for (const suspicion of this.#suspicions.values()) {
      suspicion.delay(ms);
      this.#context.timers.set(suspicion.timer, suspicion.timer.atMs + ms);
    }
  }

  // ---- dead and left ----

  /** A member that says it about itself leaves. */
  dead(name: string, incarnation: number, from: string, message?: Accusation): void {
    const known = this.#list.get(name);
    if (known === undefined) return;
    if (incarnation < known.incarnation) return this.#refuteAgain(known, message);
    this.#clearSuspicion(known.name);
    if (isGone(known)) return;
    if (name === this.#context.self) return this.#refute(incarnation);
    this.#dissemination.queueMembership(name, message ?? { type: "dead", incarnation, node: name, from });
    this.#gone(known, incarnation, from);
  }

  #gone(known: Member, incarnation: number, from: string): void {
    const after = known.as(known.name === from ? "left" : "dead", incarnation);
    this.#list.replace(after, this.#context.nowMs);
    this.#context.emit({ type: "memberChanged", before: known, after });
  }

  /**
   * @param tellAll each by ourselves, besides gossip.
   * @param told called once everybody should know.
   */
  leave(tellAll: boolean, told: () => void): void {
    if (this.#leaving) return;
    this.#leaving = true;
    const { local } = this;
    const { name, incarnation } = local;
    const anybody = this.#list.presentCount > 1;
    const message = { type: "dead", incarnation, node: name, from: name } as const;
    if (tellAll) this.#dissemination.sendToAll(message);
    this.#dissemination.queueMembership(name, message, anybody ? told : undefined);
    this.#gone(local, incarnation, name);
    if (!anybody) told();
  }

  // ---- push/pull ----

  /** @returns why nothing of it is taken, or undefined. */
  refusedMerge(nodes: readonly PushPullNode[], join: boolean): string | undefined {
    const refusal = incompatibility(nodes, this.#list);
    if (refusal !== undefined || !join) return refusal;
    const members = nodes.map((node) => memberOfNode(node, this.#defaultPort)).filter((member) => member !== undefined);
    return this.#context.delegate.refuseMerge(members);
  }

  /** A peer's whole list. Death is not believed at second hand: it is a suspicion, which the member may refute. */
  merge(nodes: readonly PushPullNode[]): void {
    for (const node of nodes) {
      const { name, incarnation } = node;
      if (node.state === "alive") this.#aliveNode(node);
      else if (node.state === "left") this.dead(name, incarnation, name);
      else this.suspect(name, incarnation, this.#context.self);
    }
  }

  #aliveNode(node: PushPullNode): void {
    const known = this.#list.get(node.name);
    if (known !== undefined && this.#isStale(known, node)) return;
    const candidate = memberOfNode(node, this.#defaultPort);
    if (candidate === undefined) return this.#context.drop(`member ${node.name} of a push/pull without an address`);
    this.#alive(candidate, undefined);
  }
}

/** @returns why a member cannot be taken for what it says it speaks, or undefined. */
function refusedVersions({ versions }: Member): string | undefined {
  if (versions === undefined) return "it does not say which versions it speaks";
  const { protocolMin, protocolMax, protocolCurrent } = versions;
  if (protocolMin > 0 && protocolMax > 0 && protocolMin <= protocolMax) return undefined;
  return `protocol versions are wrong: ${protocolMin} <= ${protocolCurrent} <= ${protocolMax} should be >0`;
}
