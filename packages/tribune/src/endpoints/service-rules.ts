/** What a service definition must keep to, wherever it comes from: the catalog, a transaction or an agent. */
import type { ConnectProxyConfig, ExposePath, NodeService, Upstream } from "@tribune/api";
import { goQuote } from "../lib/go-quote.ts";

const WILDCARD = "*";
const GATEWAY_KINDS: readonly string[] = ["mesh-gateway", "terminating-gateway", "ingress-gateway"];
const EXPOSE_PROTOCOLS = ["http", "http2"];

export const isGateway = (kind: string) => GATEWAY_KINDS.includes(kind);

/** @returns Consul's text for each rule that is broken, in its order. */
export function serviceProblems(service: NodeService): string[] {
  const problems: string[] = [];
  if (service.Kind === "connect-proxy") problems.push(...proxyProblems(service));
  if (isGateway(service.Kind)) problems.push(...gatewayProblems(service));
  const sidecar = service.Connect.SidecarService;
  if (sidecar !== null) {
    if (sidecar.ID) problems.push("A SidecarService cannot specify an ID as this is managed by the agent");
    if (sidecar.Connect?.SidecarService) problems.push("A SidecarService cannot have a nested SidecarService");
  }
  return problems;
}

/** Several problems as one text, as the reference's error list prints itself; undefined for none. */
export function joinProblems(problems: readonly string[]): string | undefined {
  if (problems.length === 0) return undefined;
  const count = problems.length === 1 ? "1 error" : `${problems.length} errors`;
  return `${count} occurred:\n\t${problems.map((text) => `* ${text}`).join("\n\t")}\n\n`;
}

function proxyProblems({ Proxy: proxy, Port: port, SocketPath: socket, Connect: connect }: NodeService): string[] {
  const problems: string[] = [];
  if (proxy.DestinationServiceName.trim() === "") {
    problems.push("Proxy.DestinationServiceName must be non-empty for Connect proxy services");
  }
  if (proxy.DestinationServiceName === WILDCARD) {
    problems.push("Proxy.DestinationServiceName must not be a wildcard for Connect proxy services");
  }
  if (port === 0 && socket === "") problems.push("Port or SocketPath must be set for a Connect proxy");
  if (connect.Native) problems.push("A Proxy cannot also be Connect Native, only typical services");
  problems.push(...upstreamsProblems(proxy.Upstreams ?? []));
  problems.push(...exposeProblems(proxy.Expose.Paths ?? []));
  return problems;
}

/** One finding an upstream at most. */
function upstreamsProblems(upstreams: readonly Upstream[]): string[] {
  const destinations = new Set<string>();
  const addresses = new Set<string>();
  const problems: string[] = [];
  for (const upstream of upstreams) {
    const own = upstreamProblem(upstream);
    const destination = describe(upstream);
    const address = bindAddress(upstream);
    if (own !== undefined) problems.push(own);
    else if (destinations.has(destination)) problems.push(`upstreams cannot contain duplicates of ${destination}`);
    else {
      destinations.add(destination);
      if (addresses.has(address) && !upstream.CentrallyConfigured) {
        problems.push(
          "upstreams cannot contain duplicates by local bind address and port or unix path; " +
            `${goQuote(address)} is specified twice`,
        );
      }
      addresses.add(address);
    }
  }
  return problems;
}

function upstreamProblem(upstream: Upstream): string | undefined {
  const { DestinationType: type, DestinationName: name, CentrallyConfigured: central } = upstream;
  if (type !== "" && type !== "service" && type !== "prepared_query") {
    return `unknown upstream destination type: ${goQuote(type)}`;
  }
  if (name === "") return "upstream destination name cannot be empty";
  if (central) return undefined;
  if (name === WILDCARD) return "upstream destination name cannot be a wildcard";
  const port = upstream.LocalBindPort !== 0;
  const socket = upstream.LocalBindSocketPath !== "";
  if (!port && !socket) return "upstream local bind port or local socket path must be defined and nonzero";
  if (port && socket) return "only one of upstream local bind port or local socket path can be defined and nonzero";
  return undefined;
}

function describe({ DestinationType, DestinationName, DestinationNamespace, Datacenter }: Upstream): string {
  const [type, name] = [goQuote(DestinationType), goQuote(DestinationName)];
  return `[type=${type}, name=${name}, namespace=${goQuote(DestinationNamespace)}, datacenter=${goQuote(Datacenter)}]`;
}

function bindAddress({ LocalBindAddress: host, LocalBindPort: port, LocalBindSocketPath: socket }: Upstream): string {
  if (port === 0 && host === "" && socket !== "") return socket;
  const shown = host === "" ? "127.0.0.1" : host;
  return `${shown.includes(":") ? `[${shown}]` : shown}:${port}`;
}

function exposeProblems(paths: readonly ExposePath[]): string[] {
  const problems: string[] = [];
  const ports = new Set<number>();
  for (const { Path: path, ListenerPort: port, Protocol: protocol } of paths) {
    if (path === "") problems.push("expose.paths: empty path exposed");
    if (ports.has(port)) problems.push("expose.paths: duplicate listener ports exposed");
    ports.add(port);
    if (port <= 0 || port > 65535) problems.push(`expose.paths: invalid listener port: ${port}`);
    const folded = protocol.toLowerCase();
    if (folded !== "" && !EXPOSE_PROTOCOLS.includes(folded)) {
      problems.push(
        `protocol '${folded}' not supported for path: ${path}, must be in: [${EXPOSE_PROTOCOLS.join(" ")}]`,
      );
    }
  }
  return problems;
}

function gatewayProblems({ Kind: kind, Port: port, Proxy: proxy, Connect: connect }: NodeService): string[] {
  const problems: string[] = [];
  if (port === 0 && kind !== "ingress-gateway") problems.push(`Port must be non-zero for a ${kind}`);
  if (connect.SidecarService !== null) problems.push(`A ${kind} cannot have a sidecar service defined`);
  for (const field of NOT_FOR_GATEWAYS) {
    const value = proxy[field];
    const isSet = typeof value === "object" ? value !== null && value.length > 0 : value !== "" && value !== 0;
    if (isSet) problems.push(`The Proxy.${field} configuration is invalid for a ${kind}`);
  }
  return problems;
}

const NOT_FOR_GATEWAYS = [
  "DestinationServiceName",
  "DestinationServiceID",
  "LocalServiceAddress",
  "LocalServicePort",
  "LocalServiceSocketPath",
  "Upstreams",
] as const satisfies readonly (keyof ConnectProxyConfig)[];
