/** What callers of npm's client write, in any case and with underscores, as the API spells it. */

export type Fields = Readonly<Record<string, unknown>>;

/** `serviceId`, `service_id` and `ServiceID` are one. */
export function plainNames(given: unknown): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries((given ?? {}) as Fields)) plain[plainName(name)] = value;
  return plain;
}

const plainName = (name: string): string => name.replaceAll("_", "").toLowerCase();

type Convert = (value: unknown) => unknown;
/** The API's names; a value that has names of its own comes with its conversion. */
type Shape = readonly (string | readonly [string, Convert])[];

/** Only what the shape names, and only if it was given; null is not. */
function shaped(shape: Shape): Convert {
  const byName = new Map(
    shape.map((field) => {
      const [name, convert] = typeof field === "string" ? [field, (value: unknown) => value] : field;
      return [plainName(name), { name, convert }] as const;
    }),
  );
  return (given) => {
    const out: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(plainNames(given))) {
      const field = byName.get(name);
      if (field !== undefined && value !== undefined && value !== null) out[field.name] = field.convert(value);
    }
    return out;
  };
}
const each =
  (convert: Convert): Convert =>
  (value) =>
    Array.isArray(value) ? value.map(convert) : value;

const CHECK = [
  ...["CheckID", "Name", "Notes", "Status", "Interval", "Timeout", "TTL", "OutputMaxSize", "TLSServerName"],
  ...["HTTP", "Header", "Method", "Body", "DisableRedirects", "TLSSkipVerify", "TCP", "TCPUseTLS", "UDP", "GRPC"],
  ...["GRPCUseTLS", "H2PING", "H2PingUseTLS", "Args", "Script", "DockerContainerID", "Shell", "AliasNode"],
  ...["AliasService", "DeregisterCriticalServiceAfter", "FailuresBeforeWarning", "FailuresBeforeCritical"],
  "SuccessBeforePassing",
];
const RUN_BY_AGENT = ["grpc", "h2ping", "http", "tcp", "udp", "args", "script"];

const checkWith = (shape: Shape): Convert => {
  const convert = shaped(shape);
  return (given) => {
    const fields = plainNames(given);
    const runs = fields.interval && RUN_BY_AGENT.some((name) => fields[name]);
    if (!runs && !fields.ttl && !fields.aliasnode && !fields.aliasservice)
      throw new Error("args/grpc/h2ping/http/tcp/udp and interval, ttl, or aliasnode/aliasservice");
    return convert(given);
  };
};
const serviceCheck = checkWith(CHECK);
export const agentCheck = checkWith([...CHECK, "ID", "ServiceID"]);

const proxy: Convert = (given) => {
  if (!plainNames(given).destinationservicename) throw new Error("destinationservicename required");
  return proxyFields(given);
};
const proxyFields = shaped([
  ...["DestinationServiceName", "DestinationServiceID", "LocalServiceAddress", "LocalServicePort", "Config"],
  ...["Upstreams", "MeshGateway", "Expose", "Mode", "TransparentProxy"],
]);
const SERVICE: Shape = [
  ...[
    "Name",
    "ID",
    "Tags",
    "Meta",
    "Address",
    "Port",
    "Kind",
    "SocketPath",
    "EnableTagOverride",
    "Weights",
    "Namespace",
  ],
  ["TaggedAddresses", (given) => mapped(given, shaped(["Address", "Port"]))],
  ["Check", serviceCheck],
  ["Checks", each(serviceCheck)],
  ["Proxy", proxy],
];
const sidecar: Convert = (given) => {
  const { connect } = plainNames(given);
  if (plainNames(connect).sidecarservice !== undefined) throw new Error("sidecarservice cannot be nested");
  return agentServiceWith(shaped(["Native", ["Proxy", proxy]]))(given);
};
const agentServiceWith = (connect: Convert): Convert => shaped([...SERVICE, ["Connect", connect]]);
export const agentService = agentServiceWith(shaped(["Native", ["Proxy", proxy], ["SidecarService", sidecar]]));

const mapped = (given: unknown, convert: Convert): unknown =>
  Object.fromEntries(
    Object.entries((given ?? {}) as Fields).map(([name, value]) => [
      name.toLowerCase(),
      typeof value === "string" ? value : convert(value),
    ]),
  );

const catalogCheck = shaped([
  ...["CheckID", "Name", "Node", "ServiceID", "Notes", "Status", "Output"],
  [
    "Definition",
    shaped([
      ...["HTTP", "TCP", "TLSSkipVerify", "TLSServerName", "IntervalDuration", "TimeoutDuration"],
      "DeregisterCriticalServiceAfterDuration",
    ]),
  ],
]);
export const catalogRegistration = shaped([
  ...["ID", "Node", "NodeMeta", "SkipNodeUpdate", "Address"],
  ["TaggedAddresses", (given) => mapped(given, shaped(["Address", "Port"]))],
  ["Service", shaped(["ID", "Service", "Tags", "Meta", "Address", "Port"])],
  ["Check", catalogCheck],
  ["Checks", each(catalogCheck)],
]);
export const catalogDeregistration = shaped(["Node", "CheckID", "ServiceID"]);

export const session = shaped([
  ...["LockDelay", "Name", "Node", "Checks", "NodeChecks", "ServiceChecks", "Behavior", "TTL"],
]);

export const preparedQuery = shaped([
  ...["Name", "Session", "Token", "Near"],
  ["Template", shaped(["Type", "Regexp"])],
  [
    "Service",
    shaped(["Service", ["Failover", shaped(["NearestN", "Datacenters"])], "OnlyPassing", "Tags", "Near", "NodeMeta"]),
  ],
  ["DNS", shaped(["TTL"])],
]);

export const legacyToken = shaped(["ID", "Name", "Type", "Rules"]);
