/** Large clusters at work: how fast news spreads, what it costs, and how often the living are taken for dead. */

import type { Member } from "../../gossip/swim/member.ts";
import { LAN_SETTINGS, type SwimSettings } from "../../gossip/swim/settings.ts";
import { shuffle } from "../../lib/random.ts";
import { CALM_NETWORK, SimNetwork } from "../sim-network.ts";
import { Simulator } from "../simulator.ts";
import { detectionMs, gossipRounds, spreadMs } from "./bounds.ts";
import { SharedRecords } from "./shared-records.ts";
import { type GossipWorld, type Observer, SimMember } from "./sim-member.ts";

export interface MeasureOptions {
  readonly seed: number;
  readonly members: number;
  readonly loss: number;
}

/** Everybody's news of themselves has gone round by then. */
const WARM_UP_MS = 15_000;
const LATENCY = { delayMinMs: 0.5, delayMaxMs: 2 };

class Crowd {
  readonly sim: Simulator;
  readonly world: GossipWorld;
  readonly members: SimMember[];

  /** Members that know each other from the start: how ten thousand join is not what is measured. */
  constructor({ seed, members, loss }: MeasureOptions, settings: SwimSettings, extra = 0) {
    this.sim = new Simulator(seed);
    const { sim } = this;
    const network = new SimNetwork(sim, { ...CALM_NETWORK, ...LATENCY, loss });
    const observer: Observer = { changed: () => {}, stepped: () => {} };
    this.world = {
      sim,
      network,
      records: new SharedRecords(),
      settings,
      byEndpoint: new Map(),
      broken: undefined,
      observer,
    };
    this.members = Array.from({ length: members + extra }, (_, at) => new SimMember(at, this.world));
    const known = this.members.slice(0, members).map((member) => member.record());
    for (const member of this.members.slice(0, members)) {
      const list = this.world.records.list();
      for (const record of shuffle(sim.rng, known)) list.add(record as Member, sim.rng);
      member.boot(list);
    }
  }

  run(forMs: number): void {
    this.sim.runUntil(this.sim.nowMs + forMs);
  }

  bytes(): { readonly packets: number; readonly packetBytes: number; readonly streamBytes: number } {
    let packets = 0;
    let packetBytes = 0;
    let streamBytes = 0;
    for (const member of this.members) {
      packets += member.packets;
      packetBytes += member.packetBytes;
      streamBytes += member.streamBytes;
    }
    return { packets, packetBytes, streamBytes };
  }
}

/** Times in milliseconds since the event, in order. */
function summary(times: readonly number[], expected: number): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number => Math.round(sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? -1);
  return `first ${at(0)}, half ${at(0.5)}, 99 % ${at(0.99)}, all ${at(1)} ms (${sorted.length} of ${expected})`;
}

/** How long until all know of a join and of a failure. */
export function measureSpread(options: MeasureOptions, print: (line: string) => void): void {
  const { members, loss } = options;
  const settings = LAN_SETTINGS;
  const crowd = new Crowd(options, settings, 1);
  crowd.run(WARM_UP_MS);
  const seen = new Map<string, Map<string, number>>();
  let sinceMs = crowd.sim.nowMs;
  crowd.world.observer.changed = (by, _before, after) => {
    const key = `${after.name} ${after.status}`;
    let times = seen.get(key);
    if (times === undefined) {
      times = new Map();
      seen.set(key, times);
    }
    if (!times.has(by.name)) times.set(by.name, crowd.sim.nowMs - sinceMs);
  };
  const times = (key: string): number[] => [...(seen.get(key)?.values() ?? [])];

  const joiner = crowd.members.at(-1)!;
  joiner.boot();
  joiner.join(() => crowd.members[0]);
  const rounds = gossipRounds(members, settings.gossipNodes, loss);
  crowd.run(Math.max(10_000, 4 * spreadMs(members, settings, loss)));
  seen.get(`${joiner.name} alive`)?.delete(joiner.name);
  print(`join: ${summary(times(`${joiner.name} alive`), members)}`);
  print(
    `  formula: log n / log(1+f(1-p)) + ln n / f(1-p) = ${rounds.toFixed(1)} rounds of ${settings.gossipIntervalMs} ms = ` +
      `${Math.round(spreadMs(members, settings, loss))} ms`,
  );

  const victim = crowd.members[Math.floor(members / 2)]!;
  sinceMs = crowd.sim.nowMs;
  seen.clear();
  victim.crash();
  crowd.run(3 * detectionMs(members, settings, loss));
  print(`failure suspected: ${summary(times(`${victim.name} suspect`), members)}`);
  print(`failure known: ${summary(times(`${victim.name} dead`), members)}`);
  print(
    `  formula: e/(e-1) + 1 intervals, suspicion ${settings.suspicionMult} log10 n intervals, spread = ` +
      `${Math.round(detectionMs(members, settings, loss))} ms`,
  );
  let others = 0;
  for (const key of seen.keys()) if (!key.startsWith(victim.name) && key.endsWith(" dead")) others++;
  print(`others taken for dead: ${others}`);
}

