import { randomInt } from "../../lib/random.ts";
import { CALM_NETWORK } from "../sim-network.ts";
import type { SimAgent, SimDatacenter } from "./datacenter.ts";

export interface NemesisOptions {
  /** Between two faults at most, in milliseconds. */
  readonly pauseMaxMs: number;
  /** Those who never leave: a session's node has to stay in the catalog. */
  readonly stays: (each: SimAgent) => boolean;
  /** Leaders stand still more often than all other harm together, for longer than an election takes. */
  readonly stallsLeaders?: boolean;
}

/** Clocks may be wrong by so much, as a share; the read lease allows for it. */
const PACE_ERROR = 0.03;
/** How long a leader that stood still answers, if it may, before it hears of another. */
const UNTOLD_MS = 300;
/** A leave that takes longer is ended by its operator. */
const LEAVE_MAX_MS = 60_000;

/** Does harm at random moments: the adversary of a simulated datacenter. */
export class Nemesis {
  readonly #datacenter: SimDatacenter;
  readonly #options: NemesisOptions;
  readonly #kinds = new Map<string, number>();
  /** On their way out. */
  readonly #leaving = new Set<SimAgent>();
  readonly #everLeft = new Set<SimAgent>();
  readonly #awayAtMs = new Map<SimAgent, number>();
  #stopped = false;

  constructor(datacenter: SimDatacenter, options: NemesisOptions) {
    this.#datacenter = datacenter;
    this.#options = options;
    this.#schedule();
  }

  get faults(): number {
    return [...this.#kinds.values()].reduce((sum, count) => sum + count, 0);
  }

  get kinds(): ReadonlyMap<string, number> {
    return this.#kinds;
  }

  /** Whether it ever began to leave. */
  hasLeft(each: SimAgent): boolean {
    return this.#everLeft.has(each);
  }

  isLeaving(each: SimAgent): boolean {
    return this.#leaving.has(each);
  }

  /** Until when it was about to leave, or some links of its were cut, or it stood still. */
  awayAtMs(each: SimAgent): number {
    if (this.#leaving.has(each)) return this.#datacenter.sim.nowMs;
    return this.#awayAtMs.get(each) ?? 0;
  }

  /** Stops and mends everything: links, disks, clocks, processes. Those in `dead` stay down. */
  stop(dead: readonly SimAgent[]): void {
    this.#stopped = true;
    const { network, agents } = this.#datacenter;
    network.blocked.clear();
    network.faults = CALM_NETWORK;
    for (const each of agents) {
      each.host.files.slownessMs = 0;
      each.host.files.syncFailures = 0;
      each.host.setPace(1);
      network.wake(each.host.address);
      if (each.agent === undefined && !dead.includes(each)) this.#boot(each);
    }
  }

  /** A process that ended itself is started again, as by a supervisor. */
  ended(each: SimAgent): void {
    this.#crash(each, "ends itself");
  }

  #schedule(): void {
    const { sim } = this.#datacenter;
    sim.after(200 + randomInt(sim.rng, this.#options.pauseMaxMs), () => {
      if (this.#stopped) return;
      this.#strike();
      this.#schedule();
    });
  }

  #strike(): void {
    const { rng } = this.#datacenter.sim;
    const dice = rng.next();
    if (this.#options.stallsLeaders === true && rng.next() < 0.8) return this.#stallLeader();
    const victim = this.#pick();
    if (dice < 0.25) this.#crash(victim, "loses power");
    else if (dice < 0.28) this.#crashMany("servers lose power", (each) => each.server);
    else if (dice < 0.3) this.#crashMany("all lose power", () => true);
    else if (dice < 0.45) this.#partition();
    else if (dice < 0.56) this.#cutOneWay(victim);
    else if (dice < 0.68) this.#pause(victim);
    else if (dice < 0.74) this.#skew(victim);
    else if (dice < 0.8) this.#slowDisk(victim);
    else if (dice < 0.84) this.#failDisk(victim);
    else if (dice < 0.92) this.#leave(victim);
    else this.#weather();
  }

  #note(kind: string, what: string): void {
    this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1);
    this.#datacenter.sim.record(what);
  }

