/** Intentions: views of `service-intentions` entries, and the commands that change one of their sources. */
import {
  type Intention,
  type IntentionMutation,
  type IntentionRequest,
  isConfigEntry,
  make,
  ServiceIntentionsConfigEntry,
  type SourceIntention,
} from "@tribune/api";
import { byPrecedence, intentionOf, intentionsOf, WILDCARD } from "../connect/intention.ts";
import { admitIntentions, normalizeIntentions, type Writing } from "../connect/intention-rules.ts";
import { TribuneError } from "../lib/errors.ts";
import { goQuote } from "../lib/go-quote.ts";
import { finished, type Steps } from "../lib/steps.ts";
import { configEntryDelete, configEntrySet } from "./config-entry.ts";
import { CONFIG_ENTRIES, eachOfKind, entriesBySource, entryByLegacyId, findEntry } from "./config-entry-table.ts";
import { bumpIndex, peekIndex } from "./index-table.ts";
import type { ReadTx, WriteTx } from "./memdb/types.ts";
import { MESSAGE } from "./message-types.ts";
import { OPAQUE, opaqueRecords } from "./opaque.ts";
import { INTENTION_FORMAT, systemMetadata, systemMetadataSet } from "./system-metadata.ts";

const KIND = "service-intentions";
/** Those that were not asked for before are decoded, which takes some microseconds each. */
const ENTRIES_A_STEP = 128;
/** Consul's name of the table that intentions stood in before 1.9. */
const LEGACY_TABLE = "connect-intentions";

interface Found {
  readonly index: number;
  readonly intention: Intention | undefined;
}

// ---- queries ----

interface List {
  readonly index: number;
  readonly intentions: readonly Intention[];
}

export function* intentionListSteps(tx: ReadTx): Steps<List> {
  const index = peekIndex(tx, CONFIG_ENTRIES);
  const intentions: Intention[] = [];
  let entries = 0;
  for (const entry of eachOfKind(tx, KIND)) {
    if (isConfigEntry(KIND, entry)) intentions.push(...intentionsOf(entry));
    if (++entries % ENTRIES_A_STEP === 0) yield;
  }
  yield;
  return { index, intentions: intentions.sort(byPrecedence) };
}

export const intentionList = (tx: ReadTx): List => finished(intentionListSteps(tx));

/** @param id of an intention that was made by the older interface */
export function intentionById(tx: ReadTx, id: string): Found {
  const entry = entryByLegacyId(tx, id);
  const source = entry?.Sources?.find((each) => each?.LegacyID === id);
  return found(tx, entry, source);
}

export function intentionExact(tx: ReadTx, source: string, destination: string): Found {
  const entry = findEntry(tx, KIND, destination);
  return found(
    tx,
    entry,
    entry?.Sources?.find((each) => each?.Name === source),
  );
}

function found(
  tx: ReadTx,
  entry: ServiceIntentionsConfigEntry | undefined,
  source: SourceIntention | null | undefined,
): Found {
  const intention = entry === undefined || !source ? undefined : intentionOf(entry, source);
  return { index: peekIndex(tx, CONFIG_ENTRIES), intention };
}

/** Intentions that apply to a service on one side, wildcards among them, by precedence. */
export function intentionMatch(
  tx: ReadTx,
  side: "source" | "destination",
  name: string,
): { readonly index: number; readonly intentions: readonly Intention[] } {
  const names = name === WILDCARD ? [WILDCARD] : [name, WILDCARD];
  const intentions = names.flatMap((each) => {
    if (side === "source")
      return entriesBySource(tx, each)
        .flatMap(intentionsOf)
        .filter(({ SourceName }) => SourceName === each);
    const entry = findEntry(tx, KIND, each);
    return entry === undefined ? [] : intentionsOf(entry);
  });
  return { index: peekIndex(tx, CONFIG_ENTRIES), intentions: intentions.sort(byPrecedence) };
}

// ---- commands ----

/** @returns the id of an intention of the older interface; "" for others. */
export function applyIntention(tx: WriteTx, index: number, { Op, Mutation }: IntentionRequest): string {
  if (Mutation !== null) {
    mutate(tx, index, Op, Mutation);
    return Mutation.ID || (Mutation.Value?.LegacyID ?? "");
  }
  switch (Op) {
    case "delete-all":
      endLegacyIntentions(tx, index);
      return "";
    case "create":
    case "update":
    case "delete":
      throw TribuneError.internal("Legacy intention modifications are disabled after the config entry migration.");
    default:
      throw TribuneError.internal(`Invalid Intention operation '${Op}'`);
  }
}

/** Whether the datacenter says that its intentions are configuration entries, on which Consul's servers insist. */
export function intentionsAreEntries(tx: ReadTx): boolean {
  return systemMetadata(tx, INTENTION_FORMAT.key) === INTENTION_FORMAT.asEntries;
}

