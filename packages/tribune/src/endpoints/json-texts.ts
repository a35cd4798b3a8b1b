/**
 * JSON of long answers bit by bit: whoever sends it decides when to go on, so that thousands of rows that nobody asked
 * for before do not hold the event loop.
 */
import { byteString } from "../codec/byte-text.ts";
import { stringifyGo } from "../lib/go-json.ts";
import { type Answer, jsonPieces } from "./answer.ts";

/**
 * Compact JSON in parts, none of which ends within a string or between an opening bracket and the closing one right
 * behind it. An empty part is a moment to let others have their turn, where finding what comes next takes long.
 */
export type JsonTexts = Iterable<string>;

/** Parts are joined up to this length. */
const PIECE_CHARS = 64 * 1_024;

/** @param texts called for each encoding of the answer. */
export function jsonTexts(
  texts: () => JsonTexts,
  head: { readonly status?: number; readonly headers?: readonly string[] } = {},
): Answer {
  return jsonPieces((pretty) => inPieces(pretty ? indented(texts()) : texts(), "utf8"), head);
}

/** The same of parts that are byte strings (`codec/byte-text.ts`). */
export function jsonByteTexts(texts: () => JsonTexts, headers: readonly string[]): Answer {
  return jsonPieces((pretty) => inPieces(pretty ? indented(texts()) : texts(), "latin1"), { headers });
}

/** Names of a map that are looked at between two moments. */
const NAMES_A_MOMENT = 1_024;

/** An array. */
export function* listTexts<R>(rows: readonly R[], textOf: (row: R) => string): Generator<string, void, undefined> {
  if (rows.length === 0) return yield "[]";
  for (let at = 0; at < rows.length; at++) yield (at === 0 ? "[" : ",") + textOf(rows[at] as R);
  yield "]";
}

/** A Go map: its keys come sorted by their bytes. Names are unique. */
export function* mapTexts<V>(
  entries: readonly (readonly [name: string, value: V])[],
  textOf: (value: V) => string,
): Generator<string, void, undefined> {
  if (entries.length === 0) return yield "{}";
  const sorted: { readonly bytes: string; readonly name: string; readonly value: V }[] = [];
  for (const [name, value] of entries) {
    sorted.push({ bytes: byteString(name), name, value });
    if (sorted.length % NAMES_A_MOMENT === 0) yield "";
  }
  yield "";
  sorted.sort((a, b) => (a.bytes < b.bytes ? -1 : 1));
  yield "";
  for (const [at, { name, value }] of sorted.entries())
    yield `${at === 0 ? "{" : ","}${stringifyGo(name)}:${textOf(value)}`;
  yield "}";
}

function* inPieces(texts: JsonTexts, encoding: "utf8" | "latin1"): Generator<Uint8Array, void, undefined> {
  let parts: string[] = [];
  let chars = 0;
  for (const text of texts) {
    parts.push(text);
    chars += text.length;
    if (chars < PIECE_CHARS && text !== "") continue;
    yield Buffer.from(parts.join(""), encoding); // which may be empty: a moment, too
    parts = [];
    chars = 0;
  }
  yield Buffer.from(parts.join(""), encoding);
}

/** Strings, brackets that hold nothing, and what else has a say in the layout. */
const TOKENS = /"(?:[^"\\]|\\.)*"|\[\]|\{\}|[[\]{}:,]/g;

/** As Go indents it, and with its line feed at the end. */
function* indented(texts: JsonTexts): Generator<string, void, undefined> {
  let line = "\n";
  const place = (token: string): string => {
    switch (token) {
      case "[":
      case "{":
        line += "    ";
        return token + line;
      case "]":
      case "}":
        line = line.slice(0, -4);
        return line + token;
      case ",":
        return token + line;
      case ":":
        return ": ";
      default:
        return token;
    }
  };
  for (const text of texts) yield text.replace(TOKENS, place);
  yield "\n";
}