  /** Servers more often than their share, the leader most of all. */
  #pick(): SimAgent {
    const { agents, sim } = this.#datacenter;
    const leader = this.#leader();
    const dice = sim.rng.next();
    if (leader !== undefined && dice < 0.3) return leader;
    const servers = agents.filter(({ server }) => server);
    if (dice < 0.6) return servers[randomInt(sim.rng, servers.length)]!;
    return agents[randomInt(sim.rng, agents.length)]!;
  }

  #leader(): SimAgent | undefined {
    const { agents } = this.#datacenter;
    return agents.find(({ ready, agent }) => ready && agent?.mode.stats().consul?.leader === "true");
  }

  #boot(each: SimAgent): void {
    const { sim } = this.#datacenter;
    sim.record(`${each.name} starts`);
    const life = each.life + 1;
    this.#datacenter.boot(each).catch((error: unknown) => {
      sim.record(`${each.name} cannot start: ${String(error)}`);
      if (each.life !== life || each.agent === undefined) return;
      // A disk that fails for now is tried again; anything else is for the checker.
      if (!/EIO/.test(String(error))) each.fatal.push(error as Error);
      else this.#crash(each, "could not start");
    });
  }

  #crash(each: SimAgent, why: string): void {
    if (each.agent === undefined) return;
    const { sim } = this.#datacenter;
    this.#note("crash", `${each.name} ${why}`);
    if (this.#leaving.delete(each)) this.#awayAtMs.set(each, sim.nowMs);
    this.#datacenter.crash(each.name);
    const { life } = each;
    const downMs = sim.rng.next() < 0.6 ? randomInt(sim.rng, 2000) : randomInt(sim.rng, 40_000);
    sim.after(downMs, () => {
      if (!this.#stopped && each.agent === undefined && each.life === life) this.#boot(each);
    });
  }

  #crashMany(why: string, whom: (each: SimAgent) => boolean): void {
    for (const each of this.#datacenter.agents) if (whom(each)) this.#crash(each, why);
  }

  #block(links: readonly string[], forMs: number, what: string): void {
    const { sim, network } = this.#datacenter;
    this.#note(what, `${what}: ${links.length} links for ${forMs} ms`);
    for (const link of links) network.blocked.add(link);
    for (const each of this.#datacenter.agents)
      if (links.some((link) => link.split(">").includes(each.host.address)))
        this.#awayAtMs.set(each, Math.max(this.#awayAtMs.get(each) ?? 0, sim.nowMs + forMs));
    sim.after(forMs, () => {
      for (const link of links) network.blocked.delete(link);
    });
  }

  /** Two sides that do not hear each other; one of them may be a single host. */
  #partition(): void {
    const { agents, sim } = this.#datacenter;
    const alone = sim.rng.next() < 0.4 ? this.#pick() : undefined;
    const inside = new Set(agents.filter((each) => (alone === undefined ? sim.rng.next() < 0.5 : each === alone)));
    const links = [...inside].flatMap((one) =>
      agents
        .filter((other) => !inside.has(other))
        .flatMap((other) => [`${one.host.address}>${other.host.address}`, `${other.host.address}>${one.host.address}`]),
    );
    this.#block(links, randomInt(sim.rng, 20_000), "partition");
  }

  #cutOneWay(victim: SimAgent): void {
    const { agents, sim } = this.#datacenter;
    const outward = sim.rng.next() < 0.5;
    const links = agents
      .filter((other) => other !== victim && sim.rng.next() < 0.7)
      .map(({ host }) =>
        outward ? `${victim.host.address}>${host.address}` : `${host.address}>${victim.host.address}`,
      );
    this.#block(links, randomInt(sim.rng, 15_000), "cut in one direction");
  }

  /** And what tells it that others elected a leader meanwhile comes after what its users ask. */
  #stallLeader(): void {
    const leader = this.#leader();
    if (leader === undefined) return;
    const forMs = this.#pause(leader, 2_000);
    const others = this.#datacenter.agents.filter((each) => each.server && each !== leader);
    const links = others.map(({ host }) => `${host.address}>${leader.host.address}`);
    this.#block(links, forMs + UNTOLD_MS, "what servers say to who stands still");
  }

  /** @returns how long, in milliseconds */
  #pause(victim: SimAgent, minMs = 0): number {
    const { sim } = this.#datacenter;
    const forMs = minMs + randomInt(sim.rng, 6_000 - minMs);
    this.#note("stands still", `${victim.name} stands still for ${forMs} ms`);
    victim.host.pause(forMs);
    this.#awayAtMs.set(victim, Math.max(this.#awayAtMs.get(victim) ?? 0, sim.nowMs + forMs));
    return forMs;
  }

  #skew(victim: SimAgent): void {
    const { sim } = this.#datacenter;
    const pace = 1 + (sim.rng.next() * 2 - 1) * PACE_ERROR;
    this.#note("clock", `${victim.name}'s clock runs at ${pace.toFixed(3)}`);
    victim.host.setPace(pace);
  }

  #slowDisk(victim: SimAgent): void {
    const { sim } = this.#datacenter;
    this.#note("slow disk", `${victim.name}'s disk is slow`);
    victim.host.files.slownessMs = randomInt(sim.rng, 400);
    sim.after(randomInt(sim.rng, 10_000), () => {
      victim.host.files.slownessMs = 0;
    });
  }

  #failDisk(victim: SimAgent): void {
    const { sim } = this.#datacenter;
    this.#note("failed sync", `${victim.name}'s disk fails`);
    victim.host.files.syncFailures = 0.3;
    sim.after(randomInt(sim.rng, 5_000), () => {
      victim.host.files.syncFailures = 0;
    });
  }

  #leave(victim: SimAgent): void {
    if (victim.agent === undefined || this.#leaving.size > 0 || this.#options.stays(victim)) return;
    this.#note("leave", `${victim.name} leaves`);
    this.leave(victim, () => {
      const { sim } = this.#datacenter;
      sim.after(randomInt(sim.rng, 20_000), () => {
        if (!this.#stopped && victim.agent === undefined) this.#boot(victim);
      });
    });
  }

  /** Leaves, and is down then. A leave that hangs ends in a crash. */
  leave(victim: SimAgent, whenGone: () => void): void {
    const { sim } = this.#datacenter;
    const { agent, life } = victim;
    if (agent === undefined || agent.lan === undefined) return;
    this.#leaving.add(victim);
    this.#everLeft.add(victim);
    const gone = (how: string): void => {
      if (victim.life !== life || !this.#leaving.delete(victim)) return;
      this.#awayAtMs.set(victim, sim.nowMs);
      sim.record(`${victim.name} ${how}`);
      this.#datacenter.crash(victim.name);
      whenGone();
    };
    agent
      .leave()
      .then(() => agent.stop())
      .then(
        () => gone("has left"),
        (error: unknown) => gone(`has left badly: ${String(error)}`),
      );
    sim.after(LEAVE_MAX_MS, () => gone("is killed while it leaves"));
  }

  #weather(): void {
    const { sim, network } = this.#datacenter;
    const { rng } = sim;
    this.#note("weather", "the network changes");
    network.faults = {
      loss: rng.next() * 0.1,
      duplicate: rng.next() * 0.05,
      delayMinMs: 0.5,
      delayMaxMs: 2 + rng.next() * 60,
      straggle: rng.next() * 0.05,
    };
  }
}
