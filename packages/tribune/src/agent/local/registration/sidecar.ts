import { type ConnectProxyConfig, JsonShapeError, type NodeService } from "@tribune/api";
import { type CheckType, checkTypeProblem, makeCheckType } from "../../../checks/check-type.ts";
import { isCheckStatus } from "../../../checks/status.ts";
import { TribuneError } from "../../../lib/errors.ts";
import { metaProblem } from "../../../lib/metadata.ts";
import { sidecarIdOf } from "./complete.ts";
import { ServiceDefinition } from "./definitions.ts";
import { checkTypesOf, nodeServiceOf, type ServiceRegistration } from "./read-registration.ts";
import { fromStrictJson } from "./strict-json.ts";

/** Ports that sidecars without one are given, both ends included; below 1 none are. */
export interface SidecarPorts {
  readonly min: number;
  readonly max: number;
}

const DEFAULT_CHECK_INTERVAL_NS = 10e9;

/**
 * The proxy that a registration asks for beside its service (`Connect.SidecarService`), or undefined where none is
 * asked for.
 *
 * @param others services of this agent, for their ports
 * @throws TribuneError with Consul's text; its kind is the status.
 */
export function sidecarOf(
  service: NodeService,
  ports: SidecarPorts,
  others: Iterable<NodeService>,
): ServiceRegistration | undefined {
  const raw = service.Connect.SidecarService ?? null;
  if (raw === null) return undefined;
  const definition = readDefinition(raw);
  const own = { service: nodeServiceOf(definition), checkTypes: givenChecks(definition), token: definition.Token };
  try {
    return sidecarFor(service, own, ports, others);
  } catch (error) {
    if (!(error instanceof TribuneError)) throw error;
    throw TribuneError.internal(`Bad request: Invalid SidecarService: ${error.message}`, error);
  }
}

/**
 * Completes a sidecar's own definition with what it takes over from its service. It is registered as a service of
 * its own and goes with its service.
 *
 * @throws TribuneError where its metadata cannot be or no port is left.
 */
export function sidecarFor(
  service: NodeService,
  { service: own, checkTypes, token }: ServiceRegistration,
  ports: SidecarPorts,
  others: Iterable<NodeService>,
): ServiceRegistration {
  const problem = metaProblem(own.Kind, own.Meta);
  if (problem !== undefined) throw TribuneError.internal(problem);
  const ID = sidecarIdOf(service.ID);
  const sidecar: NodeService = {
    ...own,
    ID,
    Kind: own.Kind || "connect-proxy",
    Service: own.Service || `${service.Service}-sidecar-proxy`,
    Address: own.Address || service.Address,
    Port: own.Port < 1 ? freePort(ID, ports, others) : own.Port,
    Meta: isEmpty(own.Meta) ? service.Meta : own.Meta,
    Tags: (own.Tags ?? []).length === 0 ? service.Tags : own.Tags,
    Proxy: proxyFor(service, own.Proxy),
    LocallyRegisteredAsSidecar: true,
  };
  return {
    service: sidecar,
    checkTypes: checkTypes.length > 0 ? checkTypes : defaultChecks(service, sidecar),
    token,
  };
}

function readDefinition(raw: unknown): ServiceDefinition {
  try {
    return fromStrictJson(ServiceDefinition, raw);
  } catch (error) {
    if (!(error instanceof JsonShapeError)) throw error;
    throw TribuneError.badRequest(`Request decode failed: ${error.message}`);
  }
}

/** @throws with the prefix that pointers to bad requests have in Consul: they are answered with status 500. */
function givenChecks(definition: ServiceDefinition): readonly CheckType[] {
  const types = checkTypesOf(definition);
  for (const type of types) {
    const problem = checkTypeProblem(type);
    if (problem !== undefined) throw TribuneError.internal(`Bad request: Invalid check in sidecar_service: ${problem}`);
    if (type.Status !== "" && !isCheckStatus(type.Status))
      throw TribuneError.internal("Bad request: Status for checks must 'passing', 'warning', 'critical'");
  }
  return types;
}

function proxyFor(service: NodeService, given: ConnectProxyConfig): ConnectProxyConfig {
  const proxy = {
    ...given,
    DestinationServiceName: given.DestinationServiceName || service.Service,
    DestinationServiceID: given.DestinationServiceID || service.ID,
  };
  const { LocalServiceAddress: address, LocalServicePort: port } = given;
  if (given.LocalServiceSocketPath !== "" || (address !== "" && port > 0)) return proxy;
  if (service.SocketPath !== "") return { ...proxy, LocalServiceSocketPath: service.SocketPath };
  return { ...proxy, LocalServiceAddress: address || "127.0.0.1", LocalServicePort: port < 1 ? service.Port : port };
}

/** The port the sidecar has already, else the lowest that no service of this agent has. */
function freePort(id: string, { min, max }: SidecarPorts, others: Iterable<NodeService>): number {
  if (min < 1 || max < 1)
    throw TribuneError.internal("no port provided for sidecar_service and auto-assignment disabled in config");
  const used = new Set<number>();
  for (const other of others) {
    if (other.ID === id && other.Port >= min && other.Port <= max) return other.Port;
    used.add(other.Port);
  }
  for (let port = min; port <= max; port++) if (!used.has(port)) return port;
  throw TribuneError.internal(
    `no port provided for sidecar_service and none left in the configured range [${min}, ${max}]`,
  );
}

function defaultChecks(service: NodeService, { Port, Proxy: { LocalServiceAddress: host } }: NodeService): CheckType[] {
  return [
    makeCheckType({
      Name: "Connect Sidecar Listening",
      TCP: `${host.includes(":") ? `[${host}]` : host}:${Port}`,
      Interval: DEFAULT_CHECK_INTERVAL_NS,
    }),
    makeCheckType({ Name: `Connect Sidecar Aliasing ${service.ID}`, AliasService: service.ID }),
  ];
}

function isEmpty(map: Readonly<Record<string, string>> | null): boolean {
  return map === null || Object.keys(map).length === 0;
}
