/**
 * What the leader checks and completes before a registration goes into the log. Each rule takes a value and
 * answers the one to apply, or throws a TribuneError with Consul's text. Transactions use them too.
 */
import type { DeregisterRequest, HealthCheck, HealthCheckDefinition, NodeService, RegisterRequest } from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { goQuote } from "../lib/go-quote.ts";
import { uuidDigits } from "../state/catalog/uuid.ts";
import { joinProblems, serviceProblems } from "./service-rules.ts";

export function prepareRegistration(request: RegisterRequest): RegisterRequest {
  admitNode(request.Node, request.ID);
  if (request.Address === "" && !request.SkipNodeUpdate) {
    throw TribuneError.internal("Must provide address if SkipNodeUpdate is not set");
  }
  const checks = [...(request.Checks ?? []), request.Check].filter((check) => check !== null);
  return {
    ...request,
    Service: request.Service === null ? null : prepareService(request.Service),
    Check: null,
    Checks: checks.length === 0 ? request.Checks : checks.map((check) => completeCheck(request.Node, check)),
  };
}

export function prepareDeregistration(request: DeregisterRequest): DeregisterRequest {
  if (request.Node === "") throw TribuneError.internal("Must provide node");
  return request;
}

/** @throws TribuneError unless the node has a name and a well-formed id, if any. */
export function admitNode(name: string, id: string): void {
  if (name === "") throw TribuneError.internal("Must provide node");
  refuseZeroByte("Node name", name);
  if (id === "") return;
  try {
    uuidDigits(id);
  } catch (error) {
    throw TribuneError.internal(`Bad node ID: ${(error as Error).message}`);
  }
}

/** A zero byte ends a name in the tables' keys: nothing could be asked about such a thing alone. */
function refuseZeroByte(what: string, name: string): void {
  if (name.includes("\0")) throw TribuneError.internal(`${what} must not contain a zero byte`);
}

/** The service with its name for an id where it has none. */
export function prepareService(service: NodeService): NodeService {
  const problem = joinProblems(serviceProblems(service));
  if (problem !== undefined) throw TribuneError.internal(problem);
  const ID = service.ID === "" ? service.Service : service.ID;
  if (ID !== "" && service.Service === "") throw TribuneError.internal("Must provide service name with ID");
  refuseZeroByte("Service ID", ID);
  refuseZeroByte("Service name", service.Service);
  if (["0.0.0.0", "::", "[::]"].includes(service.Address)) throw TribuneError.internal("Invalid service address");
  return { ...service, ID };
}

/** The check with its name for an id where it has none. */
export function prepareCheck(check: HealthCheck): HealthCheck {
  const CheckID = check.CheckID === "" ? check.Name : check.CheckID;
  refuseZeroByte("Check ID", CheckID);
  return { ...check, CheckID };
}

/** Consul's tables have no row without an id. */
export const NO_CHECK_ID = "failed health check lookup: index error: object is missing a value for this index";

function completeCheck(node: string, given: HealthCheck): HealthCheck {
  const check = prepareCheck(given);
  if (check.CheckID === "")
    throw TribuneError.internal(`failed inserting check: ${NO_CHECK_ID} on node ${goQuote(node)}`);
  const Type = check.Type === "" ? typeOf(check.Definition) : check.Type;
  return { ...check, Type, Node: check.Node === "" ? node : check.Node };
}

/** The kind of check a definition describes. Most need an interval; a definition that fits none has no type. */
function typeOf(definition: HealthCheckDefinition): string {
  const repeats = definition.Interval > 0;
  const runs = (definition.ScriptArgs ?? []).length > 0;
  if (definition.GRPC !== "" && repeats) return "grpc";
  if (definition.HTTP !== "" && repeats) return "http";
  if (definition.TTL > 0) return "ttl";
  if (definition.TCP !== "" && repeats) return "tcp";
  if (definition.AliasNode !== "" || definition.AliasService !== "") return "alias";
  if (runs && definition.DockerContainerID !== "" && repeats) return "docker";
  if (runs) return "script";
  return definition.H2PING !== "" && repeats ? "h2ping" : "";
}
