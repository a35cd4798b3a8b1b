/**
 * The key-value store: what each KV command does to it, and what KV queries answer. Behaviour and indexes are
 * those of Consul 1.10, as recorded in the conformance scenarios `kv-*`.
 *
 * Two indexes are kept: `kvs` (last change of any entry) and `tombstones` (last deletion). An entry answers its
 * own ModifyIndex, a list the highest of its entries and tombstones, and what is not there the tables'.
 */
import type { DirEntry } from "@tribune/api";
import { byteString, textOfByteString } from "../codec/byte-text.ts";
import { TribuneError } from "../lib/errors.ts";
import { goQuote } from "../lib/go-quote.ts";
import { finished, ROWS_A_STEP, type Steps } from "../lib/steps.ts";
import { tombstoned } from "./effects.ts";
import { bumpIndex, peekIndex, raiseIndex } from "./index-table.ts";
import { heldBySession, KVS, KvEntry, packValue, sameValue, TOMBSTONES } from "./kv-entry.ts";
import type { ReadTx, WriteTx } from "./memdb/types.ts";
import { peekSession } from "./session-table.ts";

export { KVS, KvEntry, plainEntry, TOMBSTONES, type Tombstone } from "./kv-entry.ts";

/**
 * In the table of indexes: that of the newest tombstone that was reaped. Tribune's own; Consul keeps it when it restores
 * a snapshot of ours and does not look at it.
 */
const REAPED = "tombstones_reaped";

// ---- queries ----

/** Depends on the one key only, also while it is not there. */
export function kvGet(tx: ReadTx, key: string): { readonly index: number; readonly entry: KvEntry | undefined } {
  const entry = tx.get(KVS, byteString(key));
  return { index: entry?.ModifyIndex ?? peekIndex(tx, "kvs", "tombstones"), entry };
}

/** All entries below a prefix, in key order; "" is the whole store. */
export function* kvListSteps(
  tx: ReadTx,
  prefix: string,
): Steps<{ readonly index: number; readonly entries: readonly KvEntry[] }> {
  const below = byteString(prefix);
  const index = listIndex(tx, below);
  const entries: KvEntry[] = [];
  let newest = 0;
  for (const entry of tx.scan(KVS, below)) {
    entries.push(entry);
    if (entry.ModifyIndex > newest) newest = entry.ModifyIndex;
    if (entries.length % ROWS_A_STEP === 0) yield;
  }
  return { index: yield* index(newest), entries };
}

/**
 * Keys below a prefix; with a separator each is cut behind the first one that follows the prefix, and those
 * that become equal are listed once.
 */
export function* kvKeysSteps(
  tx: ReadTx,
  prefix: string,
  separator: string,
): Steps<{ readonly index: number; readonly keys: readonly string[] }> {
  const below = byteString(prefix);
  const index = listIndex(tx, below);
  const cutter = byteString(separator);
  const keys: string[] = [];
  let rows = 0;
  let newest = 0;
  let folder: string | undefined; // keys that share one stand side by side
  for (const entry of tx.scan(KVS, below)) {
    if (++rows % ROWS_A_STEP === 0) yield;
    if (entry.ModifyIndex > newest) newest = entry.ModifyIndex;
    if (cutter === "") {
      keys.push(entry.Key);
      continue;
    }
    const whole = byteString(entry.Key);
    if (folder !== undefined && whole.startsWith(folder)) continue;
    const at = whole.indexOf(cutter, below.length);
    if (at < 0) {
      keys.push(entry.Key);
      continue;
    }
    folder = whole.slice(0, at + cutter.length);
    keys.push(textOfByteString(folder));
  }
  return { index: yield* index(newest), keys };
}

export const kvList = (tx: ReadTx, prefix: string) => finished(kvListSteps(tx, prefix));
export const kvKeys = (tx: ReadTx, prefix: string, separator: string) => finished(kvKeysSteps(tx, prefix, separator));

