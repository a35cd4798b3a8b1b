/** What becomes of an intention that somebody gives: a change of one source of an entry. Consul's checks and texts. */
import type { Intention, IntentionMutation, IntentionRequest, SourceIntention } from "@tribune/api";
import { listed, metaProblems, VALUE_BYTES_MAX } from "../connect/entry-meta.ts";
import { NAMESPACE, WILDCARD } from "../connect/intention.ts";
import { TribuneError } from "../lib/errors.ts";
import { goQuote } from "../lib/go-quote.ts";
import { randomUuid } from "../lib/random.ts";
import { configEntryGet } from "../state/config-entry.ts";
import { intentionById, intentionExact } from "../state/intention.ts";
import type { LeaderApi } from "./agent-api.ts";
import { Settled } from "./binding.ts";

type Names = Pick<Intention, "SourceNS" | "SourceName" | "DestinationNS" | "DestinationName">;

/** Completes and checks a request as the leader does, for the log. @throws TribuneError with Consul's text. */
export function prepareIntention(request: IntentionRequest, leader: LeaderApi): IntentionRequest | Settled {
  if (request.Mutation !== null)
    throw TribuneError.internal("Mutation field is internal only and must not be set via RPC");
  const mutation = mutationOf(request, leader);
  return mutation instanceof Settled ? mutation : { ...request, Intention: null, Mutation: mutation };
}

function mutationOf(request: IntentionRequest, leader: LeaderApi): IntentionMutation | Settled {
  const { Op, Intention: intention } = request;
  if (intention === null) throw TribuneError.internal("Intention must be given");
  switch (Op) {
    case "create":
      return created(intention, leader);
    case "update":
      return updated(intention, leader);
    case "upsert":
      return upserted(intention, leader);
    case "delete":
      return intention.ID === "" ? deleted(intention, leader) : deletedById(intention.ID, leader);
    default:
      throw TribuneError.internal(`Invalid Intention operation: ${Op}`);
  }
}

function created(given: Intention, leader: LeaderApi): IntentionMutation {
  if (given.ID !== "") throw TribuneError.internal("ID must be empty when creating a new intention");
  const intention = completed(given);
  admitOlder(intention);
  let id = randomUuid(leader.rng);
  while (leader.peek((tx) => intentionById(tx, id).intention) !== undefined) id = randomUuid(leader.rng);
  return mutation({ Destination: intention.DestinationName, Value: older({ ...intention, ID: id }, leader) });
}

function updated(given: Intention, leader: LeaderApi): IntentionMutation {
  requireUuid(given.ID, "Intention lookup failed: ");
  const before = leader.peek((tx) => intentionById(tx, given.ID).intention);
  if (before === undefined) throw TribuneError.internal(`Cannot modify non-existent intention: '${given.ID}'`);
  const intention = completed(given);
  if (before.DestinationName !== intention.DestinationName)
    throw TribuneError.internal("Cannot modify DestinationNS or DestinationName for an intention once it exists.");
  admitOlder(intention);
  return mutation({ ID: intention.ID, Value: older(intention, leader) });
}

function upserted(given: Intention, leader: LeaderApi): IntentionMutation {
  if (given.ID !== "") throw TribuneError.internal("ID must not be specified");
  const intention = completed(given);
  const { DestinationName, SourceName, Permissions } = intention;
  const { entry } = leader.peek((tx) => configEntryGet(tx, "service-intentions", DestinationName));
  if (Object.keys(intention.Meta ?? {}).length > 0) {
    if (entry === undefined) throw TribuneError.internal("Meta must not be specified");
    // What was read with an intention may be sent back with it: it is the entry's.
    if (!sameMeta(entry.Meta, intention.Meta))
      throw TribuneError.internal("Meta must not be specified, or should be unchanged during an update.");
  }
  const Value = { ...sourceOf({ ...intention, Meta: null }), Permissions };
  return mutation({ Destination: DestinationName, Source: SourceName, Value });
}

function deleted(given: Intention, leader: LeaderApi): IntentionMutation | Settled {
  const { SourceName, DestinationName, ...names } = completed(given);
  requireNames({ SourceName, DestinationName, ...names });
  const { intention } = leader.peek((tx) => intentionExact(tx, SourceName, DestinationName));
  if (intention === undefined) return new Settled("");
  return mutation({ Destination: DestinationName, Source: SourceName });
}

