import type { DeregisterRequest, HealthCheck, Node, NodeService, RegisterRequest } from "@tribune/api";
import { make, Node as NodeSchema } from "@tribune/api";
import { TribuneError } from "../../../lib/errors.ts";
import type { Rng, Timers } from "../../../lib/runtime.ts";
import type { CatalogPort, NodeQuery } from "../types.ts";

/** The catalog's rows of one node, behind calls that take their time on both ways and may fail on the first. */
export class FakeCatalog implements CatalogPort {
  node: Node | null = null;
  readonly services = new Map<string, NodeService>();
  readonly checks = new Map<string, HealthCheck>();
  readonly requests: (RegisterRequest | DeregisterRequest)[] = [];
  /** Share of calls that fail, in [0, 1). */
  failures = 0;
  /** Tokens that may not write. */
  readonly denied = new Set<string>();
  /** The longest that one way takes. */
  latencyMs = 0;
  private readonly rng: Rng;
  private readonly timers: Timers;

  constructor({ rng, timers }: { rng: Rng; timers: Timers }) {
    this.rng = rng;
    this.timers = timers;
  }

  async register(request: RegisterRequest): Promise<void> {
    this.requests.push(request);
    await this.arrive(request.Token);
    if (!request.SkipNodeUpdate || this.node === null)
      this.node = make(NodeSchema, {
        ID: request.ID,
        Node: request.Node,
        Address: request.Address,
        Datacenter: request.Datacenter,
        TaggedAddresses: request.TaggedAddresses,
        Meta: request.NodeMeta,
      });
    if (request.Service !== null) this.services.set(request.Service.ID, request.Service);
    for (const check of [request.Check, ...(request.Checks ?? [])]) {
      if (check === null) continue;
      if (check.ServiceID !== "" && !this.services.has(check.ServiceID))
        throw TribuneError.internal(`Missing service registration of ${check.ServiceID}`);
      this.checks.set(check.CheckID, check);
    }
    await this.travel();
  }

  async deregister(request: DeregisterRequest): Promise<void> {
    this.requests.push(request);
    await this.arrive(request.Token);
    if (request.ServiceID !== "") {
      this.services.delete(request.ServiceID);
      for (const check of this.checks.values())
        if (check.ServiceID === request.ServiceID) this.checks.delete(check.CheckID);
    } else this.checks.delete(request.CheckID);
    await this.travel();
  }

  async nodeServices(_: NodeQuery): Promise<{ node: Node | null; services: NodeService[] }> {
    await this.arrive("");
    const answer = { node: this.node, services: [...this.services.values()] };
    await this.travel();
    return answer;
  }

  async nodeChecks(_: NodeQuery): Promise<HealthCheck[]> {
    await this.arrive("");
    const answer = [...this.checks.values()];
    await this.travel();
    return answer;
  }

  private async arrive(token: string): Promise<void> {
    await this.travel();
    if (this.rng.next() < this.failures) throw TribuneError.of("NO_LEADER");
    if (this.denied.has(token)) throw TribuneError.of("PERMISSION_DENIED");
  }

  private travel(): Promise<void> {
    const delayMs = this.rng.next() * this.latencyMs;
    return delayMs === 0 ? Promise.resolve() : new Promise((resolve) => this.timers.after(delayMs, resolve));
  }
}
