import { randomInt } from "../../lib/random.ts";
import type { GossipChecker } from "./checker.ts";
import type { GossipWorld, SimMember } from "./sim-member.ts";

/** Whoever is to come back has come back after this time. */
export const RESTART_MS_MAX = 68_000;

/** Does harm to a cluster of gossiping members at random moments. */
export class GossipNemesis {
  readonly #world: GossipWorld;
  readonly #members: readonly SimMember[];
  readonly #checker: GossipChecker;
  #stopped = false;
  faults = 0;

  constructor(world: GossipWorld, members: readonly SimMember[], checker: GossipChecker) {
    this.#world = world;
    this.#members = members;
    this.#checker = checker;
    this.#schedule();
  }

  /** Mends the network and wakes everybody. Who was crashed for good stays so. */
  stop(): void {
    this.#stopped = true;
    this.#world.network.blocked.clear();
    for (const member of this.#members) member.resume();
  }

  #schedule(): void {
    const { sim } = this.#world;
    sim.after(200 + randomInt(sim.rng, 4_000), () => {
      if (this.#stopped) return;
      this.#strike();
      this.#schedule();
    });
  }

  #strike(): void {
    const { rng } = this.#world.sim;
    this.faults++;
    const victim = this.#pick();
    const dice = rng.next();
    if (dice < 0.3) this.#stand(victim);
    else if (dice < 0.55) this.#crash(victim);
    else if (dice < 0.62) this.#leave(victim);
    else if (dice < 0.8) this.#partition();
    else this.#cutOneWay(victim);
  }

  #pick(): SimMember {
    return this.#members[randomInt(this.#world.sim.rng, this.#members.length)]!;
  }

  /** A handful of processes get no time, for instance on one overloaded machine. */
  #stand(victim: SimMember): void {
    const { sim } = this.#world;
    const count = 1 + randomInt(sim.rng, Math.ceil(this.#members.length / 20));
    for (let left = count; left > 0; left--) {
      const one = left === count ? victim : this.#pick();
      const forMs = 500 + randomInt(sim.rng, 15_000);
      sim.record(`${one.name} stands still for ${forMs}`);
      one.pause(forMs);
    }
  }

  /** Comes back soon or late, as somebody who knows nobody. */
  #crash(victim: SimMember): void {
    const { sim } = this.#world;
    if (!victim.isUp) return;
    victim.crash();
    const forMs = sim.rng.next() < 0.5 ? randomInt(sim.rng, 3_000) : randomInt(sim.rng, 60_000);
    sim.after(forMs, () => this.#restart(victim));
  }

  #leave(victim: SimMember): void {
    const { sim } = this.#world;
    if (!victim.isUp || victim.isPaused || victim.hasLeft) return;
    victim.leave();
    sim.after(3_000 + randomInt(sim.rng, 3_000), () => {
      if (victim.hasLeft && victim.isUp) victim.crash();
    });
    sim.after(8_000 + randomInt(sim.rng, 60_000), () => this.#restart(victim));
  }

  #restart(victim: SimMember): void {
    if (victim.isUp) return;
    this.#checker.booted(victim);
    victim.boot();
    victim.join(() => this.#bestKnown(victim));
  }

  /** Whoever knows most: two that start over together would else be a cluster of their own. */
  #bestKnown(except: SimMember): SimMember | undefined {
    const count = ({ core }: SimMember): number => core?.memberCount ?? 0;
    const running = this.#members.filter((member) => member.isUp && !member.hasLeft && member !== except);
    return running.sort((a, b) => count(b) - count(a))[0];
  }

  #partition(): void {
    const { rng } = this.#world.sim;
    const share = rng.next() < 0.5 ? 0.5 : 0.05 + rng.next() * 0.2;
    const inside = this.#members.filter(() => rng.next() < share);
    const outside = this.#members.filter((member) => !inside.includes(member));
    this.#block(
      inside.flatMap(({ name }) => outside.flatMap((other) => [`${name}>${other.name}`, `${other.name}>${name}`])),
      2_000 + randomInt(rng, 45_000),
    );
  }

  #cutOneWay(victim: SimMember): void {
    const { rng } = this.#world.sim;
    const outward = rng.next() < 0.5;
    const others = this.#members.filter((other) => other !== victim && rng.next() < 0.7);
    this.#block(
      others.map(({ name }) => (outward ? `${victim.name}>${name}` : `${name}>${victim.name}`)),
      1_000 + randomInt(rng, 30_000),
    );
  }

  #block(links: readonly string[], forMs: number): void {
    const { sim, network } = this.#world;
    sim.record(`cut ${links.length} links for ${forMs}`);
    for (const link of links) network.blocked.add(link);
    sim.after(forMs, () => {
      for (const link of links) network.blocked.delete(link);
    });
  }
}
