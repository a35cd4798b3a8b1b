/**
 * JSON of KV lists, which may have a million entries: written straight into buffers, a piece at a time, at a fraction
 * of what building objects for the general encoder costs. Byte for byte what that would give (see the test).
 */
import type { DirEntry } from "@tribune/api";
import { stringifyGo } from "../lib/go-json.ts";
import { KvEntry } from "../state/kv.ts";

const PIECE_BYTES = 64 * 1_024;
/** Up to here a loop over the characters beats two calls into the runtime's encoder. */
const BASE64_LOOP_CHARS_MAX = 256;
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

/** The array of entries, in pieces of some 64 KiB. An empty list has none: Consul answers 404. */
export function* entriesJson(entries: readonly DirEntry[], pretty: boolean): Generator<Uint8Array, void, undefined> {
  const form = pretty ? PRETTY : COMPACT;
  const writer = new JsonPieces();
  for (const [at, entry] of entries.entries()) {
    const Session = entry.Session === "" ? "" : form.session + quoted(entry.Session);
    writer.text(
      (at === 0 ? form.open : form.between) +
        form.lockIndex +
        entry.LockIndex +
        form.key +
        quoted(entry.Key) +
        form.flags +
        entry.Flags +
        form.value,
    );
    putValue(writer, entry);
    const { CreateIndex, ModifyIndex } = entry;
    writer.text(Session + form.createIndex + CreateIndex + form.modifyIndex + ModifyIndex + form.end);
    if (writer.length >= PIECE_BYTES) yield writer.take();
  }
  writer.text(form.close);
  yield writer.take();
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

function putValue(writer: JsonPieces, entry: DirEntry): void {
  const value = entry instanceof KvEntry ? entry.value : entry.Value;
  if (value === null) writer.text("null");
  else if (typeof value === "string" && value.length <= BASE64_LOOP_CHARS_MAX) writer.base64(value);
  else {
    const bytes =
      typeof value === "string"
        ? Buffer.from(value, "latin1")
        : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    writer.text(`"${bytes.toString("base64")}"`);
  }
}

const NEEDS_CARE = /[^\x20-\x7e]|["\\<>&]/;

function quoted(text: string): string {
  return NEEDS_CARE.test(text) ? stringifyGo(text) : `"${text}"`;
}

const ALPHABET = Uint8Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", (digit) =>
  digit.charCodeAt(0),
);
const QUOTE = 0x22;
const PADDING = 0x3d;

class JsonPieces {
  #buffer = Buffer.allocUnsafeSlow(PIECE_BYTES + 4_096);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  text(text: string): void {
    this.#reserve(text.length * 3);
    // The two agree on ASCII, which nearly all of it is, and short text is checked faster than transcoded.
    this.#length += this.#buffer.write(text, this.#length, "utf8");
  }

  /** A byte string as quoted base64. */
  base64(bytes: string): void {
    const count = bytes.length;
    this.#reserve(Math.ceil(count / 3) * 4 + 2);
    const buffer = this.#buffer;
    let to = this.#length;
    buffer[to++] = QUOTE;
    let at = 0;
    for (; at + 2 < count; at += 3) {
      const bits = (bytes.charCodeAt(at) << 16) | (bytes.charCodeAt(at + 1) << 8) | bytes.charCodeAt(at + 2);
      buffer[to] = ALPHABET[bits >>> 18]!;
      buffer[to + 1] = ALPHABET[(bits >>> 12) & 63]!;
      buffer[to + 2] = ALPHABET[(bits >>> 6) & 63]!;
      buffer[to + 3] = ALPHABET[bits & 63]!;
      to += 4;
    }
    if (at < count) {
      const hasTwo = at + 1 < count;
      const bits = (bytes.charCodeAt(at) << 16) | (hasTwo ? bytes.charCodeAt(at + 1) << 8 : 0);
      buffer[to] = ALPHABET[bits >>> 18]!;
      buffer[to + 1] = ALPHABET[(bits >>> 12) & 63]!;
      buffer[to + 2] = hasTwo ? ALPHABET[(bits >>> 6) & 63]! : PADDING;
      buffer[to + 3] = PADDING;
      to += 4;
    }
    buffer[to++] = QUOTE;
    this.#length = to;
  }

  /** What was written; the next piece gets memory of its own. */
  take(): Uint8Array {
    const taken = this.#buffer.subarray(0, this.#length);
    this.#buffer = Buffer.allocUnsafeSlow(PIECE_BYTES + 4_096);
    this.#length = 0;
    return taken;
  }

  #reserve(byteCount: number): void {
    const needed = this.#length + byteCount;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
