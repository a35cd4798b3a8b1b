/** Those who wait for changes by blocking queries, with and without their agent's cache. */
import { ask, endpointNamed, ownRead } from "../../../agent/asking.ts";
import { randomInt } from "../../../lib/random.ts";
import type { DatacenterChecker } from "../checker.ts";
import { serverOfAgent } from "../convergence.ts";
import type { SimAgent, SimDatacenter } from "../datacenter.ts";
import { askAsDoor, CACHEABLE, cachedCall, DC, QUESTIONS } from "./asking.ts";
import { PATIENCE_MS, type Requests } from "./requests.ts";

export class WatchUsers {
  readonly #datacenter: SimDatacenter;
  readonly #requests: Requests;
  readonly #checker: DatacenterChecker;
  /** Blocking queries answered, and those of them by a change. */
  blocked = 0;
  wakes = 0;
  /** Answers that an agent's cache may have given. */
  cached = 0;

  constructor(datacenter: SimDatacenter, requests: Requests, checker: DatacenterChecker) {
    this.#datacenter = datacenter;
    this.#requests = requests;
    this.#checker = checker;
  }

  /** @returns one round: the question of this number, asked until its index moves on or time is up */
  asker(who: string, each: SimAgent, at: number): () => Promise<void> {
    const [endpoint, request] = QUESTIONS[at % QUESTIONS.length]!;
    const question = `${endpoint} ${JSON.stringify(request)}`;
    const stale = Math.floor(at / QUESTIONS.length) % 2 === 1;
    let last = 0;
    return async () => {
      if (!each.ready) return;
      const { rng } = this.#datacenter.sim;
      const waitMs = 1000 + randomInt(rng, 9000);
      const { life } = each;
      // Until it heard of a leader, a server lets others answer.
      const own = each.server && serverOfAgent(each)?.operator.raftStats().lastContactMs !== undefined;
      const atLeast = this.#checker.newestOf(question);
      const outcome = await this.#requests.attempt(
        `${who} waits`,
        each,
        ({ asking }) =>
          ask(
            asking,
            ownRead(endpointNamed(endpoint), {
              Datacenter: DC,
              ...request,
              AllowStale: stale,
              MinQueryIndex: last,
              MaxQueryTime: waitMs * 1e6,
            }),
          ),
        waitMs + PATIENCE_MS,
      );
      if (outcome === "no answer" || "error" in outcome) {
        last = 0; // as clients do
        return;
      }
      this.blocked++;
      const { index } = outcome.value.answer;
      if (index > last) this.wakes++;
      this.#datacenter.sim.record(`${who} saw index ${index} behind ${last}`);
      // A client agent asks whom it likes, and a server that starts again is behind: then stale answers may go back.
      if (!stale) this.#checker.newest(question, atLeast, index);
      else if (own) this.#checker.index(`stale ${question} at ${each.name} in its life ${life}`, index);
      last = index;
    };
  }

  /** Looks and waits in turns. What a cache has shown in its life it does not forget. */
  cacheAsker(who: string, each: SimAgent, at: number): () => Promise<void> {
    // Every agent gets several of them.
    const question = CACHEABLE[(at + Math.floor(at / this.#datacenter.agents.length)) % CACHEABLE.length]!;
    let last = 0;
    return async () => {
      if (!each.ready) return;
      const { rng } = this.#datacenter.sim;
      const { life } = each;
      const waitMs = 1000 + randomInt(rng, 9000);
      const wait = rng.next() < 0.5 ? {} : { MinQueryIndex: last, MaxQueryTime: waitMs * 1e6 };
      const outcome = await this.#requests.attempt(
        `${who} asks`,
        each,
        (agent) => askAsDoor(agent, cachedCall(question, wait)),
        waitMs + PATIENCE_MS,
      );
      if (outcome === "no answer" || "error" in outcome) {
        last = 0;
        return;
      }
      this.cached++;
      const { index } = outcome.value.answer;
      this.#datacenter.sim.record(`${who} saw index ${index} behind ${last}`);
      this.#checker.index(
        `cached ${question[0]} ${JSON.stringify(question[1])} at ${each.name} in its life ${life}`,
        index,
      );
      last = index;
    };
  }
}