/** How a list's index follows from the newest of its entries, as of now: the entries are gone through later. */
function listIndex(tx: ReadTx, below: string): (newestEntry: number) => Steps<number> {
  const ofAll = below === "" ? peekIndex(tx, "kvs", "tombstones") : undefined;
  const reaped = below === "" ? 0 : peekIndex(tx, REAPED);
  // Every deletion below the prefix also changes the entries that were read, so the stones need no watch.
  const stones = below === "" ? [] : tx.peekScan(TOMBSTONES, below);
  return function* (newestEntry) {
    if (ofAll !== undefined) return ofAll;
    let newest = newestEntry;
    let rows = 0;
    for (const stone of stones) {
      if (stone.Index > newest) newest = stone.Index;
      if (++rows % ROWS_A_STEP === 0) yield;
    }
    // With nothing to go through the transaction still lasts.
    return newest === 0 ? peekIndex(tx, "kvs", "tombstones") : Math.max(newest, reaped);
  };
}

// ---- commands ----

/** Sets a value; a lock on the key stays with its session. @returns the entry as it is now. */
export function kvSet(tx: WriteTx, index: number, given: DirEntry): KvEntry {
  const existing = peekEntry(tx, given.Key);
  return store(tx, index, given, existing, given.LockIndex, existing?.Session ?? "");
}

/** @returns undefined when `given.ModifyIndex` is not the present one (0: the key must not exist). */
export function kvSetCas(tx: WriteTx, index: number, given: DirEntry): KvEntry | undefined {
  const existing = peekEntry(tx, given.Key);
  return (existing?.ModifyIndex ?? 0) === given.ModifyIndex ? kvSet(tx, index, given) : undefined;
}

export function kvDelete(tx: WriteTx, index: number, key: string): void {
  if (tx.delete(KVS, byteString(key)) === undefined) return;
  bury(tx, index, [key]);
  bumpIndex(tx, "kvs", index);
}

/** @returns whether the key is gone: it was not there, or it was and had this index. */
export function kvDeleteCas(tx: WriteTx, index: number, casIndex: number, key: string): boolean {
  const existing = peekEntry(tx, key);
  if (existing === undefined) return true;
  if (existing.ModifyIndex !== casIndex) return false;
  kvDelete(tx, index, key);
  return true;
}

/** Deletes all keys below a prefix under one tombstone. */
export function kvDeleteTree(tx: WriteTx, index: number, prefix: string): void {
  if (tx.deletePrefix(KVS, byteString(prefix)) === 0) return;
  // Of the whole store no list is left that could go back: it answers the tables' indexes.
  if (prefix !== "") bury(tx, index, [prefix]);
  bumpIndex(tx, "kvs", index);
}

/**
 * Takes the lock of a key for a session and sets its value.
 *
 * @returns undefined when another session holds it.
 * @throws TribuneError without a session, or with one that does not exist.
 */
export function kvLock(tx: WriteTx, index: number, given: DirEntry): KvEntry | undefined {
  if (given.Session === "") throw TribuneError.internal("missing session");
  if (peekSession(tx, given.Session) === undefined) {
    throw TribuneError.internal(`invalid session ${goQuote(given.Session)}`);
  }
  const existing = peekEntry(tx, given.Key);
  const holder = existing?.Session ?? "";
  if (holder !== "" && holder !== given.Session) return undefined;
  const lockIndex = (existing?.LockIndex ?? 0) + (holder === "" ? 1 : 0);
  return store(tx, index, given, existing, lockIndex, given.Session);
}

/** @returns undefined unless the session holds the key's lock. @throws TribuneError without a session. */
export function kvUnlock(tx: WriteTx, index: number, given: DirEntry): KvEntry | undefined {
  if (given.Session === "") throw TribuneError.internal("missing session");
  const existing = peekEntry(tx, given.Key);
  if (existing === undefined || existing.Session !== given.Session) return undefined;
  return store(tx, index, given, existing, existing.LockIndex, "");
}

