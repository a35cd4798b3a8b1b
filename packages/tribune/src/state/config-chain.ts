/**
 * Walks the discovery chain of a service to see whether it is sound, without putting it together: a router sends
 * requests to splitters or resolvers, a splitter to further splitters or resolvers, and a resolver ends the walk with
 * the instances of a service, or of those it redirects or fails over to.
 */
import type { ServiceResolverConfigEntry } from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { goQuote } from "../lib/go-quote.ts";
import { isHttpLike, type Lookup, protocolOf } from "./config-protocol.ts";

export interface Chain {
  readonly protocol: string;
  readonly top: "router" | "splitter" | "resolver";
}

/** Hops of splitters and redirects; more is a mistake, and would not fit the stack. */
const HOPS_MAX = 250;

/** @throws TribuneError with Consul's text for a chain that is not sound. */
export function walkChain(lookup: Lookup, service: string): Chain {
  return new ChainWalk(lookup, service).run();
}

interface Target {
  readonly service: string;
  readonly subset: string;
  /** "" is the datacenter the chain is for. */
  readonly datacenter: string;
}

class ChainWalk {
  readonly #lookup: Lookup;
  readonly #service: string;
  /** Of the first service on the way; all others must speak the same. */
  #protocol: string | undefined;
  #advanced = false;
  /** Next nodes of each splitter, in order. Others lead to no circle. */
  readonly #splitters = new Map<string, string[]>();
  readonly #resolved = new Set<string>();

  constructor(lookup: Lookup, service: string) {
    this.#lookup = lookup;
    this.#service = service;
  }