/** What a quiet cluster costs each member. */
export function measureBytes(options: MeasureOptions, forMs: number, print: (line: string) => void): void {
  const crowd = new Crowd(options, LAN_SETTINGS);
  crowd.run(WARM_UP_MS);
  const before = crowd.bytes();
  crowd.run(forMs);
  const after = crowd.bytes();
  const perSecond = (key: keyof typeof after): string =>
    ((after[key] - before[key]) / options.members / (forMs / 1_000)).toFixed(2);
  print(
    `${options.members} members, ${forMs / 1_000} s: ${perSecond("packets")} packets and ${perSecond("packetBytes")} bytes ` +
      `a second and member in packets, ${perSecond("streamBytes")} bytes in push/pulls`,
  );
}

export const VARIANTS = {
  /** SWIM with suspicion, as the paper has it: one timeout, no local health, no buddy. */
  swim: {
    ...LAN_SETTINGS,
    suspicionMaxMultiplier: 1,
    awarenessMaxMultiplier: 1,
    buddy: false,
    lagToleratedMs: Number.POSITIVE_INFINITY,
  },
  /** memberlist's Lifeguard. */
  lifeguard: { ...LAN_SETTINGS, lagToleratedMs: Number.POSITIVE_INFINITY },
  /** And time in which a process stood still counts against nobody. */
  tribune: LAN_SETTINGS,
} as const satisfies Record<string, SwimSettings>;

export interface SlowResult {
  /** Distinct lives of members that run well and were declared dead, and how many members believed it. */
  readonly healthyFailures: number;
  readonly healthyViews: number;
  /** The same for the slow ones themselves, which did not answer for seconds. */
  readonly slowFailures: number;
  readonly slowViews: number;
  /** From a crash until half of the members, and until all that were not slow, knew. */
  readonly detectionMs: readonly [half: number, all: number];
}

/**
 * Stops and runs of a slow process, drawn anew each time, evenly on a log scale: often it gets just enough time to send
 * its pings and none to read what comes back, as in Lifeguard's experiments.
 */
const STOP_MS = [1_000, 20_000] as const;
const RUN_MS = [1, 3_000] as const;

/** Five of a hundred members are slow again and again: they do not run, or do not hear and are not heard. */
export function measureSlow(
  options: MeasureOptions,
  settings: SwimSettings,
  how: "stopped" | "deaf",
  forMs: number,
): SlowResult {
  const crowd = new Crowd(options, settings);
  const { sim } = crowd;
  crowd.run(WARM_UP_MS);
  const slow = new Set(crowd.members.filter((_, at) => at % 20 === 7));
  const failures = { healthy: new Set<string>(), slow: new Set<string>() };
  const views = { healthy: 0, slow: 0 };
  const victim = crowd.members[3]!;
  const detected: number[] = [];
  let crashedMs = 0;
  const byName = new Map(crowd.members.map((member) => [member.name as string, member]));
  crowd.world.observer.changed = (by, _before, after) => {
    if (after.status !== "dead") return;
    const subject = byName.get(after.name)!;
    if (!subject.isUp) {
      if (!slow.has(by)) detected.push(sim.nowMs - crashedMs);
      return;
    }
    const kind = slow.has(subject) ? "slow" : "healthy";
    failures[kind].add(`${after.name} ${after.incarnation}`);
    views[kind]++;
  };
  const between = ([min, max]: readonly [number, number]): number => min * (max / min) ** sim.rng.next();
  for (const member of slow) {
    const stop = (): void => {
      const stopMs = between(STOP_MS);
      if (how === "stopped") member.pause(stopMs);
      else member.deafen(stopMs);
      sim.after(stopMs + between(RUN_MS), stop);
    };
    sim.after(between(RUN_MS), stop);
  }
  crowd.run(forMs);
  const result = { healthyFailures: failures.healthy.size, healthyViews: views.healthy };
  const slowResult = { slowFailures: failures.slow.size, slowViews: views.slow };
  crashedMs = sim.nowMs;
  victim.crash();
  crowd.run(120_000);
  detected.sort((a, b) => a - b);
  const half = detected[detected.length >> 1] ?? Number.NaN;
  return { ...result, ...slowResult, detectionMs: [Math.round(half), Math.round(detected.at(-1) ?? Number.NaN)] };
}
