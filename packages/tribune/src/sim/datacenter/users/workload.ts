/** Users of every kind, each at its agents, who write down what they saw when. */
import type { DatacenterChecker } from "../checker.ts";
import type { SimDatacenter } from "../datacenter.ts";
import { KvUsers } from "./kv-users.ts";
import { LockUsers } from "./lock-users.ts";
import { Requests } from "./requests.ts";
import { ServiceUsers } from "./service-users.ts";
import { WatchUsers } from "./watch-users.ts";

export interface WorkloadOptions {
  /** Where sessions belong to: a node that never leaves. */
  readonly sessionNode: string;
  readonly kvClients: number;
  readonly lockers: number;
  readonly askers: number;
  /** Who lets its agent's cache answer. */
  readonly cacheAskers: number;
}

export class Workload {
  readonly kv: KvUsers;
  readonly services: ServiceUsers;
  readonly watches: WatchUsers;
  readonly #locks: LockUsers;
  readonly #requests: Requests;
  readonly #datacenter: SimDatacenter;
  readonly #checker: DatacenterChecker;
  #stopped = false;

  constructor(datacenter: SimDatacenter, checker: DatacenterChecker, options: WorkloadOptions) {
    this.#datacenter = datacenter;
    this.#checker = checker;
    this.#requests = new Requests(datacenter);
    this.kv = new KvUsers(datacenter, this.#requests);
    this.#locks = new LockUsers(datacenter, this.#requests, checker, options.sessionNode);
    this.services = new ServiceUsers(datacenter, this.#requests);
    this.watches = new WatchUsers(datacenter, this.#requests, checker);
    const { agents } = datacenter;
    for (let at = 0; at < options.kvClients; at++) this.#forever(`kv${at}`, 400, this.kv.client(`kv${at}`));
    for (let at = 0; at < options.lockers; at++) this.#forever(`locker${at}`, 1500, () => this.#locks.round());
    for (const each of agents) this.#forever(`registrar ${each.name}`, 4000, () => this.services.round(each));
    for (let at = 0; at < options.askers; at++) {
      const each = agents[at % agents.length]!;
      this.#forever(`asker${at}`, 200, this.watches.asker(`asker${at}`, each, at));
    }
    for (let at = 0; at < options.cacheAskers; at++) {
      const each = agents[at % agents.length]!;
      this.#forever(`cache asker${at}`, 400, this.watches.cacheAsker(`cache asker${at}`, each, at));
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#locks.stop();
  }

  /** What an agent that still lives has never answered. */
  unanswered(): string | undefined {
    return this.#requests.unanswered();
  }

  /** Rounds one after the other, with pauses, until the workload stops. */
  #forever(who: string, pauseMaxMs: number, round: () => Promise<void>): void {
    const { sim } = this.#datacenter;
    const next = (): void => {
      sim.after(sim.rng.next() * pauseMaxMs, () => {
        if (this.#stopped) return;
        round().then(next, (error: unknown) => {
          this.#checker.broken(`Workload: ${who} ends with ${error instanceof Error ? error.stack : String(error)}`);
        });
      });
    };
    next();
  }
}
