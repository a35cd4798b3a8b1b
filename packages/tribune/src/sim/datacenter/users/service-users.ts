/** Those who register services on their agents, take them away, and have their checks find other things. */

import type { Agent } from "../../../agent/agent.ts";
import { RegisteredChecks, RegisteredServices } from "../../../agent/api/registered.ts";
import type { CheckStatus } from "../../../checks/status.ts";
import { randomInt } from "../../../lib/random.ts";
import type { SimAgent, SimDatacenter } from "../datacenter.ts";
import { SERVICES } from "./asking.ts";
import type { Requests } from "./requests.ts";

const SIDECAR_PORTS = { min: 21_000, max: 21_255 };

/** What is known of a service on an agent: acknowledged either way, or neither. */
export type Knowledge = "registered" | "deregistered" | "unknown";

interface LocalApi {
  readonly services: RegisteredServices;
  readonly checks: RegisteredChecks;
}

export class ServiceUsers {
  readonly #datacenter: SimDatacenter;
  readonly #requests: Requests;
  /** By agent and service ID. */
  readonly known = new Map<string, Map<string, Knowledge>>();
  /** What the probes find. */
  readonly targets = new Map<string, CheckStatus>();
  registrations = 0;

  constructor(datacenter: SimDatacenter, requests: Requests) {
    this.#datacenter = datacenter;
    this.#requests = requests;
    for (const { name } of datacenter.agents) this.known.set(name, new Map());
  }

  /** One change of a service on this agent, or of a status that its checks find. */
  async round(each: SimAgent): Promise<void> {
    if (!each.ready) return;
    const { rng } = this.#datacenter.sim;
    const known = this.known.get(each.name)!;
    const name = SERVICES[randomInt(rng, SERVICES.length)]!;
    const id = `${name}-${each.name}`;
    const dice = rng.next();
    const target = `${id}:80`;
    if (known.get(id) !== "registered" || dice < 0.1) {
      const definition = {
        ID: id,
        Name: name,
        Port: 80,
        Tags: [`v${randomInt(rng, 3)}`],
        Checks: [
          { CheckID: `ttl-${id}`, Name: "ttl", TTL: "30s" },
          { CheckID: `tcp-${id}`, Name: "tcp", TCP: target, Interval: "5s", Timeout: "1s" },
        ],
      };
      await this.#change(each, id, "registered", ({ services }) =>
        services.register(JSON.stringify(definition), { token: "", replaceExistingChecks: false }),
      );
    } else if (dice < 0.25) {
      await this.#change(each, id, "deregistered", ({ services }) => services.deregister(id));
    } else if (dice < 0.6) {
      this.targets.set(target, rng.next() < 0.5 ? "critical" : "passing");
    } else {
      const status = (["passing", "warning", "critical"] as const)[randomInt(rng, 3)]!;
      await this.#requests.attempt(`${id} is ${status}`, each, (agent) =>
        this.#localOf(agent).checks.report(`ttl-${id}`, status, ""),
      );
    }
  }

  /** What the HTTP door has behind `/v1/agent`. */
  #localOf({ local: { registry } }: Agent): LocalApi {
    const { sim } = this.#datacenter;
    const runtime = { timers: { after: sim.after.bind(sim), soon: (run: () => void) => void sim.after(0, run) } };
    return {
      services: new RegisteredServices(registry, SIDECAR_PORTS, { ...runtime, rng: sim.rng }),
      checks: new RegisteredChecks(registry),
    };
  }

  async #change(each: SimAgent, id: string, to: Knowledge, change: (local: LocalApi) => Promise<void>): Promise<void> {
    const known = this.known.get(each.name)!;
    known.set(id, "unknown");
    // The catalog is told before the answer, which may take as long as a server holds a request.
    const outcome = await this.#requests.attempt(`${id} ${to}`, each, (agent) => change(this.#localOf(agent)), 60_000);
    if (outcome !== "no answer" && "value" in outcome) known.set(id, to);
    this.registrations++;
  }
}
