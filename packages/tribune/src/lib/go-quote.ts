const SHORT: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  '"': '\\"',
  "\\": "\\\\",
};

// What Go's strconv.IsPrint refuses: controls, format characters, unassigned, and every space but U+0020.
const PLAIN = /^[ !#-[\]-~]*$/; // most texts: looking for it costs a tenth of looking up the classes of Unicode
const UNPRINTABLE = /["\\]|(?! )[\p{C}\p{Z}]/u;
const UNPRINTABLE_ALL = /["\\]|(?! )[\p{C}\p{Z}]/gu;

/** Quotes as Go's `strconv.Quote` (`%q`) does: the form in which error texts and log lines show a value. */
export function goQuote(text: string): string {
  if (PLAIN.test(text) || !UNPRINTABLE.test(text)) return `"${text}"`;
  return `"${text.replace(UNPRINTABLE_ALL, escapeRune)}"`;
}

function escapeRune(rune: string): string {
  const short = SHORT[rune];
  if (short !== undefined) return short;
  const code = rune.codePointAt(0) ?? 0;
  if (code >= 0xd800 && code <= 0xdfff) return "\ufffd"; // a lone surrogate has no UTF-8 form
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, "0")}`;
  return `\\U${code.toString(16).padStart(8, "0")}`;
}

const ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  "\\": 92,
  '"': 34,
};

/**
 * Undoes a Go string literal (`strconv.Unquote`): backquoted or double-quoted, the quotes included.
 *
 * @returns undefined where Go answers "invalid syntax".
 */
export function goUnquote(literal: string): string | undefined {
  const quote = literal[0];
  if (literal.length < 2 || quote !== literal.at(-1)) return undefined;
  const body = literal.slice(1, -1);
  if (quote === "`") return body.includes("`") ? undefined : body.replaceAll("\r", "");
  if (quote !== '"' || /["\n]/.test(body.replace(/\\./gs, ""))) return undefined;
  if (!body.includes("\\")) return body;
  // \x and octal escapes name bytes, not characters, so the result is put together as bytes.
  const bytes: number[] = [];
  for (let at = 0; at < body.length; ) {
    if (body[at] !== "\\") {
      const end = body.indexOf("\\", at);
      const plain = body.slice(at, end === -1 ? body.length : end);
      for (const byte of Buffer.from(plain)) bytes.push(byte);
      at += plain.length;
      continue;
    }
    const found = /^\\(?:([abfnrtv\\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(
      body.slice(at, at + 10),
    );
    if (found === null) return undefined;
    const [whole, short, hex, octal, unicode4, unicode8] = found;
    if (short !== undefined) bytes.push(ESCAPES[short] ?? 0);
    else if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else if (octal !== undefined) {
      const byte = Number.parseInt(octal, 8);
      if (byte > 255) return undefined;
      bytes.push(byte);
    } else {
      const code = Number.parseInt(unicode4 ?? unicode8 ?? "", 16);
      if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
      for (const byte of Buffer.from(String.fromCodePoint(code))) bytes.push(byte);
    }
    at += whole.length;
  }
  return Buffer.from(bytes).toString("utf8");
}
