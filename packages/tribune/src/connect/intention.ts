/**
 * Intentions: what a `service-intentions` entry says of each source, as something of its own; in which order they
 * count; what they decide.
 */
import {
  Intention,
  type IntentionDecisionSummary,
  make,
  type ServiceIntentionsConfigEntry,
  type SourceIntention,
} from "@tribune/api";
import { blake2b256 } from "../lib/blake2b.ts";

/** Namespaces are an enterprise feature: there is this one. */
export const NAMESPACE = "default";
export const WILDCARD = "*";
/** Metadata that says who else keeps a service or an intention here. */
const EXTERNAL_SOURCE = "external-source";

export function intentionsOf(entry: ServiceIntentionsConfigEntry): Intention[] {
  return (entry.Sources ?? []).flatMap((source) => (source === null ? [] : [intentionOf(entry, source)]));
}

export function intentionOf(entry: ServiceIntentionsConfigEntry, source: SourceIntention): Intention {
  const { LegacyID, LegacyCreateTime, LegacyUpdateTime } = source;
  const intention = make(Intention, {
    ...(LegacyCreateTime === null ? {} : { CreatedAt: LegacyCreateTime }),
    ...(LegacyUpdateTime === null ? {} : { UpdatedAt: LegacyUpdateTime }),
    ID: LegacyID,
    Description: source.Description,
    SourceNS: NAMESPACE,
    SourceName: source.Name,
    DestinationNS: NAMESPACE,
    DestinationName: entry.Name,
    SourceType: source.Type,
    Action: source.Action,
    Permissions: source.Permissions,
    Meta: LegacyID === "" ? entry.Meta : source.LegacyMeta,
    Precedence: source.Precedence,
    CreateIndex: entry.CreateIndex,
    ModifyIndex: entry.ModifyIndex,
  });
  return LegacyID === "" ? intention : { ...intention, Hash: contentHash(intention) };
}

/** Datacenters with Consul before 1.9 find out by this what changed. */
function contentHash(intention: Intention): Uint8Array {
  const { ID, Description, SourceNS, SourceName, DestinationNS, DestinationName, SourceType, Action } = intention;
  const encoder = new TextEncoder();
  const precedence = new Uint8Array(8);
  new DataView(precedence.buffer).setBigUint64(0, BigInt(intention.Precedence), true);
  const texts = [ID, Description, SourceNS, SourceName, DestinationNS, DestinationName, SourceType, Action];
  const meta = Object.entries(intention.Meta ?? {}).sort(([a], [b]) => compare(a, b));
  return blake2b256(
    Uint8Array.from([
      ...encoder.encode(texts.join("")),
      ...precedence,
      ...encoder.encode(meta.map((pair) => pair.join("")).join("")),
    ]),
  );
}

/** The first that fits decides. */
export function byPrecedence(a: Intention, b: Intention): number {
  return (
    b.Precedence - a.Precedence || compare(a.SourceName, b.SourceName) || compare(a.DestinationName, b.DestinationName)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * What intentions decide about a service.
 *
 * @param side where `name` stands; the other side is the same for all of `intentions`, which are by precedence
 * @param permitted what to make of rules about requests when no request is at hand
 */
export function decide(
  intentions: readonly Intention[],
  side: "source" | "destination",
  name: string,
  given: { readonly defaultAllow: boolean; readonly permitted: boolean },
): IntentionDecisionSummary {
  const { defaultAllow, permitted } = given;
  const match = intentions.find((intention) => {
    const own = side === "source" ? intention.SourceName : intention.DestinationName;
    return own === WILDCARD || own === name;
  });
  const unmatched = { Allowed: defaultAllow, HasPermissions: false, ExternalSource: "", HasExact: false };
  if (match === undefined) return { ...unmatched, DefaultAllow: defaultAllow };
  const HasPermissions = (match.Permissions ?? []).length > 0;
  return {
    Allowed: HasPermissions ? permitted : match.Action === "allow",
    HasPermissions,
    ExternalSource: match.Meta?.[EXTERNAL_SOURCE] ?? "",
    HasExact: match.SourceName !== WILDCARD && match.DestinationName !== WILDCARD,
    DefaultAllow: defaultAllow,
  };
}
