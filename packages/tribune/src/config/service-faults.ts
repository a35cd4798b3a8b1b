import type { ServiceDefinition } from "./types.ts";

type Rule = readonly [broken: (service: ServiceDefinition) => boolean, text: string];

const destination = (service: ServiceDefinition): string => service.proxy?.destinationServiceName ?? "";

const PROXY_RULES: readonly Rule[] = [
  [(it) => destination(it).trim() === "", "Proxy.DestinationServiceName must be non-empty for Connect proxy services"],
  [(it) => destination(it) === "*", "Proxy.DestinationServiceName must not be a wildcard for Connect proxy services"],
  [(it) => it.port === 0 && it.socketPath === "", "Port or SocketPath must be set for a Connect proxy"],
  [(it) => it.connect?.native === true, "A Proxy cannot also be Connect Native, only typical services"],
];

const invalid = (field: string, kind: string): string => `The Proxy.${field} configuration is invalid for a ${kind}`;

function gatewayRules(kind: string): readonly Rule[] {
  return [
    [(it) => it.port === 0 && kind !== "ingress-gateway", `Port must be non-zero for a ${kind}`],
    [(it) => it.connect?.sidecarService !== undefined, `A ${kind} cannot have a sidecar service defined`],
    [(it) => destination(it) !== "", invalid("DestinationServiceName", kind)],
    [(it) => (it.proxy?.destinationServiceId ?? "") !== "", invalid("DestinationServiceID", kind)],
    [(it) => (it.proxy?.localServiceAddress ?? "") !== "", invalid("LocalServiceAddress", kind)],
    [(it) => (it.proxy?.localServicePort ?? 0) !== 0, invalid("LocalServicePort", kind)],
    [(it) => (it.proxy?.localServiceSocketPath ?? "") !== "", invalid("LocalServiceSocketPath", kind)],
    [(it) => (it.proxy?.upstreams ?? []).length > 0, invalid("Upstreams", kind)],
  ];
}

/** What a proxy or gateway lacks to be one, in Consul's words. Upstreams are judged when the service is registered. */
export function serviceFaults(service: ServiceDefinition): readonly string[] {
  if (service.kind === "") return [];
  const rules = service.kind === "connect-proxy" ? PROXY_RULES : gatewayRules(service.kind);
  return rules.filter(([broken]) => broken(service)).map(([, text]) => text);
}
