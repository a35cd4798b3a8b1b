/**
 * JSON of KV lists, which may have a million entries: written as bytes a piece at a time, at a fraction
 * of what building objects for the general encoder costs. Byte for byte what that would give (see the test).
 */
import type { DirEntry, TxnResult } from "@tribune/api";
import { stringifyGo } from "../lib/go-json.ts";
import { KvEntry } from "../state/kv.ts";
import type { PackedValue } from "../state/kv-entry.ts";
import { base64BytesMax, JsonBytes, numberBytesMax, textBytesMax } from "./json-bytes.ts";

const PIECE_BYTES = 64 * 1_024;
const KEYS_A_PIECE = 1_024;

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
}

function layout(line: string, space: string): Layout {
  const inner = line === "" ? "" : `${line}    `;
  const field = (name: string): string => `,${inner === "" ? "" : `${inner}    `}"${name}":${space}`;
  return {
    open: `[${inner}`,
    between: `,${inner}`,
    close: `${line}]${line}`,
    lockIndex: `{${field("LockIndex").slice(1)}`,
    key: field("Key"),
    flags: field("Flags"),
    value: field("Value"),
    session: field("Session"),
    createIndex: field("CreateIndex"),
    modifyIndex: field("ModifyIndex"),
    end: `${inner}}`,
  };
}

const COMPACT = layout("", "");
const PRETTY = layout("\n", " ");

/** The parts between the fields as bytes. */
interface ByteLayout {
  readonly between: Uint8Array;
  readonly lockIndex: Uint8Array;
  readonly key: Uint8Array;
  readonly flags: Uint8Array;
  readonly value: Uint8Array;
  readonly null: Uint8Array;
  readonly session: Uint8Array;
  readonly createIndex: Uint8Array;
  readonly modifyIndex: Uint8Array;
  readonly end: Uint8Array;
  /** All of them, and the numbers: what a row takes besides its texts and its value. */
  readonly rowBytesMax: number;
}

function byteLayout(form: Layout): ByteLayout {
  const parts = {
    between: Buffer.from(form.between),
    lockIndex: Buffer.from(form.lockIndex),
    key: Buffer.from(form.key),
    flags: Buffer.from(form.flags),
    value: Buffer.from(form.value),
    null: Buffer.from("null"),
    session: Buffer.from(form.session),
    createIndex: Buffer.from(form.createIndex),
    modifyIndex: Buffer.from(form.modifyIndex),
    end: Buffer.from(form.end),
  };
  const fixed = Object.values(parts).reduce((sum, part) => sum + part.length, 0);
  return { ...parts, rowBytesMax: fixed + 4 * numberBytesMax };
}

const COMPACT_BYTES = byteLayout(COMPACT);
const PRETTY_BYTES = byteLayout(PRETTY);

/** The array of entries, in pieces of some 64 KiB. Made for lists that are not empty: Consul answers those by 404. */
export function* entriesJson(entries: readonly DirEntry[], pretty: boolean): Generator<Uint8Array, void, undefined> {
  const { open, close } = pretty ? PRETTY : COMPACT;
  const form = pretty ? PRETTY_BYTES : COMPACT_BYTES;
  const out = new JsonBytes(PIECE_BYTES);
  out.raw(Buffer.from(open));
  for (let at = 0; at < entries.length; at++) {
    const entry = entries[at] as DirEntry;
    const value = entry instanceof KvEntry ? entry.value : entry.Value;
    const texts = textBytesMax(entry.Key) + textBytesMax(entry.Session);
    const full = out.reserve(form.rowBytesMax + texts + base64BytesMax(value?.length ?? 0));
    if (full !== undefined) yield full;
    if (at > 0) out.raw(form.between);
    writeEntry(out, entry, value, form);
  }
  const full = out.reserve(close.length);
  if (full !== undefined) yield full;
  out.raw(Buffer.from(close));
  yield out.take();
}

function writeEntry(out: JsonBytes, entry: DirEntry, value: PackedValue, form: ByteLayout): void {
  out.raw(form.lockIndex);
  out.number(entry.LockIndex);
  out.raw(form.key);
  out.text(entry.Key);
  out.raw(form.flags);
  out.number(entry.Flags);
  out.raw(form.value);
  if (value === null) out.raw(form.null);
  else out.base64(value);
  if (entry.Session !== "") {
    out.raw(form.session);
    out.text(entry.Session);
  }
  out.raw(form.createIndex);
  out.number(entry.CreateIndex);
  out.raw(form.modifyIndex);
  out.number(entry.ModifyIndex);
  out.raw(form.end);
}

function entryText(entry: DirEntry, form: Layout): string {
  let text = form.lockIndex + entry.LockIndex + form.key + quoted(entry.Key) + form.flags + entry.Flags;
  text += form.value + valueJson(entry);
  if (entry.Session !== "") text += form.session + quoted(entry.Session);
  return text + form.createIndex + entry.CreateIndex + form.modifyIndex + entry.ModifyIndex + form.end;
}

/** The results of a transaction on keys alone, compact; undefined for any other, which the general encoder writes. */
export function keyResultsJson(results: readonly (TxnResult | null)[]): string | undefined {
  let text = "[";
  for (let at = 0; at < results.length; at++) {
    const result = results[at] as TxnResult | null;
    if (result === null || result.KV === null) return undefined;
    if (result.Node !== null || result.Service !== null || result.Check !== null) return undefined;
    if (typeof result.KV.Flags === "bigint") return undefined; // which `?pretty` could not read again
    text += `${at > 0 ? "," : ""}{"KV":${entryText(result.KV, COMPACT)}}`;
  }
  return `${text}]`;
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

/** Small values pass through here one after the other, which spares each a buffer of its own. */
const scratch = Buffer.allocUnsafeSlow(4_096);

function valueJson(entry: DirEntry): string {
  const value = entry instanceof KvEntry ? entry.value : entry.Value;
  if (value === null) return "null";
  if (typeof value !== "string") {
    return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")}"`;
  }
  if (value.length > scratch.length) return `"${Buffer.from(value, "latin1").toString("base64")}"`;
  const byteCount = scratch.write(value, 0, value.length, "latin1");
  return `"${scratch.toString("base64", 0, byteCount)}"`;
}

const NEEDS_CARE = /[^\x20-\x7e]|["\\<>&]/;

function quoted(text: string): string {
  return NEEDS_CARE.test(text) ? stringifyGo(text) : `"${text}"`;
}
