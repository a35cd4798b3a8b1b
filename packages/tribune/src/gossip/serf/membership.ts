/**
 * Who is in the pool: SWIM says who answers, intents say who means to come and go, and Lamport times say which of two
 * intents is the later (sheet serf §3).
 */
import { GossipCodecError } from "../../codec/gossip-error.ts";
import { encodeSerfMessage } from "../../codec/serf-messages.ts";
import type { MemberTags } from "../../codec/serf-tags.ts";
import { parseGoDuration } from "../../lib/duration.ts";
import { randomInt } from "../../lib/random.ts";
import type { Rng } from "../../lib/runtime.ts";
import type { Endpoint } from "../swim/endpoint.ts";
import type { MemberState, NodeName } from "../swim/types.ts";
import type { LamportClock } from "./lamport.ts";
import { endpointOfMember, serfMemberOf } from "./member.ts";
import { INTENT, type Outbox } from "./outbox.ts";
import { RecentIntents } from "./recent-intents.ts";
import { PRUNES_MAX, type SerfSettings } from "./settings.ts";
import type { SerfMember, SerfStatus } from "./types.ts";

interface MemberRecord {
  readonly member: SerfMember;
  /** Of the last intent about it. */
  readonly statusLTime: number;
  /** When it failed or left, or began leaving; 0 while it is alive. */
  readonly leftAtMs: number;
}

/** A member's own wish for how long it is remembered (Consul's `advertise_reconnect_timeout`). */
const RECONNECT_TIMEOUT_TAG = "rc_tm";
/** A leave takes some ten seconds: who answers after this has not left, whatever was heard of it. */
const LEAVING_TIMEOUT_MS = 60_000;
/** A member that comes back so soon flaps. */
const FLAP_TIMEOUT_MS = 60_000;
const MS_NS = 1e6;

export interface MembershipOptions {
  readonly name: string;
  readonly settings: SerfSettings;
  readonly clock: LamportClock;
  readonly rng: Rng;
  readonly outbox: Outbox;
  /** False once we are leaving: then a leave intent about us is the truth. */
  readonly isStaying: () => boolean;
  readonly onErased: (name: string) => void;
}

