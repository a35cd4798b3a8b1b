import {
  type ConnectProxyConfig,
  formatGoDuration,
  type HealthCheck,
  JsonShapeError,
  type NodeService,
  type Struct,
} from "@tribune/api";
import {
  type CheckType,
  checkTypeProblem,
  isEmptyCheckType,
  kindOf,
  makeCheckType,
} from "../../../checks/check-type.ts";
import { isCheckStatus } from "../../../checks/status.ts";
import { TribuneError } from "../../../lib/errors.ts";
import { JsonError, parseJson } from "../../../lib/go-json-parse.ts";
import { metaProblem } from "../../../lib/metadata.ts";
import { EMPTY_CHECK, EMPTY_SERVICE } from "../empty-rows.ts";
import { CheckDefinition, CheckUpdate, ServiceDefinition } from "./definitions.ts";
import { fromStrictJson } from "./strict-json.ts";
import { isAnyAddress, serviceProblem, weightsProblem } from "./validate.ts";

/** A registration that passed all checks which need nothing but itself. */
export interface ServiceRegistration {
  readonly service: NodeService;
  readonly checkTypes: readonly CheckType[];
  /** As given in the definition; the API uses the request's instead. */
  readonly token: string;
}

export interface CheckRegistration {
  readonly check: HealthCheck;
  readonly checkType: CheckType;
  readonly token: string;
}

/**
 * Reads the body of a service registration.
 * @throws TribuneError (badRequest) with Consul's text.
 */
export function readServiceRegistration(body: string): ServiceRegistration {
  const definition = decodeBody(ServiceDefinition, body);
  if (definition.Name === "") throw TribuneError.badRequest("Missing service name");
  if (isAnyAddress(definition.Address)) throw TribuneError.badRequest("Invalid service address");
  const service = nodeServiceOf(definition);
  if (service.Weights !== null) refuse("Invalid Weights: ", weightsProblem(service.Weights));
  refuse("Invalid Service Meta: ", metaProblem(service.Kind, service.Meta));
  refuse("", serviceProblem(service));
  const checkTypes = checkTypesOf(definition);
  for (const type of checkTypes) refuse("Invalid check: ", checkTypeProblem(type));
  for (const { Status } of checkTypes)
    if (Status !== "" && !isCheckStatus(Status))
      throw TribuneError.badRequest("Status for checks must 'passing', 'warning', 'critical'");
  return { service, checkTypes, token: definition.Token };
}

/**
 * Reads the body of a check registration.
 * @throws TribuneError (badRequest) with Consul's text.
 */
export function readCheckRegistration(body: string): CheckRegistration {
  const definition = decodeBody<CheckDefinition>(CheckDefinition, body);
  if (definition.Name === "") throw TribuneError.badRequest("Missing check name");
  if (definition.Status !== "" && !isCheckStatus(definition.Status)) throw TribuneError.badRequest("Bad check status");
  const { ID, ServiceID, Token, ...rest } = definition;
  const checkType = makeCheckType({ ...rest, CheckID: ID });
  refuse("Invalid check: ", checkTypeProblem(checkType));
  return { check: healthCheckOf(checkType, ServiceID), checkType, token: Token };
}

/** The body of `PUT /v1/agent/check/update/:id`. @throws TribuneError (badRequest) */
export function readCheckUpdate(body: string): { readonly status: string; readonly output: string } {
  const { Status, Output } = decodeBody(CheckUpdate, body);
  if (!isCheckStatus(Status)) throw TribuneError.badRequest(`Invalid check status: '${Status}'`);
  return { status: Status, output: Output };
}

/** The check row for a definition that stands on its own. */
export function healthCheckOf(type: CheckType, serviceId: string): HealthCheck {
  return {
    ...EMPTY_CHECK,
    CheckID: type.CheckID || type.Name,
    Name: type.Name,
    Status: type.Status || "critical",
    Notes: type.Notes,
    ServiceID: serviceId,
    Type: kindOf(type),
    Interval: formatGoDuration(type.Interval),
    Timeout: formatGoDuration(type.Timeout),
  };
}

/** The service a definition describes, without what the agent adds. */
export function nodeServiceOf(definition: ServiceDefinition): NodeService {
  return {
    ...EMPTY_SERVICE,
    Kind: definition.Kind,
    ID: definition.ID || definition.Name,
    Service: definition.Name,
    Tags: definition.Tags,
    Address: definition.Address,
    Meta: definition.Meta,
    Port: definition.Port,
    SocketPath: definition.SocketPath,
    Weights: definition.Weights,
    EnableTagOverride: definition.EnableTagOverride,
    TaggedAddresses: definition.TaggedAddresses,
    ...proxyFields(definition.Proxy),
    ...(definition.Connect === null ? {} : { Connect: definition.Connect }),
  };
}

function proxyFields(proxy: ConnectProxyConfig | null): Partial<NodeService> {
  if (proxy === null) return {};
  const upstreams = proxy.Upstreams?.map((upstream) => ({
    ...upstream,
    DestinationType: upstream.DestinationType || "service",
  }));
  return { Proxy: { ...proxy, Upstreams: upstreams ?? null } };
}

/** `Check` first, then `Checks`. */
export function checkTypesOf(definition: ServiceDefinition): CheckType[] {
  const types = isEmptyCheckType(definition.Check) ? [] : [definition.Check];
  for (const type of definition.Checks ?? []) if (type !== null) types.push(type);
  return types;
}

function decodeBody<T>(schema: Struct<T>, body: string): T {
  try {
    // Go's decoder says EOF where there is nothing to read.
    if (body.trim() === "") throw new JsonShapeError("EOF");
    return fromStrictJson(schema, parseJson(body));
  } catch (error) {
    if (!(error instanceof JsonShapeError || error instanceof JsonError)) throw error;
    throw TribuneError.badRequest(`Request decode failed: ${error.message}`);
  }
}

function refuse(prefix: string, problem: string | undefined): void {
  if (problem !== undefined) throw TribuneError.badRequest(prefix + problem);
}
