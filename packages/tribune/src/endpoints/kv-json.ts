/**
 * JSON of KV lists, which may have a million entries: written as text a piece at a time, at a fraction
 * of what building objects for the general encoder costs. Byte for byte what that would give (see the test).
 */
import type { DirEntry, TxnResult } from "@tribune/api";
import { stringifyGo } from "../lib/go-json.ts";
import { KvEntry } from "../state/kv.ts";
import { PACKED_BYTES_MAX, type PackedValue } from "../state/kv-entry.ts";

/** A piece has at most so many rows, and with those of this many bytes of values it is full. */
const ROWS_A_PIECE = 512;
const VALUE_BYTES_A_PIECE = 96 * 1_024;
const KEYS_A_PIECE = 1_024;

/** Packed values pass through here, which spares them buffers of their own. The last of a piece may be too many. */
const scratch = Buffer.allocUnsafeSlow(VALUE_BYTES_A_PIECE + PACKED_BYTES_MAX + 2 * ROWS_A_PIECE);

/** By how many bytes a value has beyond a multiple of three: what fills it up, and what base64 has in that place. */
const FILL = ["", "\0\0", "\0"] as const;
const EQUALS = ["", "==", "="] as const;

/** What stands between the fields: the compact form, or Go's indent of four spaces. */
interface Layout {
  readonly open: string;
  readonly between: string;
  readonly close: string;
  /** In front of each field's value; the first begins the object. */
  readonly lockIndex: string;
  readonly key: string;
  readonly flags: string;
  readonly value: string;
  readonly session: string;
  readonly createIndex: string;
  readonly modifyIndex: string;
  readonly end: string;
  /** How most rows begin, what mostly stands between a key and its value and, by its length, behind that. */
  readonly neverLocked: string;
  readonly noFlags: string;
  readonly afterValue: readonly string[];
  /** From one row to the next. */
  readonly next: string;
}

function layout(line: string, space: string): Layout {
  const inner = line === "" ? "" : `${line}    `;
  const field = (name: string): string => `,${inner === "" ? "" : `${inner}    `}"${name}":${space}`;
  const lockIndex = `{${field("LockIndex").slice(1)}`;
  return {
    open: `[${inner}`,
    between: `,${inner}`,
    close: `${line}]${line}`,
    lockIndex,
    key: field("Key"),
    flags: field("Flags"),
    value: field("Value"),
    session: field("Session"),
    createIndex: field("CreateIndex"),
    modifyIndex: field("ModifyIndex"),
    end: `${inner}}`,
    neverLocked: `${lockIndex}0${field("Key")}"`,
    noFlags: `"${field("Flags")}0${field("Value")}"`,
    afterValue: EQUALS.map((equals) => `${equals}"${field("CreateIndex")}`),
    next: `${inner}},${inner}`,
  };
}

const COMPACT = layout("", "");
const PRETTY = layout("\n", " ");

/** The array of entries, in pieces. Made for lists that are not empty: Consul answers those by 404. */
export function* entriesJson(entries: readonly DirEntry[], pretty: boolean): Generator<Uint8Array, void, undefined> {
  const form = pretty ? PRETTY : COMPACT;
  for (let from = 0; from < entries.length; ) {
    const slice = sliceFrom(entries, from);
    const start = from === 0 ? form.open : form.between;
    from += slice.length;
    const end = from < entries.length ? "" : form.close;
    yield isPlain(slice)
      ? Buffer.from(plainRows(slice, form, start, end), "latin1")
      : Buffer.from(start + slice.map((entry) => entryText(entry, form)).join(form.between) + end);
  }
}

/** The rows of one piece. */
function sliceFrom(entries: readonly DirEntry[], from: number): readonly DirEntry[] {
  const last = Math.min(from + ROWS_A_PIECE, entries.length);
  let to = from;
  for (let bytes = 0; to < last && bytes < VALUE_BYTES_A_PIECE; to++) bytes += packedValue(entries[to]!)?.length ?? 0;
  return entries.slice(from, to);
}

interface PlainEntry extends DirEntry {
  readonly value: string;
}

/** Whether all of them have packed values, and keys that stand in JSON as they are. */
function isPlain(slice: readonly DirEntry[]): slice is readonly PlainEntry[] {
  const keys: string[] = [];
  for (const entry of slice) {
    if (!(entry instanceof KvEntry) || typeof entry.value !== "string" || entry.Session !== "") return false;
    keys.push(entry.Key);
  }
  return !NEEDS_CARE.test(keys.join(""));
}

/**
 * Base64 and copying are left to the runtime, for all rows of a slice at once: a call for each costs more than its bytes,
 * and a loop of our own is slow until it is compiled, which is after the first long list.
 */