export class Membership {
  readonly #options: MembershipOptions;
  readonly #records = new Map<string, MemberRecord>();
  readonly #intents: RecentIntents;
  /** Members that a forced leave erases once it had time to spread. */
  readonly #prunes = new Map<string, number>();

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#intents = new RecentIntents(options.settings.recentIntentTimeoutMs);
  }

  all(): SerfMember[] {
    return Array.from(this.#records.values(), ({ member }) => member);
  }

  get size(): number {
    return this.#records.size;
  }

  get(name: string): SerfMember | undefined {
    return this.#records.get(name)?.member;
  }

  /** By name, for a push/pull. */
  statusLTimes(): ReadonlyMap<string, number> {
    return new Map(Array.from(this.#records, ([name, { statusLTime }]) => [name, statusLTime]));
  }

  leftMembers(): readonly string[] {
    return this.all().flatMap(({ name, status }) => (status === "left" ? [name] : []));
  }

  /** Members that SWIM counts as there. */
  get answering(): number {
    return this.all().filter(({ status }) => status === "alive" || status === "leaving").length;
  }

  /** Where those are who take part, ourselves left out. */
  endpointsOfOthers(): readonly (readonly [NodeName, Endpoint])[] {
    return this.all().flatMap((member) => {
      if (member.name === this.#options.name || (member.status !== "alive" && member.status !== "leaving")) return [];
      const endpoint = endpointOfMember(member);
      return endpoint === undefined ? [] : [[member.name as NodeName, endpoint] as const];
    });
  }

  get hasOthersAlive(): boolean {
    return this.all().some(({ name, status }) => status === "alive" && name !== this.#options.name);
  }

  // ---- what SWIM says ----

  changed(nowMs: number, before: MemberState | undefined, after: MemberState): void {
    const wasThere = before !== undefined && isThere(before);
    if (isThere(after)) {
      if (!wasThere) this.#joined(nowMs, after);
      else if (Buffer.compare(before.meta, after.meta) !== 0) this.#updated(after);
    } else if (wasThere) this.#gone(nowMs, after);
  }

  #joined(nowMs: number, state: MemberState): void {
    const { outbox } = this.#options;
    const known = this.#records.get(state.name);
    if (known?.member.status === "failed" && nowMs - known.leftAtMs < FLAP_TIMEOUT_MS) outbox.count("member.flap");
    // A leave intent that overtook its member still holds; of a join intent only the time matters.
    const intent = known === undefined ? this.#intents.get(state.name) : undefined;
    const status: SerfStatus = intent?.type === "leave" ? "leaving" : "alive";
    const member = serfMemberOf(state, status, this.#tagsOf(state));
    const statusLTime = known?.statusLTime ?? intent?.lTime ?? 0;
    this.#records.set(state.name, { member, statusLTime, leftAtMs: status === "leaving" ? nowMs : 0 });
    outbox.count("member.join");
    outbox.log("INFO", `EventMemberJoin: ${member.name} ${member.host}`);
    outbox.put({ type: "member", event: "join", member });
  }

  #updated(state: MemberState): void {
    const known = this.#records.get(state.name);
    if (known === undefined) return;
    const { outbox } = this.#options;
    const member = serfMemberOf(state, known.member.status, this.#tagsOf(state));
    this.#records.set(state.name, { ...known, member });
    outbox.count("member.update");
    outbox.log("INFO", `EventMemberUpdate: ${member.name}`);
    outbox.put({ type: "member", event: "update", member });
  }

  #gone(nowMs: number, state: MemberState): void {
    const known = this.#records.get(state.name);
    if (known === undefined) return;
    const { outbox } = this.#options;
    const status = known.member.status === "leaving" ? "left" : known.member.status === "alive" ? "failed" : undefined;
    if (status === undefined) return;
    const member = this.#setStatus(known, status, nowMs);
    outbox.count(`member.${status}`);
    outbox.log(
      "INFO",
      `${status === "left" ? "EventMemberLeave" : "EventMemberFailed"}: ${member.name} ${member.host}`,
    );
    outbox.put({ type: "member", event: status === "left" ? "leave" : "failed", member });
  }

  #setStatus(record: MemberRecord, status: SerfStatus, leftAtMs: number): SerfMember {
    const member = { ...record.member, status };
    this.#records.set(member.name, { ...record, member, leftAtMs });
    return member;
  }

  #tagsOf(state: MemberState): MemberTags {
    try {
      return serfMemberOf(state, "alive").tags;
    } catch (error) {
      if (!(error instanceof GossipCodecError)) throw error;
      this.#options.outbox.log("ERROR", `Failed to decode tags: ${error.message}`);
      return new Map();
    }
  }

  // ---- intents ----

  /** Tells everybody that we are here. */
  announce(nowMs: number): void {
    const { clock, name, outbox } = this.#options;
    const lTime = clock.time;
    this.joinIntent(nowMs, name, lTime);
    outbox.broadcast(INTENT, encodeSerfMessage({ type: "join", lTime, node: name }));
  }

  /** @returns whether it is news, and therefore to be passed on. */
  joinIntent(nowMs: number, name: string, lTime: number): boolean {
    this.#options.clock.witness(lTime);
    const known = this.#records.get(name);
    if (known === undefined) return this.#intents.add(nowMs, name, "join", lTime);
    if (lTime <= known.statusLTime) return false;
    const { member } = known;
    const record = { ...known, statusLTime: lTime };
    this.#records.set(name, record);
    // It came back: the leave that we had heard of was older.
    if (member.status === "leaving") this.#stayed(record);
    return true;
  }

  /** Whoever was told that it is leaving, by its join even, must hear that it is not: no other event will follow. */
  #stayed(record: MemberRecord): void {
    const member = this.#setStatus(record, "alive", 0);
    this.#options.outbox.put({ type: "member", event: "update", member });
  }

  /**
   * A peer knows of an intent about us at `lTime`. One that is later than all we know was a leave, of an earlier life or
   * forced: whoever heard of it and not of our return takes us for leaving, so that we say once more that we are here.
   */
  toldOfSelf(nowMs: number, lTime: number): void {
    const { clock, name, isStaying } = this.#options;
    clock.witness(lTime);
    if (isStaying() && lTime > (this.#records.get(name)?.statusLTime ?? 0)) this.announce(nowMs);
  }

  /** @returns whether it is news, and therefore to be passed on. */
  leaveIntent(nowMs: number, name: string, lTime: number, prune: boolean): boolean {
    const { clock, outbox, isStaying } = this.#options;
    clock.witness(lTime);
    const known = this.#records.get(name);
    if (known === undefined) return this.#intents.add(nowMs, name, "leave", lTime);
    if (lTime <= known.statusLTime) return false;
    if (name === this.#options.name && isStaying()) {
      outbox.log("DEBUG", "Refuting an older leave intent");
      this.announce(nowMs);
      return false;
    }
    // The time is kept whatever becomes of the status, or two members would pass two leaves about one member on to
    // each other for ever.
    const record = { ...known, statusLTime: lTime };
    this.#records.set(name, record);
    if (known.member.status === "alive") this.#setStatus(record, "leaving", nowMs);
    if (known.member.status === "failed") {
      const member = this.#setStatus(record, "left", known.leftAtMs);
      outbox.log("INFO", `EventMemberLeave (forced): ${name} ${member.host}`);
      outbox.put({ type: "member", event: "leave", member });
    }
    if (prune) this.#prune(nowMs, name);
    return true;
  }

  /** At once, but a member that is still leaving gets the time to say so. */
  #prune(nowMs: number, name: string): void {
    const { broadcastTimeoutMs, leavePropagateDelayMs } = this.#options.settings;
    if (this.get(name)?.status !== "leaving") this.#erasePruned(name);
    else if (this.#prunes.size < PRUNES_MAX) this.#prunes.set(name, nowMs + broadcastTimeoutMs + leavePropagateDelayMs);
  }

  #erasePruned(name: string): void {
    const member = this.get(name);
    if (member === undefined) return;
    this.#options.outbox.log("INFO", `EventMemberReap (forced): ${name} ${member.host}`);
    this.#erase(member);
  }

  #erase(member: SerfMember): void {
    this.#records.delete(member.name);
    this.#options.onErased(member.name);
    this.#options.outbox.put({ type: "member", event: "reap", member });
  }

  // ---- time ----

  nextPruneAt(): number | undefined {
    return this.#prunes.size === 0 ? undefined : Math.min(...this.#prunes.values());
  }

  /** Erases the pruned whose time has come. Who has refuted its leave in the meantime stays. */
  pruneDue(nowMs: number): void {
    for (const [name, atMs] of this.#prunes) {
      if (atMs > nowMs) continue;
      this.#prunes.delete(name);
      const status = this.get(name)?.status;
      if (status === "leaving" || status === "left") this.#erasePruned(name);
    }
  }

  /** Erases who has been gone for too long, and takes back what was not true. */
  reap(nowMs: number): void {
    const { reconnectTimeoutMs, tombstoneTimeoutMs } = this.#options.settings;
    for (const record of [...this.#records.values()]) {
      const { member, leftAtMs } = record;
      if (member.status === "leaving" && nowMs - leftAtMs > LEAVING_TIMEOUT_MS) this.#stays(record);
      if (member.status !== "failed" && member.status !== "left") continue;
      const timeoutMs = member.status === "failed" ? reconnectTimeoutMs : tombstoneTimeoutMs;
      if (nowMs - leftAtMs <= (ownTimeoutMs(member) ?? timeoutMs)) continue;
      this.#options.outbox.log("INFO", `EventMemberReap: ${member.name}`);
      this.#erase(member);
    }
    this.#intents.expire(nowMs);
  }

  /**
   * Join and leave intents of one time are possible: a push/pull tells of a leave as one later than it was. Who hears
   * the leave first would wait for ever.
   */
  #stays(record: MemberRecord): void {
    const { name, outbox, isStaying } = this.#options;
    if (record.member.name === name && !isStaying()) return;
    outbox.log("DEBUG", `${record.member.name} was leaving, and is still here`);
    this.#stayed(record);
  }

  /**
   * Tries one failed member again, with such chance that each is tried by somebody once in an interval.
   */
  reconnect(): void {
    const { rng, outbox } = this.#options;
    const members = this.all();
    const failed = members.filter(({ status }) => status === "failed");
    if (failed.length === 0) return;
    const gone = members.filter(({ status }) => status === "failed" || status === "left").length;
    if (rng.next() > failed.length / Math.max(1, members.length - gone)) {
      outbox.log("DEBUG", "forgoing reconnect for random throttling");
      return;
    }
    const member = failed[randomInt(rng, failed.length)]!;
    const endpoint = endpointOfMember(member);
    if (endpoint === undefined) return;
    outbox.log("INFO", `attempting reconnect to ${member.name} ${endpoint}`);
    outbox.swim({ type: "join", endpoint });
  }
}

function isThere({ status }: MemberState): boolean {
  return status === "alive" || status === "suspect";
}

/** undefined where the member has no wish, or none that can be read. */
function ownTimeoutMs({ tags }: SerfMember): number | undefined {
  const ns = parseGoDuration(tags.get(RECONNECT_TIMEOUT_TAG) ?? "");
  return ns === undefined || ns === 0 ? undefined : ns / MS_NS;
}
