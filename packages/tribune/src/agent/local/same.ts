import type { HealthCheck, NodeService } from "@tribune/api";

/**
 * Whether two rows say the same, Raft indexes aside. Go's nil and empty slices and maps count as equal: the
 * difference does not survive every codec, and a row that never compares equal would be written for ever.
 */
export function sameService(left: NodeService, right: NodeService): boolean {
  return (
    left.ID === right.ID &&
    left.Service === right.Service &&
    left.Kind === right.Kind &&
    left.Address === right.Address &&
    left.Port === right.Port &&
    left.SocketPath === right.SocketPath &&
    left.EnableTagOverride === right.EnableTagOverride &&
    sameValue(left.Tags, right.Tags) &&
    sameValue(left.Meta, right.Meta) &&
    sameValue(left.Weights, right.Weights) &&
    sameValue(left.TaggedAddresses, right.TaggedAddresses) &&
    sameValue(left.Proxy, right.Proxy) &&
    sameValue(left.Connect, right.Connect)
  );
}

/** Leaves `Type`, `Interval`, `Timeout` and `ExposedPort` out, as Consul does: older servers drop them. */
export function sameCheck(left: HealthCheck, right: HealthCheck, options: { ignoreOutput?: boolean } = {}): boolean {
  return (
    left.Node === right.Node &&
    left.CheckID === right.CheckID &&
    left.Name === right.Name &&
    left.Status === right.Status &&
    left.Notes === right.Notes &&
    (options.ignoreOutput === true || left.Output === right.Output) &&
    left.ServiceID === right.ServiceID &&
    left.ServiceName === right.ServiceName &&
    sameValue(left.ServiceTags, right.ServiceTags) &&
    sameValue(left.Definition, right.Definition)
  );
}

/** Deep equality in which null, undefined, [] and {} are one value. */
export function sameValue(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (isNothing(left) || isNothing(right)) return isNothing(left) && isNothing(right);
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false;
    return left.every((item, at) => sameValue(item, right[at]));
  }
  const a = left as Record<string, unknown>;
  const b = right as Record<string, unknown>;
  for (const key of Object.keys(a)) if (!sameValue(a[key], Object.hasOwn(b, key) ? b[key] : undefined)) return false;
  for (const key of Object.keys(b)) if (!Object.hasOwn(a, key) && !isNothing(b[key])) return false;
  return true;
}

function isNothing(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  if (typeof value !== "object") return false;
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
}