function plainRows(slice: readonly PlainEntry[], form: Layout, start: string, end: string): string {
  const filled: string[] = [];
  for (const { value } of slice) filled.push(value, FILL[value.length % 3] as string);
  const base64 = scratch.toString("base64", 0, scratch.write(filled.join(""), "latin1"));
  const parts = [start];
  let at = 0;
  for (const { LockIndex, Key, Flags, CreateIndex, ModifyIndex, value } of slice) {
    const over = value.length % 3;
    const chars = Math.ceil((value.length * 4) / 3);
    parts.push(LockIndex === 0 ? form.neverLocked : `${form.lockIndex}${LockIndex}${form.key}"`, Key);
    parts.push(Flags === 0 ? form.noFlags : `"${form.flags}${Flags}${form.value}"`, base64.substring(at, at + chars));
    parts.push(form.afterValue[over] as string, String(CreateIndex), form.modifyIndex, String(ModifyIndex), form.next);
    at += chars + (over === 0 ? 0 : 3 - over);
  }
  parts[parts.length - 1] = form.end + end;
  return parts.join("");
}

function entryText(entry: DirEntry, form: Layout): string {
  const head = form.lockIndex + entry.LockIndex + form.key + quoted(entry.Key) + form.flags + entry.Flags;
  return head + form.value + valueJson(entry) + tailText(entry, form);
}

/** What stands behind the value. */
function tailText({ Session, CreateIndex, ModifyIndex }: DirEntry, form: Layout): string {
  const session = Session === "" ? "" : form.session + quoted(Session);
  return session + form.createIndex + CreateIndex + form.modifyIndex + ModifyIndex + form.end;
}

/** The results of a transaction on keys alone, compact; undefined for any other, which the general encoder writes. */
export function keyResultsJson(results: readonly (TxnResult | null)[]): string | undefined {
  let text = "[";
  for (let at = 0; at < results.length; at++) {
    const result = results[at] as TxnResult | null;
    if (typeof result?.KV?.Flags === "bigint") return undefined; // which `?pretty` could not read again
    const one = keyResultText(result);
    if (one === undefined) return undefined;
    text += at > 0 ? `,${one}` : one;
  }
  return `${text}]`;
}

export function keyResultText(result: TxnResult | null): string | undefined {
  if (result === null || result.KV === null) return undefined;
  if (result.Node !== null || result.Service !== null || result.Check !== null) return undefined;
  return isPlainlyWritten(result.KV) ? writtenText(result.KV) : `{"KV":${entryText(result.KV, COMPACT)}}`;
}

/** What most writes answer: no value, no lock, no flags. */
function isPlainlyWritten(entry: DirEntry): boolean {
  const { LockIndex, Key, Flags, Session } = entry;
  if (LockIndex !== 0 || Flags !== 0 || Session !== "") return false;
  return packedValue(entry) === null && !NEEDS_CARE.test(Key);
}

const BEFORE_KEY = `{"KV":${COMPACT.neverLocked}`;
const AFTER_KEY = `"${COMPACT.flags}0${COMPACT.value}null${COMPACT.createIndex}`;
const AFTER_ALL = `${COMPACT.end}}`;

/** `entryText` of such a one in few pieces: each that is joined costs memory. */
function writtenText({ Key, CreateIndex, ModifyIndex }: DirEntry): string {
  return BEFORE_KEY + Key + AFTER_KEY + CreateIndex + COMPACT.modifyIndex + ModifyIndex + AFTER_ALL;
}

/** An array of text, in pieces. */
export function* textsJson(texts: readonly string[], pretty: boolean): Generator<Uint8Array, void, undefined> {
  if (texts.length === 0) yield Buffer.from(stringifyGo(texts, pretty));
  for (let from = 0; from < texts.length; from += KEYS_A_PIECE) {
    const part = stringifyGo(texts.slice(from, from + KEYS_A_PIECE), pretty);
    // Each part is an array of its own: the brackets between two become a comma.
    const isLast = from + KEYS_A_PIECE >= texts.length;
    const body = part.slice(from === 0 ? 0 : 1, isLast ? part.length : pretty ? -3 : -1);
    yield Buffer.from(from === 0 ? body : `,${body}`);
  }
}

function valueJson(entry: DirEntry): string {
  const value = packedValue(entry);
  if (value === null) return "null";
  if (typeof value !== "string") {
    return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")}"`;
  }
  const byteCount = scratch.write(value, 0, value.length, "latin1");
  return `"${scratch.toString("base64", 0, byteCount)}"`;
}

function packedValue(entry: DirEntry): PackedValue {
  return entry instanceof KvEntry ? entry.value : entry.Value;
}

const NEEDS_CARE = /[^\x20-\x7e]|["\\<>&]/;

function quoted(text: string): string {
  return NEEDS_CARE.test(text) ? stringifyGo(text) : `"${text}"`;
}