function deletedById(id: string, leader: LeaderApi): IntentionMutation {
  requireUuid(id, "Intention lookup failed: ");
  if (leader.peek((tx) => intentionById(tx, id).intention) === undefined)
    throw TribuneError.internal(`Cannot delete non-existent intention: '${id}'`);
  return mutation({ ID: id });
}

function mutation(given: {
  readonly ID?: string;
  readonly Destination?: string;
  readonly Source?: string;
  readonly Value?: SourceIntention;
}): IntentionMutation {
  const { ID = "", Destination = "", Source = "", Value = null } = given;
  return { ID, Destination: { Name: Destination }, Source: { Name: Source }, Value };
}

function completed(intention: Intention): Intention {
  return {
    ...intention,
    SourceNS: intention.SourceNS || NAMESPACE,
    DestinationNS: intention.DestinationNS || NAMESPACE,
    SourceType: intention.SourceType || "consul",
  };
}

/** Permissions are for those who write the entry. */
function sourceOf(intention: Intention): SourceIntention {
  return {
    Name: intention.SourceName,
    Action: intention.Action,
    Permissions: null,
    Precedence: 0,
    LegacyID: intention.ID,
    Type: intention.SourceType,
    Description: intention.Description,
    LegacyMeta: intention.Meta,
    LegacyCreateTime: null,
    LegacyUpdateTime: null,
  };
}

function older(intention: Intention, leader: LeaderApi): SourceIntention {
  // As Go prints times: without zeros at the end.
  const now = new Date(leader.wallMs()).toISOString().replace(/\.?0*Z$/, "Z");
  return { ...sourceOf(intention), LegacyCreateTime: now, LegacyUpdateTime: now };
}

function admitOlder(intention: Intention): void {
  const { SourceNS, DestinationNS, Action, SourceType, Description, Permissions, Meta } = intention;
  requireNamespace("source", SourceNS);
  requireNamespace("destination", DestinationNS);
  const problems = [
    ...(["SourceName", "DestinationName"] as const).flatMap((field) =>
      intention[field] === "" ? [`${field} must be set`] : [],
    ),
    ...(["SourceName", "DestinationName"] as const).flatMap((field) =>
      intention[field] !== WILDCARD && intention[field].includes(WILDCARD)
        ? [`${field}: wildcard character '*' cannot be used with partial values`]
        : [],
    ),
    ...(Buffer.byteLength(Description) > VALUE_BYTES_MAX
      ? [`Description exceeds maximum length ${VALUE_BYTES_MAX}`]
      : []),
    ...metaProblems(Meta),
    ...(Action === "allow" || Action === "deny" ? [] : ["Action must be set to 'allow' or 'deny'"]),
    ...((Permissions ?? []).length > 0 ? ["Permissions must not be set when using the legacy APIs"] : []),
    ...(SourceType === "consul" ? [] : ["SourceType must be set to 'consul'"]),
  ];
  if (problems.length > 0) throw TribuneError.internal(listed(problems));
}

/** @param side in front of the text: `Invalid source namespace …` */
export function requireNamespace(side: string, namespace: string): void {
  if (namespace.toLowerCase() === NAMESPACE) return;
  throw TribuneError.internal(
    `Invalid ${side} namespace ${goQuote(namespace)}: Namespaces is a Consul Enterprise feature`,
  );
}

/** @throws TribuneError naming every end that is missing */
export function requireNames(names: Names): void {
  const fields = ["SourceNS", "SourceName", "DestinationNS", "DestinationName"] as const;
  const missing = fields.filter((field) => names[field] === "").map((field) => `${field} is missing`);
  if (missing.length > 0) throw TribuneError.internal(listed(missing));
}

/** @throws TribuneError in the words of Consul's index. */
export function requireUuid(id: string, before = ""): void {
  const problem = uuidProblem(id);
  if (problem !== undefined)
    throw TribuneError.internal(`${before}failed config entry lookup: index error: ${problem}`);
}

function uuidProblem(id: string): string | undefined {
  if (id.length !== 36) return "UUID must be 36 characters";
  const hyphens = id.split("-").length - 1;
  if (hyphens > 4) return `UUID should have maximum of 4 "-"; got ${hyphens}`;
  const foreign = /[^0-9a-fA-F-]/.exec(id)?.[0];
  if (foreign === undefined) return undefined;
  const point = foreign.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
  return `Invalid UUID: encoding/hex: invalid byte: U+${point} '${foreign}'`;
}

function sameMeta(a: Intention["Meta"], b: Intention["Meta"]): boolean {
  const [one, other] = [a ?? {}, b ?? {}];
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