  run(): Chain {
    const service = this.#service;
    const router = this.#lookup("service-router", service);
    const starts: string[] = [];
    if (router === undefined) starts.push(this.#splitOrResolve(service));
    else {
      this.#advanced = true;
      this.#speaks(router.Name);
      for (const { Destination } of router.Routes ?? []) {
        const next = Destination?.Service || service;
        const subset = Destination?.ServiceSubset ?? "";
        starts.push(
          subset === "" ? this.#splitOrResolve(next) : this.#resolve({ service: next, subset, datacenter: "" }),
        );
      }
      starts.push(this.#splitOrResolve(router.Name));
    }
    this.#refuseCircles(starts, router === undefined ? [] : [`router:${router.Name}.default`]);
    const protocol = this.#protocol ?? "tcp";
    if (this.#advanced && !isHttpLike(protocol)) {
      throw refused(
        `discovery chain ${goQuote(service)} uses a protocol ${goQuote(protocol)} that does not permit advanced routing or splitting behavior`,
      );
    }
    const first = starts[0] ?? "";
    return { protocol, top: router !== undefined ? "router" : first.startsWith("splitter:") ? "splitter" : "resolver" };
  }

  #speaks(service: string): void {
    const protocol = protocolOf(this.#lookup, service);
    this.#protocol ??= protocol;
    if (protocol === this.#protocol) return;
    throw refused(
      `discovery chain ${goQuote(this.#service)} uses inconsistent protocols; service ${goQuote(service)} has ${goQuote(protocol)} which is not ${goQuote(this.#protocol)}`,
    );
  }

  #splitOrResolve(service: string): string {
    return this.#split(service, 0) ?? this.#resolve({ service, subset: "", datacenter: "" });
  }

  /** @returns the node, undefined when the service is not split. */
  #split(service: string, hops: number): string | undefined {
    const node = `splitter:${service}.default`;
    if (this.#splitters.has(node)) return node;
    const splitter = this.#lookup("service-splitter", service);
    if (splitter === undefined) return undefined;
    if (hops > HOPS_MAX) throw tooLong(this.#service);
    const next: string[] = [];
    this.#splitters.set(node, next);
    for (const { Service, ServiceSubset } of splitter.Splits ?? []) {
      const to = Service || service;
      const further = to !== service && ServiceSubset === "" ? this.#split(to, hops + 1) : undefined;
      next.push(further ?? this.#resolve({ service: to, subset: ServiceSubset, datacenter: "" }));
    }
    this.#advanced = true;
    return node;
  }

  #resolve(first: Target, failover = false): string {
    const history: string[] = [];
    let target = first;
    for (;;) {
      const id = idOf(target);
      if (this.#resolved.has(id)) return `resolver:${id}`;
      this.#speaks(target.service);
      const resolver = this.#lookup("service-resolver", target.service);
      const seen = history.includes(id);
      history.push(id);
      if (seen) throw refused(`detected circular resolver redirect: [${history.join(" -> ")}]`);
      if (history.length > HOPS_MAX) throw tooLong(this.#service);
      const next = resolver === undefined ? undefined : redirected(target, resolver);
      if (next === undefined) {
        this.#end(target, resolver, failover);
        return `resolver:${id}`;
      }
      target = next;
    }
  }

  /** The target is where traffic goes: it must exist, and so must what it fails over to. */
  #end(target: Target, resolver: ServiceResolverConfigEntry | undefined, failover: boolean): void {
    const { service, subset } = target;
    if (subset !== "" && !Object.hasOwn(resolver?.Subsets ?? {}, subset)) {
      throw refused(`service ${goQuote(service)} does not have a subset named ${goQuote(subset)}`);
    }
    if (resolver === undefined) {
      if (!failover) this.#resolved.add(idOf(target));
      return;
    }
    if ((this.#lookup("service-defaults", service)?.ExternalSNI ?? "") !== "") refuseForExternal(service, resolver);
    if (failover) return;
    this.#resolved.add(idOf(target));
    const group = own(resolver.Failover, subset) ?? own(resolver.Failover, "*");
    if (group === undefined) return;
    const datacenters = group.Datacenters ?? [];
    for (const datacenter of datacenters.length === 0 ? [""] : datacenters) {
      const other = rewritten(target, group.Service, group.ServiceSubset, datacenter);
      if (idOf(other) !== idOf(target)) this.#resolve(other, true);
    }
  }

  /** Depth first along the path, each node once: what was left without a circle leads into none. */
  #refuseCircles(starts: readonly string[], path: string[]): void {
    const left = new Set<string>();
    const visit = (node: string): void => {
      if (left.has(node)) return;
      const circle = path.includes(node);
      path.push(node);
      if (circle) throw refused(`detected circular reference: [${path.join(" -> ")}]`);
      for (const next of (this.#splitters.get(node) ?? []).toReversed()) visit(next);
      path.pop();
      left.add(node);
    };
    for (const start of starts.toReversed()) visit(start);
  }
}

function redirected(target: Target, resolver: ServiceResolverConfigEntry): Target | undefined {
  const { Redirect: redirect, DefaultSubset } = resolver;
  if (redirect !== null) {
    const next = rewritten(target, redirect.Service, redirect.ServiceSubset, redirect.Datacenter);
    if (idOf(next) !== idOf(target)) return next;
  }
  return target.subset === "" && DefaultSubset !== "" ? { ...target, subset: DefaultSubset } : undefined;
}

function rewritten(target: Target, service: string, subset: string, datacenter: string): Target {
  const moved = service !== "" && service !== target.service;
  return {
    service: service || target.service,
    subset: subset || (moved ? "" : target.subset),
    datacenter: datacenter || target.datacenter,
  };
}

/** As Consul writes it; the datacenter of a chain that is only checked goes by the name of `dc1`. */
function idOf({ service, subset, datacenter }: Target): string {
  return `${subset === "" ? "" : `${subset}.`}${service}.default.${datacenter || "dc1"}`;
}

function refuseForExternal(service: string, { Redirect, Subsets, Failover }: ServiceResolverConfigEntry): void {
  const parts: readonly (readonly [string, boolean])[] = [
    ["redirects", Redirect !== null],
    ["subsets", Object.keys(Subsets ?? {}).length > 0],
    ["failover", Object.keys(Failover ?? {}).length > 0],
  ];
  const part = parts.find(([, there]) => there)?.[0];
  if (part === undefined) return;
  throw refused(`service ${goQuote(service)} has an external SNI set; cannot define ${part} for external services`);
}

function own<V>(map: Readonly<Record<string, V>> | null, name: string): V | undefined {
  return map !== null && Object.hasOwn(map, name) ? map[name] : undefined;
}

function refused(text: string): TribuneError {
  return TribuneError.internal(text);
}

function tooLong(service: string): TribuneError {
  return refused(`discovery chain ${goQuote(service)} has more than ${HOPS_MAX} hops; shorten it`);
}
