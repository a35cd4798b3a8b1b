/**
 * Puts the discovery chain of a service together: a router sends requests to splitters or resolvers, a splitter to
 * further splitters or resolvers, and a resolver ends the way with the instances of a service, or of those it redirects
 * or fails over to. Deterministic: nodes come in the order in which they are reached.
 */
import {
  type CompiledDiscoveryChain,
  type ConfigEntryOf,
  DiscoveryTarget as DiscoveryTargetStruct,
  type MeshGatewayConfig,
  make,
  type ServiceResolverConfigEntry,
  ServiceResolverSubset,
  ServiceRouteDestination,
  ServiceRouteHTTPMatch,
} from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { goQuote } from "../lib/go-quote.ts";
import { flattenSplitters, type Node, refuseCircles, type Split, type Target, usedNodes } from "./chain-graph.ts";
import { customizationHash } from "./customization-hash.ts";
import { isHttpLike, type Lookup, protocolOf } from "./protocol.ts";

export interface ChainRequest {
  readonly service: string;
  /** Where the chain holds. */
  readonly datacenter: string;
  /** Where it is used: targets elsewhere are reached by mesh gateways. */
  readonly useInDatacenter: string;
  /** Host of the SPIFFE ids; the end of every SNI. */
  readonly trustDomain: string;
  readonly overrides?: ChainOverrides;
}

/** What an upstream's own configuration says otherwise. Empty, or 0 nanoseconds, means nothing. */
export interface ChainOverrides {
  readonly meshGateway: MeshGatewayConfig;
  readonly protocol: string;
  readonly connectTimeoutNs: number;
}

const NO_OVERRIDES: ChainOverrides = { meshGateway: { Mode: "" }, protocol: "", connectTimeoutNs: 0 };
const CONNECT_TIMEOUT_NS = 5e9;
/** Hops of splitters and redirects; more is a mistake, and would not fit the stack. */
const HOPS_MAX = 250;

/** @throws TribuneError with Consul's text for a chain that is not sound. */
export function compileChain(lookup: Lookup, request: ChainRequest): CompiledDiscoveryChain {
  return new Compiler(lookup, request).run();
}

/** What kind of node a chain begins with. */
export function topOf({ StartNode }: CompiledDiscoveryChain): "router" | "splitter" | "resolver" {
  return StartNode.slice(0, StartNode.indexOf(":")) as "router" | "splitter" | "resolver";
}

class Compiler {
  readonly #lookup: Lookup;
  readonly #request: ChainRequest;
  readonly #overrides: ChainOverrides;
  /** An overriding protocol that is no HTTP leaves routers and splitters out. */
  readonly #plain: boolean;
  /** Of the first service on the way; all others must speak the same. */
  #protocol: string | undefined;
  #advanced = false;
  readonly #nodes = new Map<string, Node>();
  readonly #targets = new Map<string, Target>();
  readonly #retained = new Set<string>();
  readonly #customized = { meshGateway: false, protocol: false, connectTimeout: false };

  constructor(lookup: Lookup, request: ChainRequest) {
    this.#lookup = lookup;
    this.#request = request;
    this.#overrides = request.overrides ?? NO_OVERRIDES;
    this.#plain = this.#overrides.protocol !== "" && !isHttpLike(this.#overrides.protocol);
  }

