/** The parts of a JSON text at its top level, as they stand in it: what two answers differ in is found without parsing. */
export type JsonParts =
  | { readonly kind: "list"; readonly rows: readonly string[] }
  /** Values by the text of their name (with its quotes), in order of appearance. */
  | { readonly kind: "map"; readonly values: ReadonlyMap<string, string> }
  /** A string, number, … */
  | { readonly kind: "scalar" };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/** Index behind the string that begins at `at`. */
function behindString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); ; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
}

/** Index of the comma or the closing bracket behind the value that begins at `at`. */
function behindValue(text: string, at: number): number {
  let depth = 0;
  for (let index = at; ; ) {
    const char = text.charCodeAt(index);
    if (char === QUOTE) {
      index = behindString(text, index);
      continue;
    }
    if (char === 0x5b || char === 0x7b) depth++;
    else if (char === 0x5d || char === 0x7d) {
      if (depth === 0) return index;
      depth--;
    } else if (char === COMMA && depth === 0) return index;
    index++;
  }
}

/** Characters between two chances to give way. */
const STEP_CHARS = 64 * 1_024;

/**
 * Finds them in steps, for there may be megabytes.
 *
 * @param text one valid JSON value without white space between its tokens.
 */
export function* jsonParts(text: string): Generator<void, JsonParts, undefined> {
  const isList = text.startsWith("[");
  if (!isList && !text.startsWith("{")) return { kind: "scalar" };
  const rows: string[] = [];
  const values = new Map<string, string>();
  let giveWayAt = STEP_CHARS;
  for (let at = 1; text.length > 2; ) {
    const from = isList ? at : behindString(text, at) + 1;
    const end = behindValue(text, from);
    const value = text.slice(from, end);
    if (isList) rows.push(value);
    else values.set(text.slice(at, from - 1), value);
    if (text.charCodeAt(end) !== COMMA) break;
    at = end + 1;
    if (at < giveWayAt) continue;
    giveWayAt = at + STEP_CHARS;
    yield;
  }
  return isList ? { kind: "list", rows } : { kind: "map", values };
}
