/** Those who take locks by sessions, renew them, and let them go or forget them. */
import { make, Session, SessionRequest, SessionSpecificRequest } from "@tribune/api";
import { endpointNamed } from "../../../agent/asking.ts";
import { randomInt } from "../../../lib/random.ts";
import type { DatacenterChecker } from "../checker.ts";
import type { SimDatacenter } from "../datacenter.ts";
import { DC, writeKey } from "./asking.ts";
import type { Requests } from "./requests.ts";

const LOCKS = ["lock/a", "lock/b"];
/** The agents' `session_ttl_min`. */
export const SESSION_TTL_MS = 4_000;

export class LockUsers {
  readonly #datacenter: SimDatacenter;
  readonly #requests: Requests;
  readonly #checker: DatacenterChecker;
  /** Where sessions belong to: a node that never leaves. */
  readonly #sessionNode: string;
  #stopped = false;

  constructor(datacenter: SimDatacenter, requests: Requests, checker: DatacenterChecker, sessionNode: string) {
    this.#datacenter = datacenter;
    this.#requests = requests;
    this.#checker = checker;
    this.#sessionNode = sessionNode;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** A session, a lock if it can be had, and their end. */
  async round(): Promise<void> {
    const { sim } = this.#datacenter;
    const at = this.#requests.running();
    if (at === undefined) return;
    const sentAtMs = sim.nowMs;
    const session = make(Session, {
      Node: this.#sessionNode,
      TTL: `${SESSION_TTL_MS / 1000}s`,
      Behavior: "release",
      LockDelay: 1, // a nanosecond; 0 would be the default
    });
    const created = await this.#requests.attempt("session", at, (agent) =>
      agent.asking.write(
        endpointNamed("sessionCreate"),
        make(SessionRequest, { Datacenter: DC, Op: "create", Session: session }),
      ),
    );
    if (created === "no answer" || "error" in created) return;
    const id = String(created.value);
    this.#checker.renewed(id, sentAtMs, SESSION_TTL_MS);
    const key = LOCKS[randomInt(sim.rng, LOCKS.length)]!;
    for (let tries = 0; tries < 6 && !this.#stopped; tries++) {
      if (await this.#acquire(key, id)) {
        await this.#hold(key, id);
        break;
      }
      await this.#requests.sleep(500);
      if (!(await this.#renew(id))) return;
    }
    const bye = this.#requests.running();
    // Some forget it: the TTL has to do it.
    if (bye === undefined || sim.rng.next() < 0.3) return;
    this.#checker.ends(id, sim.nowMs);
    await this.#requests.attempt("session ends", bye, (agent) =>
      agent.asking.write(
        endpointNamed("sessionDestroy"),
        make(SessionRequest, { Datacenter: DC, Op: "destroy", Session: make(Session, { ID: id }) }),
      ),
    );
  }

  async #acquire(key: string, session: string): Promise<boolean> {
    const { sim } = this.#datacenter;
    const each = this.#requests.running();
    if (each === undefined) return false;
    const invokedAtMs = sim.nowMs;
    const outcome = await this.#requests.attempt(`lock ${key}`, each, (agent) =>
      writeKey(agent, "lock", { Key: key, Session: session }),
    );
    if (outcome === "no answer" || "error" in outcome || outcome.value !== true) return false;
    this.#checker.acquired({ key, session, invokedAtMs, returnedAtMs: sim.nowMs });
    return true;
  }

  async #hold(key: string, session: string): Promise<void> {
    const { sim } = this.#datacenter;
    for (let turns = randomInt(sim.rng, 5); turns > 0 && !this.#stopped; turns--) {
      await this.#requests.sleep(1000);
      if (!(await this.#renew(session))) return;
    }
    const each = this.#requests.running();
    if (each === undefined) return;
    this.#checker.ends(session, sim.nowMs);
    await this.#requests.attempt(`unlock ${key}`, each, (agent) =>
      writeKey(agent, "unlock", { Key: key, Session: session }),
    );
  }

  async #renew(session: string): Promise<boolean> {
    const each = this.#requests.running();
    if (each === undefined) return true;
    const sentAtMs = this.#datacenter.sim.nowMs;
    const outcome = await this.#requests.attempt("renew", each, (agent) =>
      agent.asking.call(
        endpointNamed("sessionRenew"),
        make(SessionSpecificRequest, { Datacenter: DC, SessionID: session, Session: session }),
      ),
    );
    if (outcome === "no answer" || "error" in outcome) return true;
    const { Sessions } = outcome.value as { readonly Sessions: readonly unknown[] | null };
    if (Sessions === null || Sessions.length === 0) return false;
    this.#checker.renewed(session, sentAtMs, SESSION_TTL_MS);
    return true;
  }
}
