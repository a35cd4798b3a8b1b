/**
 * Something is wrong with a JSON text. The message is Go's, for clients see it:
 * `invalid character 'x' looking for beginning of value`.
 */
export class JsonError extends Error {
  override readonly name = "JsonError";
}

export interface ParseJsonOptions {
  /**
   * `decoder` reads one value and ignores what follows, as Consul does with request bodies (an empty one is `EOF`);
   * `whole` takes the text for one value (an empty one is `unexpected end of JSON input`).
   */
  readonly mode?: "decoder" | "whole";
  /** Deepest nesting of arrays and objects taken. */
  readonly depthMax?: number;
}

export const JSON_DEPTH_MAX = 1000;

/**
 * Parses JSON with Go's error texts. Integers that a number cannot hold exactly come as bigint.
 *
 * @throws JsonError
 */
export function parseJson(text: string, options: ParseJsonOptions = {}): unknown {
  const { mode = "decoder", depthMax = JSON_DEPTH_MAX } = options;
  // The native parser is several times faster; it has no texts, no depth limit and no 64-bit integers.
  if (!hasLongNumber(text) && isNestedAtMost(text, depthMax)) {
    try {
      return JSON.parse(text);
    } catch {
      // Read again below, for the text of the error or to stop behind the first value.
    }
  }
  return new Reader(text, mode, depthMax).read();
}

/** Digits in a row from which on an integer may not fit a number. */
const LONG_DIGITS = 16;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const ESCAPE_LETTERS = new Set('"\\/bfnrtu');

/** Whether so many digits stand in a row anywhere: one of them is then at a multiple of that, and few others need a look. */
function hasLongNumber(text: string): boolean {
  for (let at = LONG_DIGITS - 1; at < text.length; at += LONG_DIGITS) {
    if (!isDigit(text.charCodeAt(at))) continue;
    let from = at;
    let to = at + 1;
    while (isDigit(text.charCodeAt(from - 1))) from--;
    while (isDigit(text.charCodeAt(to))) to++;
    if (to - from >= LONG_DIGITS) return true;
  }
  return false;
}

/** False for NaN as well: what `charCodeAt` says beyond the ends. */
function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

class Reader {
  private readonly text: string;
  private readonly mode: "decoder" | "whole";
  private readonly depthMax: number;
  private at = 0;
  private depth = 0;

  constructor(text: string, mode: "decoder" | "whole", depthMax: number) {
    this.text = text;
    this.mode = mode;
    this.depthMax = depthMax;
  }

  read(): unknown {
    this.blanks();
    if (this.at === this.text.length && this.mode === "decoder") throw new JsonError("EOF");
    const value = this.value();
    if (this.mode === "whole") {
      this.blanks();
      if (this.at < this.text.length) this.unexpected("after top-level value");
    }
    return value;
  }

  private value(): unknown {
    switch (this.text[this.at]) {
      case "{":
        return this.nested(() => this.object());
      case "[":
        return this.nested(() => this.array());
      case '"':
        return this.string();
      case "t":
        return this.literal("true", true);
      case "f":
        return this.literal("false", false);
      case "n":
        return this.literal("null", null);
      default:
        return this.number();
    }
  }

