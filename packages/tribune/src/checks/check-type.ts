import { bool, type Infer, int, make, type Struct, struct, text, CheckType as WireCheckType } from "@tribune/api";

/**
 * What Tribune's agents can run beyond the 1.10 wire struct. These fields stay on the agent: a catalog row
 * never carries them, so older peers see nothing unknown.
 */
const NEWER_FIELDS = struct("CheckType", {
  TCPUseTLS: bool,
  UDP: text,
  OSService: text,
  FailuresBeforeWarning: int,
});

/** How a check is carried out. Durations are nanoseconds; the field names are Consul's. */
export type CheckType = WireCheckType & Infer<typeof NEWER_FIELDS>;

export const CheckType: Struct<CheckType> = {
  kind: "struct",
  name: "CheckType",
  goType: WireCheckType.goType,
  aliased: true,
  fields: [...WireCheckType.fields, ...NEWER_FIELDS.fields],
};

const EMPTY: CheckType = make(CheckType);

/** A check type with the given fields; the rest are zero. */
export function makeCheckType(given: Partial<CheckType>): CheckType {
  return { ...EMPTY, ...given };
}

/** The kind shown as `Type` of a check; "" where nothing says how to run it. */
export type CheckKind =
  | "grpc"
  | "http"
  | "ttl"
  | "tcp"
  | "udp"
  | "alias"
  | "docker"
  | "script"
  | "h2ping"
  | "os_service"
  | "";

/** The first kind that fits wins, in Consul's order. */
export function kindOf(type: CheckType): CheckKind {
  const timed = type.Interval > 0;
  if (type.GRPC !== "" && timed) return "grpc";
  if (type.HTTP !== "" && timed) return "http";
  if (type.TTL > 0) return "ttl";
  if (type.TCP !== "" && timed) return "tcp";
  if (type.UDP !== "" && timed) return "udp";
  if (isAlias(type)) return "alias";
  if (isScript(type) && type.DockerContainerID !== "" && timed) return "docker";
  if (isScript(type)) return "script";
  if (type.H2PING !== "" && timed) return "h2ping";
  if (type.OSService !== "" && timed) return "os_service";
  return "";
}

/** Runs a command on this machine or in a container, and so needs the operator's leave. */
export function isScript(type: CheckType): boolean {
  return (type.ScriptArgs?.length ?? 0) > 0;
}

export function isAlias(type: CheckType): boolean {
  return type.AliasNode !== "" || type.AliasService !== "";
}

/** @returns Consul's text for what is wrong, or undefined where the definition can run. */
export function checkTypeProblem(type: CheckType): string | undefined {
  const probes = [type.HTTP, type.TCP, type.UDP, type.GRPC, type.H2PING, type.OSService];
  const needsInterval = isScript(type) || probes.some((target) => target !== "");
  if (type.Interval > 0 && type.TTL > 0) return "Interval and TTL cannot both be specified";
  if (needsInterval && type.Interval <= 0) return "Interval must be > 0 for Script, HTTP, H2PING, or TCP checks";
  if (needsInterval && isAlias(type)) return "Interval cannot be set for Alias checks";
  if (isAlias(type) && type.TTL > 0) return "TTL must be not be set for Alias checks";
  if (!needsInterval && !isAlias(type) && type.TTL <= 0) return "TTL must be > 0 for TTL checks";
  if (type.OutputMaxSize < 0) return "MaxOutputMaxSize must be positive";
  // A negative size of either threshold is the same as none.
  const critical = type.FailuresBeforeCritical;
  if (type.FailuresBeforeWarning > critical && critical > 0)
    return "FailuresBeforeWarning can't be higher than FailuresBeforeCritical";
  return undefined;
}

/** A definition nobody wrote: `"Check": {}` asks for no check. */
export function isEmptyCheckType(type: CheckType): boolean {
  return CheckType.fields.every(({ name }) => {
    const value = type[name as keyof CheckType];
    return value === null || value === "" || value === 0 || value === false;
  });
}
