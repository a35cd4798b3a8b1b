/**
 * JSON text as Go's `encoding/json` writes it, which is how Consul's answers look byte for byte: `<`, `>`, `&`
 * and the two line separators escaped, four spaces of indent and a final line feed when pretty.
 * Reading is in `go-json-parse.ts`.
 *
 * Objects keep their insertion order, as Go keeps a struct's; a Go map's sorted keys are the caller's to make
 * (`goMap`). `undefined` fields are left out. A bigint is printed as digits. Lone surrogates become U+FFFD.
 */
export function stringifyGo(value: unknown, pretty = false): string {
  let text: string;
  try {
    text = JSON.stringify(value, undefined, pretty ? 4 : 0) ?? "null";
  } catch (error) {
    // The native encoder refuses bigint, which full 64-bit integers are kept in. Anything else is thrown again there.
    if (!(error instanceof TypeError)) throw error;
    text = write(value, pretty ? "\n" : "", 0);
  }
  if (NEEDS_ESCAPE.test(text)) text = text.replace(ESCAPED, escapeOne);
  return pretty ? `${text}\n` : text;
}

/** A copy with its keys in Go's order (by bytes). Integer-like keys, which JavaScript moves to the front, stay there. */
export function goMap<V>(map: Readonly<Record<string, V>>): Record<string, V> {
  const entries = Object.entries(map);
  entries.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return Object.fromEntries(entries);
}

/** Deepest nesting written by the bigint-aware encoder; JSON.stringify has the stack's own limit. */
const DEPTH_MAX = 1000;

// These characters can stand only inside strings, so the whole text may be searched. Two-character escapes are
// matched as a pair to tell the escape "\b" from an escaped backslash before a b.
const NEEDS_ESCAPE = /[<>&\u2028\u2029]|\\(?:b|f|ud)/;
const ESCAPED = /[<>&\u2028\u2029]|\\(?:\\|b|f|ud[89a-f][0-9a-f]{2})/g;
const ESCAPES: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
  "\\\\": "\\\\",
  "\\b": "\\u0008",
  "\\f": "\\u000c",
};

function escapeOne(found: string): string {
  // What is left are the escapes JSON.stringify makes of lone surrogates.
  return ESCAPES[found] ?? "\\ufffd";
}

/** As JSON.stringify, with bigint. `line` is a line feed and the indent of the value's own line, or empty. */
function write(value: unknown, line: string, depth: number): string {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (depth >= DEPTH_MAX) throw new TypeError(`value is nested deeper than ${DEPTH_MAX} levels, or contains itself`);
  if ("toJSON" in value && typeof value.toJSON === "function") return write(value.toJSON(""), line, depth + 1);
  const inner = line === "" ? "" : `${line}    `;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[${inner}${value.map((item) => write(item, inner, depth + 1)).join(`,${inner}`)}${line}]`;
  }
  const colon = line === "" ? ":" : ": ";
  const fields: string[] = [];
  for (const [key, field] of Object.entries(value)) {
    if (field === undefined || typeof field === "function" || typeof field === "symbol") continue;
    fields.push(JSON.stringify(key) + colon + write(field, inner, depth + 1));
  }
  return fields.length === 0 ? "{}" : `{${inner}${fields.join(`,${inner}`)}${line}}`;
}