/** The session is gone: nobody holds what it held. The values stay. @returns the keys. */
export function kvReleaseHeld(tx: WriteTx, index: number, session: string): readonly string[] {
  const keys: string[] = [];
  tx.rewriteBy(KVS, "session", heldBySession(session), (entry) => {
    keys.push(entry.Key);
    return entry.released(index);
  });
  if (keys.length > 0) bumpIndex(tx, "kvs", index);
  return keys;
}

/** The session is gone, and with it what it held. @returns the keys. */
export function kvDeleteHeld(tx: WriteTx, index: number, session: string): readonly string[] {
  const keys: string[] = [];
  tx.rewriteBy(KVS, "session", heldBySession(session), (entry) => {
    keys.push(entry.Key);
    return undefined;
  });
  if (keys.length === 0) return keys;
  bury(tx, index, keys);
  bumpIndex(tx, "kvs", index);
  return keys;
}

/** @throws TribuneError unless the key exists and this session holds it ("" for no lock). */
export function kvCheckSession(tx: ReadTx, key: string, session: string): KvEntry {
  const entry = peekEntry(tx, key);
  if (entry === undefined) {
    throw TribuneError.internal(`failed to check session, key ${goQuote(key)} doesn't exist`);
  }
  if (entry.Session === session) return entry;
  const [name, held, wanted] = [goQuote(key), goQuote(entry.Session), goQuote(session)];
  throw TribuneError.internal(`failed session check for key ${name}, current session ${held} != ${wanted}`);
}

/** @throws TribuneError unless the key exists with this ModifyIndex. */
export function kvCheckIndex(tx: ReadTx, key: string, casIndex: number): KvEntry {
  const entry = peekEntry(tx, key);
  if (entry === undefined) throw TribuneError.internal(`failed to check index, key ${goQuote(key)} doesn't exist`);
  if (entry.ModifyIndex === casIndex) return entry;
  throw TribuneError.internal(
    `failed index check for key ${goQuote(key)}, current modify index ${entry.ModifyIndex} != ${casIndex}`,
  );
}

/**
 * Forgets the tombstones made up to an index. Lists that had theirs from one of them must not go back: from now on
 * none answers less than the newest that is gone.
 */
export function reapTombstones(tx: WriteTx, upTo: number): void {
  let newest = 0;
  for (const stone of tx.peekScan(TOMBSTONES, "")) {
    if (stone.Index > upTo) continue;
    tx.delete(TOMBSTONES, TOMBSTONES.key(stone));
    if (stone.Index > newest) newest = stone.Index;
  }
  if (newest > 0) raiseIndex(tx, REAPED, newest);
}

// ---- snapshots ----

export function restoreTombstone(tx: WriteTx, key: string, index: number): void {
  tx.put(TOMBSTONES, { Key: key, Index: index });
  raiseIndex(tx, "tombstones", index);
}

// ---- shared ----

export function peekEntry(tx: ReadTx, key: string): KvEntry | undefined {
  return tx.peek(KVS, byteString(key));
}

/** Writes an entry unless that would change nothing, in which case its ModifyIndex stays too. */
function store(
  tx: WriteTx,
  index: number,
  given: DirEntry,
  existing: KvEntry | undefined,
  LockIndex: number,
  Session: string,
): KvEntry {
  const value = packValue(given.Value);
  if (
    existing !== undefined &&
    existing.LockIndex === LockIndex &&
    existing.Flags === given.Flags &&
    existing.Session === Session &&
    sameValue(existing.value, value)
  ) {
    return existing;
  }
  const { Key, Flags } = given;
  const CreateIndex = existing?.CreateIndex ?? index;
  const entry = new KvEntry({ LockIndex, Key, Flags, Session, CreateIndex, ModifyIndex: index }, value);
  tx.put(KVS, entry);
  bumpIndex(tx, "kvs", index);
  return entry;
}

function bury(tx: WriteTx, index: number, keys: readonly string[]): void {
  for (const Key of keys) tx.put(TOMBSTONES, { Key, Index: index });
  bumpIndex(tx, "tombstones", index);
  tombstoned(tx, index);
}
