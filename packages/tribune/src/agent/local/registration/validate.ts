import type { ConnectProxyConfig, NodeService, ServiceConnect, Upstream } from "@tribune/api";
import { goQuote } from "../../../lib/go-quote.ts";

/** Every function here answers Consul's text for what is wrong, or undefined. */

const DNS_WEIGHT_MAX = 65_535;
const PORT_MAX = 65_535;
const EXPOSE_PROTOCOLS = ["http", "http2"];

export function weightsProblem(weights: { readonly Passing: number; readonly Warning: number }): string | undefined {
  if (weights.Passing < 1) return "Passing must be greater than 0";
  if (weights.Warning < 0) return "Warning must be greater or equal than 0";
  if (weights.Passing > DNS_WEIGHT_MAX || weights.Warning > DNS_WEIGHT_MAX)
    return "DNS Weight must be between 0 and 65535";
  return undefined;
}

export function isAnyAddress(address: string): boolean {
  return address === "0.0.0.0" || address === "::" || address === "[::]";
}

/** What Connect requires of a service: the same rules the catalog applies, so that the sync cannot fail later. */
export function serviceProblem(service: NodeService): string | undefined {
  const problems = [
    ...(service.Kind === "connect-proxy" ? proxyProblems(service) : []),
    ...(isGateway(service.Kind) ? gatewayProblems(service) : []),
    ...sidecarProblems(service.Connect),
  ];
  if (problems.length === 0) return undefined;
  const head = problems.length === 1 ? "1 error occurred:" : `${problems.length} errors occurred:`;
  return `${head}\n${problems.map((problem) => `\t* ${problem}\n`).join("")}\n`;
}

export function isGateway(kind: string): boolean {
  return kind === "mesh-gateway" || kind === "terminating-gateway" || kind === "ingress-gateway";
}

function proxyProblems({ Proxy: proxy, Port, SocketPath, Connect }: NodeService): string[] {
  const problems: string[] = [];
  if (proxy.DestinationServiceName.trim() === "")
    problems.push("Proxy.DestinationServiceName must be non-empty for Connect proxy services");
  if (proxy.DestinationServiceName === "*")
    problems.push("Proxy.DestinationServiceName must not be a wildcard for Connect proxy services");
  if (Port === 0 && SocketPath === "") problems.push("Port or SocketPath must be set for a Connect proxy");
  if (Connect.Native) problems.push("A Proxy cannot also be Connect Native, only typical services");
  return [...problems, ...upstreamProblems(proxy.Upstreams ?? []), ...exposeProblems(proxy)];
}

function upstreamProblems(upstreams: readonly Upstream[]): string[] {
  const problems: string[] = [];
  const keys = new Set<string>();
  const binds = new Set<string>();
  for (const upstream of upstreams) {
    const problem = upstreamProblem(upstream);
    if (problem !== undefined) {
      problems.push(problem);
      continue;
    }
    const key = upstreamKey(upstream);
    if (keys.has(key)) {
      problems.push(`upstreams cannot contain duplicates of ${key}`);
      continue;
    }
    keys.add(key);
    const bind = upstreamBind(upstream);
    if (binds.has(bind) && !upstream.CentrallyConfigured)
      problems.push(
        "upstreams cannot contain duplicates by local bind address and port or unix path; " +
          `${goQuote(bind)} is specified twice`,
      );
    binds.add(bind);
  }
  return problems;
}

function upstreamProblem(upstream: Upstream): string | undefined {
  const { DestinationType: type, LocalBindPort: port, LocalBindSocketPath: path } = upstream;
  if (type !== "" && type !== "service" && type !== "prepared_query")
    return `unknown upstream destination type: ${goQuote(type)}`;
  if (upstream.DestinationName === "") return "upstream destination name cannot be empty";
  if (upstream.CentrallyConfigured) return undefined;
  if (upstream.DestinationName === "*") return "upstream destination name cannot be a wildcard";
  if (port === 0 && path === "") return "upstream local bind port or local socket path must be defined and nonzero";
  if (port !== 0 && path !== "")
    return "only one of upstream local bind port or local socket path can be defined and nonzero";
  return undefined;
}

function upstreamKey({ DestinationType, DestinationName, DestinationNamespace, Datacenter }: Upstream): string {
  const type = goQuote(DestinationType || "service");
  const rest = `name=${goQuote(DestinationName)}, namespace=${goQuote(DestinationNamespace)}`;
  return `[type=${type}, ${rest}, datacenter=${goQuote(Datacenter)}]`;
}

function upstreamBind({ LocalBindPort: port, LocalBindAddress: address, LocalBindSocketPath: path }: Upstream): string {
  if (port === 0 && address === "" && path !== "") return path;
  const host = address || "127.0.0.1";
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function exposeProblems({ Expose }: ConnectProxyConfig): string[] {
  const problems: string[] = [];
  const listeners = new Set<number>();
  for (const { Path, ListenerPort, Protocol } of Expose.Paths ?? []) {
    if (Path === "") problems.push("expose.paths: empty path exposed");
    if (listeners.has(ListenerPort)) problems.push("expose.paths: duplicate listener ports exposed");
    listeners.add(ListenerPort);
    if (ListenerPort <= 0 || ListenerPort > PORT_MAX)
      problems.push(`expose.paths: invalid listener port: ${ListenerPort}`);
    const protocol = Protocol.toLowerCase();
    if (protocol !== "" && !EXPOSE_PROTOCOLS.includes(protocol))
      problems.push(
        `protocol '${protocol}' not supported for path: ${Path}, must be in: [${EXPOSE_PROTOCOLS.join(" ")}]`,
      );
  }
  return problems;
}

function gatewayProblems({ Kind, Port, Proxy: proxy, Connect }: NodeService): string[] {
  const problems: string[] = [];
  if (Port === 0 && Kind !== "ingress-gateway") problems.push(`Port must be non-zero for a ${Kind}`);
  if (hasSidecar(Connect)) problems.push(`A ${Kind} cannot have a sidecar service defined`);
  const fields = {
    DestinationServiceName: proxy.DestinationServiceName !== "",
    DestinationServiceID: proxy.DestinationServiceID !== "",
    LocalServiceAddress: proxy.LocalServiceAddress !== "",
    LocalServicePort: proxy.LocalServicePort !== 0,
    LocalServiceSocketPath: proxy.LocalServiceSocketPath !== "",
    Upstreams: (proxy.Upstreams ?? []).length > 0,
  };
  for (const [field, given] of Object.entries(fields))
    if (given) problems.push(`The Proxy.${field} configuration is invalid for a ${Kind}`);
  return problems;
}

function hasSidecar({ SidecarService }: ServiceConnect): boolean {
  return SidecarService !== null && SidecarService !== undefined;
}

/** The nested definition is kept as it was written, so its fields are looked for without regard to case. */
function sidecarProblems(connect: ServiceConnect): string[] {
  if (!hasSidecar(connect)) return [];
  const problems: string[] = [];
  const sidecar = lowerKeys(connect.SidecarService);
  if (typeof sidecar.id === "string" && sidecar.id !== "")
    problems.push("A SidecarService cannot specify an ID as this is managed by the agent");
  const nested = lowerKeys(sidecar.connect);
  if ((nested.sidecarservice ?? nested.sidecar_service ?? null) !== null)
    problems.push("A SidecarService cannot have a nested SidecarService");
  return problems;
}

function lowerKeys(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toLowerCase(), item]));
}