  run(): CompiledDiscoveryChain {
    const { service, datacenter } = this.#request;
    const start = this.#route() ?? this.#splitOrResolve(service);
    refuseCircles(this.#nodes, keyOf(start));
    flattenSplitters(this.#nodes);
    const spoken = this.#protocol ?? "tcp";
    if (!isHttpLike(spoken) && this.#advanced) {
      throw refused(
        `discovery chain ${goQuote(service)} uses a protocol ${goQuote(spoken)} that does not permit advanced routing or splitting behavior`,
      );
    }
    const overridden = this.#overrides.protocol;
    if (overridden !== "" && overridden !== spoken) this.#customized.protocol = true;
    return {
      ServiceName: service,
      Namespace: "default",
      Datacenter: datacenter,
      CustomizationHash: customizationHash(this.#overrides, this.#customized),
      Protocol: overridden || spoken,
      StartNode: keyOf(start),
      Nodes: Object.fromEntries(usedNodes(this.#nodes, keyOf(start))),
      Targets: Object.fromEntries([...this.#targets].filter(([id]) => this.#retained.has(id))),
    };
  }

  /** Only the router of the service itself is looked at. */
  #route(): Node | undefined {
    const { service } = this.#request;
    const router = this.#advancedEntry("service-router", service);
    if (router === undefined) return undefined;
    this.#advanced = true;
    this.#speaks(router.Name);
    const Routes = (router.Routes ?? []).map((Definition) => {
      const to = Definition.Destination?.Service || service;
      const subset = Definition.Destination?.ServiceSubset ?? "";
      const next = subset === "" ? this.#splitOrResolve(to) : this.#resolve(this.#target(to, subset, ""), false);
      return { Definition, NextNode: keyOf(next) };
    });
    // What no route takes goes on as if there were no router.
    const rest = this.#splitOrResolve(router.Name);
    Routes.push({ Definition: restOf(router.Name), NextNode: keyOf(rest) });
    return this.#add({ ...NODE, Type: "router", Name: `${router.Name}.default`, Routes });
  }

  #advancedEntry<K extends "service-router" | "service-splitter">(kind: K, name: string): ConfigEntryOf<K> | undefined {
    const entry = this.#lookup(kind, name);
    if (entry === undefined || !this.#plain) return entry;
    this.#customized.protocol = true;
    return undefined;
  }

  #speaks(service: string): void {
    const protocol = protocolOf(this.#lookup, service);
    this.#protocol ??= protocol;
    if (protocol === this.#protocol) return;
    throw refused(
      `discovery chain ${goQuote(this.#request.service)} uses inconsistent protocols; service ${goQuote(service)} has ${goQuote(protocol)} which is not ${goQuote(this.#protocol)}`,
    );
  }

  #splitOrResolve(service: string): Node {
    return this.#split(service, 0) ?? this.#resolve(this.#target(service, "", ""), false);
  }

  /** @returns undefined when the service is not split. */
  #split(service: string, hops: number): Node | undefined {
    const known = this.#nodes.get(`splitter:${service}.default`);
    if (known !== undefined) return known;
    const splitter = this.#advancedEntry("service-splitter", service);
    if (splitter === undefined) return undefined;
    if (hops > HOPS_MAX) throw this.#tooLong();
    const Splits: Split[] = [];
    // Known before what it leads to is, so that a circle ends.
    const node = this.#add({ ...NODE, Type: "splitter", Name: `${service}.default`, Splits });
    for (const { Service, ServiceSubset, Weight } of splitter.Splits ?? []) {
      const to = Service || service;
      const further = to !== service && ServiceSubset === "" ? this.#split(to, hops + 1) : undefined;
      const next = further ?? this.#resolve(this.#target(to, ServiceSubset, ""), false);
      Splits.push({ Weight, NextNode: keyOf(next) });
      // Of several ways to choose an instance by hash, a splitter can carry out one.
      if (further === undefined) node.LoadBalancer ??= hashing(next);
    }
    this.#advanced = true;
    return node;
  }

  /** @param failover whether the target is one that another fails over to: such targets do so no further. */
  #resolve(first: Target, failover: boolean): Node {
    const history: string[] = [];
    let target = first;
    for (;;) {
      const known = this.#nodes.get(`resolver:${target.ID}`);
      if (known !== undefined) return known;
      this.#speaks(target.Service);
      const resolver = this.#lookup("service-resolver", target.Service);
      const seen = history.includes(target.ID);
      history.push(target.ID);
      if (seen) throw refused(`detected circular resolver redirect: [${history.join(" -> ")}]`);
      if (history.length > HOPS_MAX) throw this.#tooLong();
      const next = resolver === undefined ? undefined : this.#redirected(target, resolver);
      if (next === undefined) return this.#end(target, resolver, failover);
      target = next;
    }
  }

  #redirected(target: Target, { Redirect, DefaultSubset }: ServiceResolverConfigEntry): Target | undefined {
    if (Redirect !== null) {
      const next = this.#rewritten(target, Redirect.Service, Redirect.ServiceSubset, Redirect.Datacenter);
      if (next !== target) return next;
    }
    if (target.ServiceSubset !== "" || DefaultSubset === "") return undefined;
    return this.#rewritten(target, "", DefaultSubset, "");
  }

  /** The target is where traffic goes: it must exist, and so must what it fails over to. */
  #end(target: Target, resolver: ServiceResolverConfigEntry | undefined, failover: boolean): Node {
    const { Service, ServiceSubset } = target;
    const subset = own(resolver?.Subsets ?? null, ServiceSubset);
    if (ServiceSubset !== "" && subset === undefined)
      throw refused(`service ${goQuote(Service)} does not have a subset named ${goQuote(ServiceSubset)}`);
    target.ConnectTimeout = this.#connectTimeout(resolver);
    target.Subset = subset ?? make(ServiceResolverSubset);
    const defaults = this.#lookup("service-defaults", Service);
    if (defaults !== undefined && defaults.ExternalSNI !== "") {
      target.SNI = defaults.ExternalSNI;
      target.External = true;
      if (resolver !== undefined) refuseForExternal(Service, resolver);
    }
    target.MeshGateway = { Mode: this.#gatewayMode(target, defaults?.MeshGateway.Mode ?? "") };
    this.#retained.add(target.ID);
    const node: Node = {
      ...NODE,
      Type: "resolver",
      Name: target.ID,
      Resolver: {
        Default: isDefault(resolver),
        ConnectTimeout: target.ConnectTimeout,
        Target: target.ID,
        Failover: null,
      },
      LoadBalancer: resolver?.LoadBalancer ?? null,
    };
    if (failover) return node;
    this.#add(node);
    const Targets = resolver === undefined ? [] : this.#failoverTargets(target, resolver);
    if (Targets.length > 0) node.Resolver = { ...node.Resolver!, Failover: { Targets } };
    return node;
  }

  #failoverTargets(target: Target, resolver: ServiceResolverConfigEntry): string[] {
    const group = own(resolver.Failover, target.ServiceSubset) ?? own(resolver.Failover, "*");
    if (group === undefined) return [];
    const datacenters = (group.Datacenters ?? []).length === 0 ? [""] : (group.Datacenters ?? []);
    return datacenters
      .map((datacenter) => this.#rewritten(target, group.Service, group.ServiceSubset, datacenter))
      .filter((other) => other !== target)
      .map((other) => this.#resolve(other, true).Resolver!.Target);
  }

  #connectTimeout(resolver: ServiceResolverConfigEntry | undefined): number {
    const own = resolver?.ConnectTimeout ?? 0;
    const timeout = own < 1 ? CONNECT_TIMEOUT_NS : own;
    const override = this.#overrides.connectTimeoutNs;
    if (override <= 0 || override === timeout) return timeout;
    this.#customized.connectTimeout = true;
    return override;
  }

  #gatewayMode(target: Target, ownMode: string): string {
    if (target.Datacenter === this.#request.useInDatacenter || target.External) return "";
    const mode = ownMode || (this.#lookup("proxy-defaults", "global")?.MeshGateway.Mode ?? "");
    const override = this.#overrides.meshGateway.Mode;
    if (override === "" || override === mode) return mode;
    this.#customized.meshGateway = true;
    return override;
  }

  #add(node: Node): Node {
    this.#nodes.set(keyOf(node), node);
    return node;
  }

  /** @param datacenter "" for the chain's. There is one object for each target. */
  #target(service: string, subset: string, datacenter: string): Target {
    const { datacenter: home, trustDomain } = this.#request;
    const Datacenter = datacenter || home;
    const ID = `${subset === "" ? "" : `${subset}.`}${service}.default.${Datacenter}`;
    let target = this.#targets.get(ID);
    if (target === undefined) {
      const SNI = `${ID}.internal.${trustDomain}`;
      const given = { ID, Service: service, ServiceSubset: subset, Namespace: "default", Datacenter, SNI, Name: SNI };
      target = make(DiscoveryTargetStruct, given);
      this.#targets.set(ID, target);
    }
    return target;
  }

  #rewritten(target: Target, service: string, subset: string, datacenter: string): Target {
    const moved = service !== "" && service !== target.Service;
    const kept = moved ? "" : target.ServiceSubset;
    return this.#target(service || target.Service, subset || kept, datacenter || target.Datacenter);
  }

  #tooLong(): TribuneError {
    return refused(`discovery chain ${goQuote(this.#request.service)} has more than ${HOPS_MAX} hops; shorten it`);
  }
}

const NODE: Node = { Type: "", Name: "", Routes: null, Splits: null, Resolver: null, LoadBalancer: null };

const keyOf = ({ Type, Name }: Node): string => `${Type}:${Name}`;

function restOf(service: string) {
  return {
    Match: { HTTP: make(ServiceRouteHTTPMatch, { PathPrefix: "/" }) },
    Destination: make(ServiceRouteDestination, { Service: service, Namespace: "default" }),
  };
}

function hashing({ LoadBalancer }: Node): Node["LoadBalancer"] {
  return LoadBalancer !== null && ["maglev", "ring_hash"].includes(LoadBalancer.Policy) ? LoadBalancer : null;
}

function isDefault(resolver: ServiceResolverConfigEntry | undefined): boolean {
  if (resolver === undefined) return true;
  const { DefaultSubset, Subsets, Redirect, Failover, ConnectTimeout, LoadBalancer } = resolver;
  const none = (map: object | null): boolean => Object.keys(map ?? {}).length === 0;
  const plain = DefaultSubset === "" && ConnectTimeout === 0 && Redirect === null && LoadBalancer === null;
  return plain && none(Subsets) && none(Failover);
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