/** Intentions as they were before 1.9, which a snapshot brought. They are kept, and have no effect. */
export function hasLegacyIntentions(tx: ReadTx): boolean {
  for (const _ of opaqueRecords(tx, MESSAGE.INTENTION)) return true;
  return false;
}

function endLegacyIntentions(tx: WriteTx, index: number): void {
  for (const record of [...opaqueRecords(tx, MESSAGE.INTENTION)]) tx.delete(OPAQUE, OPAQUE.key(record));
  bumpIndex(tx, LEGACY_TABLE, index);
  bumpIndex(tx, CONFIG_ENTRIES, index);
  systemMetadataSet(tx, index, { Key: INTENTION_FORMAT.key, Value: INTENTION_FORMAT.asEntries });
}

function mutate(tx: WriteTx, index: number, op: string, mutation: IntentionMutation): void {
  const { ID, Destination, Source, Value } = mutation;
  switch (op) {
    case "create":
      return create(tx, index, Destination.Name, required(Value));
    case "update":
      return update(tx, index, ID, required(Value));
    case "upsert":
      return upsert(tx, index, Destination.Name, Source.Name, required(Value));
    case "delete":
      return ID === "" ? remove(tx, index, Destination.Name, Source.Name) : removeById(tx, index, ID);
    default:
      throw TribuneError.internal(`Invalid Intention mutation operation '${op}'`);
  }
}

function required(value: SourceIntention | null): SourceIntention {
  if (value === null) throw TribuneError.internal("an intention command without a value");
  return value;
}

function create(tx: WriteTx, index: number, destination: string, value: SourceIntention): void {
  const before = findEntry(tx, KIND, destination, "peek");
  if (before !== undefined) requireLegacy(before);
  put(tx, index, destination, before, [...(before?.Sources ?? []), value], "legacy");
}

function update(tx: WriteTx, index: number, id: string, value: SourceIntention): void {
  const before = entryByLegacyId(tx, id, "peek");
  if (before === undefined) throw TribuneError.internal(`Cannot modify non-existent intention: '${id}'`);
  requireLegacy(before);
  // An intention keeps the time it was made at.
  const sources = (before.Sources ?? []).map((source) =>
    source?.LegacyID === id
      ? { ...value, LegacyCreateTime: source.LegacyCreateTime ?? value.LegacyCreateTime }
      : source,
  );
  put(tx, index, before.Name, before, sources, "legacy");
}

function upsert(tx: WriteTx, index: number, destination: string, source: string, value: SourceIntention): void {
  const before = findEntry(tx, KIND, destination, "peek");
  const sources = before?.Sources ?? [];
  const known = sources.some((each) => each?.Name === source);
  const after = known ? sources.map((each) => (each?.Name === source ? value : each)) : [...sources, value];
  put(tx, index, destination, before, after, "entry");
}

function remove(tx: WriteTx, index: number, destination: string, source: string): void {
  const before = findEntry(tx, KIND, destination, "peek");
  if (before === undefined) return;
  const sources = (before.Sources ?? []).filter((each) => each?.Name !== source);
  if (sources.length === (before.Sources ?? []).length) return;
  put(tx, index, destination, before, sources, "entry");
}

function removeById(tx: WriteTx, index: number, id: string): void {
  const before = entryByLegacyId(tx, id, "peek");
  if (before === undefined) throw TribuneError.internal(`Cannot delete non-existent intention: '${id}'`);
  requireLegacy(before);
  const sources = (before.Sources ?? []).filter((each) => each?.LegacyID !== id);
  put(tx, index, before.Name, before, sources, "legacy");
}

/** Once somebody wrote the entry itself, the older interface knows too little to change it. */
function requireLegacy(entry: ServiceIntentionsConfigEntry): void {
  if ((entry.Sources ?? []).every((source) => source?.LegacyID !== "")) return;
  throw TribuneError.internal(
    `cannot use legacy intention API to edit intentions with a destination of ${goQuote(entry.Name)} after editing them via a service-intentions config entry`,
  );
}

function put(
  tx: WriteTx,
  index: number,
  destination: string,
  before: ServiceIntentionsConfigEntry | undefined,
  sources: readonly (SourceIntention | null)[],
  writing: Writing,
): void {
  if (sources.length === 0) return configEntryDelete(tx, index, KIND, destination);
  const base = before ?? make(ServiceIntentionsConfigEntry, { Kind: KIND, Name: destination });
  const entry = normalizeIntentions({ ...base, Sources: sources }, writing);
  if (entry.Name === "") throw TribuneError.internal("Name is required");
  admitIntentions(entry, writing);
  configEntrySet(tx, index, entry);
}
