import { randomInt } from "../../lib/random.ts";
import type { ConfigurationChange, ServerId } from "../../raft/types.ts";
import type { SimServer } from "./server.ts";
import type { Moment, World } from "./world.ts";

/** How often a moment is followed by a crash. */
const TEMPTATION: Readonly<Record<Moment, number>> = {
  votes: 0.15,
  acknowledges: 0.003,
  leads: 0.03,
  truncates: 0.1,
  "changes configuration": 0.05,
  installs: 0.2,
};

/** Does harm at random moments: the adversary of a simulated cluster. */
export class Nemesis {
  readonly #world: World;
  readonly #servers: readonly SimServer[];
  readonly #temptation: Readonly<Record<Moment, number>>;
  #stopped = false;
  faults = 0;

  /** `temptation` overrides how often a moment is followed by a crash. */
  constructor(world: World, temptation: Partial<Record<Moment, number>> = {}) {
    this.#world = world;
    this.#temptation = { ...TEMPTATION, ...temptation };
    this.#servers = [...world.servers.values()];
    this.#schedule();
    world.onMoment = (server, moment) => this.#tempted(server, moment);
  }

  /** Stops and mends everything: links, disks, clocks, processes. */
  stop(): void {
    this.#stopped = true;
    const { network } = this.#world;
    network.blocked.clear();
    for (const server of this.#servers) {
      server.disk.slownessMs = 0;
      server.setClockRate(1);
      if (!server.isUp) server.boot();
    }
  }

  #schedule(): void {
    const { sim } = this.#world;
    sim.after(20 + randomInt(sim.rng, 250), () => {
      if (this.#stopped) return;
      this.#strike();
      this.#schedule();
    });
  }

  /** Random crashes seldom meet the few milliseconds that matter; these do. */
  #tempted(server: SimServer, moment: Moment): void {
    const { sim } = this.#world;
    if (this.#stopped || sim.rng.next() >= this.#temptation[moment]) return;
    this.faults++;
    sim.after(sim.rng.next() * 3, () => {
      if (!this.#stopped) this.#crash(server, `as it ${moment}`);
    });
  }

  #pick(): SimServer {
    const { rng } = this.#world.sim;
    const leader = this.#servers.find((server) => server.isLeader);
    if (leader !== undefined && rng.next() < 0.4) return leader;
    return this.#servers[randomInt(rng, this.#servers.length)]!;
  }