  private object(): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    this.at++;
    this.blanks();
    if (this.text[this.at] === "}") {
      this.at++;
      return object;
    }
    for (;;) {
      this.blanks();
      if (this.text[this.at] !== '"') this.unexpected("looking for beginning of object key string");
      const key = this.string();
      this.blanks();
      if (this.text[this.at] !== ":") this.unexpected("after object key");
      this.at++;
      this.blanks();
      const value = this.value();
      if (key === "__proto__") {
        Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
      } else {
        object[key] = value;
      }
      this.blanks();
      const next = this.text[this.at];
      if (next !== "," && next !== "}") this.unexpected("after object key:value pair");
      this.at++;
      if (next === "}") return object;
    }
  }

  private array(): unknown[] {
    const array: unknown[] = [];
    this.at++;
    this.blanks();
    if (this.text[this.at] === "]") {
      this.at++;
      return array;
    }
    for (;;) {
      this.blanks();
      array.push(this.value());
      this.blanks();
      const next = this.text[this.at];
      if (next !== "," && next !== "]") this.unexpected("after array element");
      this.at++;
      if (next === "]") return array;
    }
  }

  private string(): string {
    const end = stringEnd(this.text, this.at);
    if (end === -1) return this.badString();
    let value: string;
    try {
      value = JSON.parse(this.text.slice(this.at, end)) as string;
    } catch {
      return this.badString(); // goes through it again to say what and where
    }
    this.at = end;
    return value;
  }

  private badString(): never {
    for (this.at++; this.at < this.text.length; this.at++) {
      if (this.text.charCodeAt(this.at) < 0x20) this.unexpected("in string literal");
      if (this.text[this.at] !== "\\") continue;
      this.at++;
      if (this.at === this.text.length) break;
      if (!ESCAPE_LETTERS.has(this.text[this.at] as string)) this.unexpected("in string escape code");
      if (this.text[this.at] !== "u") continue;
      for (let digit = 0; digit < 4; digit++) {
        this.at++;
        if (this.at === this.text.length) this.end();
        if (!/[0-9a-fA-F]/.test(this.text[this.at] as string)) this.unexpected("in \\u hexadecimal character escape");
      }
    }
    return this.end();
  }

  private literal<T>(word: string, value: T): T {
    for (let index = 1; index < word.length; index++) {
      this.at++;
      if (this.text[this.at] !== word[index]) {
        this.unexpectedInToken(`in literal ${word} (expecting '${word[index]}')`);
      }
    }
    this.at++;
    return value;
  }

  private number(): number | bigint {
    const digits = this.match(NUMBER);
    if (digits === undefined) {
      if (this.text[this.at] !== "-") this.unexpected("looking for beginning of value");
      this.at++;
      this.unexpectedInToken("in numeric literal");
    }
    const next = this.text[this.at];
    if (next === "." && !/[.eE]/.test(digits)) {
      this.at++;
      this.unexpectedInToken("after decimal point in numeric literal");
    }
    if ((next === "e" || next === "E") && !/[eE]/.test(digits)) {
      this.at++;
      if (this.text[this.at] === "+" || this.text[this.at] === "-") this.at++;
      this.unexpectedInToken("in exponent of numeric literal");
    }
    const value = Number(digits);
    return Number.isSafeInteger(value) || /[.eE]/.test(digits) ? value : BigInt(digits);
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  private blanks(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 32 && code !== 9 && code !== 10 && code !== 13) return;
      this.at++;
    }
  }

  private nested<T>(read: () => T): T {
    if (++this.depth > this.depthMax) throw new JsonError("exceeded max depth");
    const value = read();
    this.depth--;
    return value;
  }

  private unexpected(where: string): never {
    if (this.at >= this.text.length) this.end();
    throw new JsonError(`invalid character ${quoteByte(this.text.slice(this.at, this.at + 2))} ${where}`);
  }

  /** Inside a number or a word Go meets the end of a whole text as a space. */
  private unexpectedInToken(where: string): never {
    if (this.at >= this.text.length && this.mode === "whole") throw new JsonError(`invalid character ' ' ${where}`);
    return this.unexpected(where);
  }

  private end(): never {
    throw new JsonError(this.mode === "decoder" ? "unexpected EOF" : "unexpected end of JSON input");
  }
}

/** Index behind the closing quote of the string that starts at `start`, or -1. */
function stringEnd(text: string, start: number): number {
  let quote = start;
  for (;;) {
    quote = text.indexOf('"', quote + 1);
    if (quote === -1) return -1;
    let backslashes = 0;
    while (text[quote - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
}

function isNestedAtMost(text: string, depthMax: number): boolean {
  if (text.length <= depthMax || opensAtMost(text, depthMax)) return true;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      const end = stringEnd(text, at);
      if (end === -1) return true; // no JSON, which the native parser will find as well
      at = end - 1;
    } else if (code === 0x5b || code === 0x7b) {
      if (++depth > depthMax) return false;
    } else if (code === 0x5d || code === 0x7d) {
      depth--;
    }
  }
  return true;
}

/** Whether all brackets together, those within strings too, are no more than this: a quick way to say that it is flat. */
function opensAtMost(text: string, max: number): boolean {
  let count = 0;
  for (const open of ["[", "{"]) {
    for (let at = text.indexOf(open); at >= 0; at = text.indexOf(open, at + 1)) if (++count > max) return false;
  }
  return true;
}

/** Go looks at bytes: a character outside ASCII shows as the first byte of its UTF-8 form, read as Latin-1. */
function quoteByte(text: string): string {
  const byte = Buffer.from(text)[0] ?? 0;
  const character = String.fromCharCode(byte);
  if (character === "'") return "'\\''";
  if (character === '"') return "'\"'";
  if (character === "\\") return "'\\\\'";
  const short = { 7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r" }[byte];
  if (short !== undefined) return `'\\${short}'`;
  if (byte < 0x20 || byte === 0x7f) return `'\\x${byte.toString(16).padStart(2, "0")}'`;
  return byte < 0xa1 && byte > 0x7f ? `'\\u${byte.toString(16).padStart(4, "0")}'` : `'${character}'`;
}
