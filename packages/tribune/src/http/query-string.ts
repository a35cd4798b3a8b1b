import { byteString, hasRawBytes, textOfBytes } from "../codec/byte-text.ts";
import type { Query } from "../endpoints/binding.ts";

/** A percent escape that is none, or a bare semicolon in a query. Go's `url.ParseQuery` refuses the whole query. */
export class BadEscapeError extends Error {
  override readonly name = "BadEscapeError";
}

/** Decodes percent escapes; `+` is a space in a query and itself in a path. For bytes that are no UTF-8 see `codec/byte-text.ts`. */
export function percentDecode(raw: string, plusIsSpace: boolean): string {
  const text = plusIsSpace && raw.includes("+") ? raw.replaceAll("+", " ") : raw;
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    // Either a malformed escape, which is refused, or escapes that are no UTF-8, which Go takes as bytes.
    if (/%(?![0-9A-Fa-f]{2})/.test(text)) throw new BadEscapeError(`invalid URL escape in ${JSON.stringify(raw)}`);
    return textOfBytes(
      Buffer.from(
        Buffer.from(text, "utf8")
          .toString("latin1")
          .replace(/%([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
        "latin1",
      ),
    );
  }
}

const NONE: readonly string[] = [];
/** Of most requests. */
const NOTHING = new Map<string, string[]>();

/** A parsed query string: names in order of appearance, values decoded. */
export class QueryString implements Query {
  readonly #values: Map<string, string[]>;

  /** @throws BadEscapeError */
  constructor(raw: string) {
    this.#values = raw === "" ? NOTHING : new Map();
    if (raw === "") return;
    // Some take it for what parts parameters, and others for a part of a value: nobody is right.
    if (raw.includes(";")) throw new BadEscapeError("invalid semicolon separator in query");
    for (const part of raw.split("&")) {
      if (part === "") continue;
      const equals = part.indexOf("=");
      const name = percentDecode(equals < 0 ? part : part.slice(0, equals), true);
      const value = equals < 0 ? "" : percentDecode(part.slice(equals + 1), true);
      const values = this.#values.get(name);
      if (values === undefined) this.#values.set(name, [value]);
      else values.push(value);
    }
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  get(name: string): string {
    return this.#values.get(name)?.[0] ?? "";
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? NONE;
  }

  encode(): string {
    const parts: string[] = [];
    for (const name of [...this.#values.keys()].sort())
      for (const value of this.#values.get(name)!) parts.push(`${queryEscape(name)}=${queryEscape(value)}`);
    return parts.join("&");
  }
}

/** Go's `url.QueryEscape`. */
function queryEscape(text: string): string {
  return escaped(text, encodeURIComponent)
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}

/** A path as a URL has it. */
export function pathEscape(path: string): string {
  return escaped(path, encodeURI);
}

function escaped(text: string, escapeAscii: (text: string) => string): string {
  if (!hasRawBytes(text)) return escapeAscii(text);
  return byteString(text).replace(/[^\x80-\xff]+|[\x80-\xff]/g, (part) =>
    part < "\x80" ? escapeAscii(part) : `%${part.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