  #strike(): void {
    const { sim } = this.#world;
    const { rng } = sim;
    const dice = rng.next();
    this.faults++;
    const victim = this.#pick();
    if (dice < 0.25) this.#crash(victim, dice < 0.05 ? "fsync failed" : "killed");
    else if (dice < 0.3) this.#crashAll();
    else if (dice < 0.45) this.#isolate(victim);
    else if (dice < 0.6) this.#cutOneWay(victim);
    else if (dice < 0.66) victim.pause(randomInt(rng, 1000));
    else if (dice < 0.71) this.#skew(victim);
    else if (dice < 0.76) this.#slowDisk(victim);
    else if (dice < 0.92) this.#changeMembership();
    else this.#transfer();
  }

  #crash(victim: SimServer, why: string): void {
    if (!victim.isUp) return;
    const { sim, network } = this.#world;
    victim.crash(why);
    for (const other of this.#servers) {
      if (other === victim || network.isBlocked(victim.id, other.id) || sim.rng.next() < 0.5) continue;
      sim.after(1 + sim.rng.next() * 10, () => other.connectionLost(victim.id));
    }
    // At once under a supervisor, or when somebody comes.
    sim.after(randomInt(sim.rng, sim.rng.next() < 0.5 ? 20 : 600), () => {
      if (!victim.isUp) victim.boot();
    });
  }

  #crashAll(): void {
    for (const server of this.#servers) this.#crash(server, "power lost");
  }

  #block(links: readonly string[], forMs: number): void {
    const { sim, network } = this.#world;
    sim.record(`cut ${links.join(" ")} for ${forMs}`);
    for (const link of links) network.blocked.add(link);
    sim.after(forMs, () => {
      for (const link of links) network.blocked.delete(link);
    });
  }

  #isolate(victim: SimServer): void {
    const { rng } = this.#world.sim;
    // Alone, or with one companion.
    const companion = rng.next() < 0.3 ? this.#servers[randomInt(rng, this.#servers.length)] : undefined;
    const inside = new Set<SimServer>([victim, ...(companion === undefined ? [] : [companion])]);
    const links = [...inside].flatMap((one) =>
      this.#servers.filter((other) => !inside.has(other)).flatMap(({ id }) => [`${one.id}>${id}`, `${id}>${one.id}`]),
    );
    this.#block(links, randomInt(rng, 1200));
  }

  #cutOneWay(victim: SimServer): void {
    const { rng } = this.#world.sim;
    const outward = rng.next() < 0.5;
    const links = this.#servers
      .filter((other) => other !== victim && rng.next() < 0.7)
      .map(({ id }) => (outward ? `${victim.id}>${id}` : `${id}>${victim.id}`));
    this.#block(links, randomInt(rng, 1200));
  }

  #skew(victim: SimServer): void {
    const { sim } = this.#world;
    victim.setClockRate(this.#world.leases ? 0.9 + sim.rng.next() * 0.2 : 0.5 + sim.rng.next() * 1.5);
    sim.after(200 + randomInt(sim.rng, 800), () => victim.setClockRate(1));
  }

  #slowDisk(victim: SimServer): void {
    const { sim } = this.#world;
    victim.disk.slownessMs = randomInt(sim.rng, 120);
    sim.after(randomInt(sim.rng, 800), () => {
      victim.disk.slownessMs = 0;
    });
  }

  #changeMembership(): void {
    const { sim } = this.#world;
    const leader = this.#servers.find((server) => server.isLeader);
    const configuration = leader?.status?.configuration;
    if (leader === undefined || configuration === undefined) return;
    const { id } = this.#servers[randomInt(sim.rng, this.#servers.length)]!;
    const voters = configuration.servers.filter((server) => server.suffrage === "voter");
    const known = configuration.servers.find((server) => server.id === id);
    const change = this.#change(id, known?.suffrage, voters.length);
    if (change === undefined) return;
    sim.record(`ask ${leader.id}: ${change.type} ${id}`);
    leader.operate(
      (proposal) => ({ type: "proposeConfiguration", proposal, change, prevIndex: 0 }),
      (outcome) => sim.record(`${change.type} ${id}: ${"error" in outcome ? outcome.error : "done"}`),
    );
  }

  #change(id: ServerId, suffrage: string | undefined, voters: number): ConfigurationChange | undefined {
    const { rng } = this.#world.sim;
    const address = `${id}:8300`;
    if (suffrage === undefined) return { type: rng.next() < 0.5 ? "addNonvoter" : "addVoter", id, address };
    if (suffrage === "nonvoter") {
      return rng.next() < 0.8 ? { type: "addVoter", id, address } : { type: "removeServer", id };
    }
    if (voters <= 2) return undefined;
    return rng.next() < 0.5 ? { type: "demoteVoter", id } : { type: "removeServer", id };
  }

  #transfer(): void {
    const { sim } = this.#world;
    const leader = this.#servers.find((server) => server.isLeader);
    if (leader === undefined) return;
    const target = sim.rng.next() < 0.5 ? undefined : this.#servers[randomInt(sim.rng, this.#servers.length)]!.id;
    sim.record(`ask ${leader.id}: transfer to ${target ?? "anyone"}`);
    leader.operate(
      (proposal) => ({ type: "transferLeadership", proposal, ...(target === undefined ? {} : { target }) }),
      (outcome) => sim.record(`transfer: ${"error" in outcome ? outcome.error : "done"}`),
    );
  }
}
