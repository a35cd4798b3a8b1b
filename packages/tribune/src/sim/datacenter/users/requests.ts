/** One user's request at one agent, and how long the user waits for it. */
import type { Agent } from "../../../agent/agent.ts";
import { randomInt } from "../../../lib/random.ts";
import type { SimAgent, SimDatacenter } from "../datacenter.ts";

/** A user that waited this long gives up and never learns what became of it: longer than servers hold requests. */
export const PATIENCE_MS = 12_000;
/** Of no use to a user, but nothing the product may keep for ever: the longest wait, and an answer held on top. */
const NEVER_MS = 180_000;

export type Outcome<T> = { readonly value: T } | { readonly error: Error } | "no answer";

export class Requests {
  readonly #datacenter: SimDatacenter;
  /** Those that the agent has not answered, whether or not the user still waits. */
  readonly #open = new Map<
    number,
    { readonly what: string; readonly each: SimAgent; readonly life: number; readonly sinceMs: number }
  >();
  #asked = 0;

  constructor(datacenter: SimDatacenter) {
    this.#datacenter = datacenter;
  }

  /** What an agent that still lives has never answered. */
  unanswered(): string | undefined {
    const { sim } = this.#datacenter;
    for (const { what, each, life, sinceMs } of this.#open.values()) {
      if (each.agent === undefined || each.life !== life || sim.nowMs - sinceMs < NEVER_MS) continue;
      return `${what} at ${each.name}, asked at ${sinceMs.toFixed(0)} ms, is never answered`;
    }
    return undefined;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#datacenter.sim.after(ms, resolve));
  }

  /** An agent drawn at random, if it is up. */
  running(): SimAgent | undefined {
    const { agents, sim } = this.#datacenter;
    const each = agents[randomInt(sim.rng, agents.length)]!;
    return each.ready ? each : undefined;
  }

  /** One request at an agent. The user gives up after `patienceMs`, the request may go on. */
  attempt<T>(
    what: string,
    each: SimAgent,
    start: (agent: Agent) => Promise<T>,
    patienceMs = PATIENCE_MS,
  ): Promise<Outcome<T>> {
    const { sim } = this.#datacenter;
    const id = ++this.#asked;
    this.#open.set(id, { what, each, life: each.life, sinceMs: sim.nowMs });
    return new Promise((resolve) => {
      const finish = (outcome: Outcome<T>): void => {
        cancel();
        const said = outcome === "no answer" ? outcome : "error" in outcome ? outcome.error.message : "done";
        sim.record(`${what} at ${each.name}: ${said}`);
        resolve(outcome);
      };
      const cancel = sim.after(patienceMs, () => finish("no answer"));
      const { life } = each;
      const settled = (outcome: Outcome<T>): void => {
        this.#open.delete(id);
        // A process that lost power says nothing any more, whatever runs on in its promises.
        if (each.life === life && each.agent !== undefined) finish(outcome);
      };
      // A process that stands still finds the request when it goes on.
      this.#datacenter.network.whenAwake(each.host.address, () => {
        if (each.life !== life || each.agent === undefined) return;
        start(each.agent).then(
          (value) => settled({ value }),
          (error: unknown) => settled({ error: error instanceof Error ? error : new Error(String(error)) }),
        );
      });
    });
  }
}
