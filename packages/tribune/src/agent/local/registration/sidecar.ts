import { type ConnectProxyConfig, JsonShapeError, type NodeService } from "@tribune/api";
import { type CheckType, checkTypeProblem, makeCheckType } from "../../../checks/check-type.ts";
import { isCheckStatus } from "../../../checks/status.ts";
import { TribuneError } from "../../../lib/errors.ts";
import { sidecarIdOf } from "./complete.ts";
import { ServiceDefinition } from "./definitions.ts";
import { checkTypesOf, nodeServiceOf, type ServiceRegistration } from "./read-registration.ts";
import { fromStrictJson } from "./strict-json.ts";
import { metaProblem } from "./validate.ts";

/** Ports that sidecars without one are given, both ends included; below 1 none are. */
export interface SidecarPorts {
  readonly min: number;
  readonly max: number;
}

const DEFAULT_CHECK_INTERVAL_NS = 10e9;

/**
 * The proxy that a service's definition asks for beside it (`Connect.SidecarService`), with what it takes over from
 * its service, or undefined where none is asked for. It is registered as a service of its own and goes with its
 * service.
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
  const checkTypes = givenChecks(definition);
  const own = nodeServiceOf(definition);
  if (own.Meta !== null) {
    const problem = metaProblem(own.Kind, own.Meta);
    if (problem !== undefined) throw invalid(problem);
  }
  const sidecar: NodeService = {
    ...own,
    ID: sidecarIdOf(service.ID),
    Kind: own.Kind || "connect-proxy",
    Service: own.Service || `${service.Service}-sidecar-proxy`,
    Address: own.Address || service.Address,
    Meta: isEmpty(own.Meta) ? service.Meta : own.Meta,
    Tags: (own.Tags ?? []).length === 0 ? service.Tags : own.Tags,
    Proxy: proxyFor(service, own.Proxy),
    LocallyRegisteredAsSidecar: true,
  };
  const Port = sidecar.Port < 1 ? freePort(sidecar.ID, ports, others) : sidecar.Port;
  return {
    service: { ...sidecar, Port },
    checkTypes: checkTypes.length > 0 ? checkTypes : defaultChecks(service, { ...sidecar, Port }),
    token: definition.Token,
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

const invalid = (reason: string): TribuneError =>
  TribuneError.internal(`Bad request: Invalid SidecarService: ${reason}`);

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
  if (min < 1 || max < 1) throw invalid("no port provided for sidecar_service and auto-assignment disabled in config");
  const used = new Set<number>();
  for (const other of others) {
    if (other.ID === id && other.Port >= min && other.Port <= max) return other.Port;
    used.add(other.Port);
  }
  for (let port = min; port <= max; port++) if (!used.has(port)) return port;
  throw invalid(`no port provided for sidecar_service and none left in the configured range [${min}, ${max}]`);
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
