import { HclError, type HclLimits, type HclPosition } from "./hcl-ast.ts";

/** Consul's names for tokens: they appear in its error texts. */
export type HclTokenType =
  | "EOF"
  | "IDENT"
  | "NUMBER"
  | "FLOAT"
  | "BOOL"
  | "STRING"
  | "HEREDOC"
  | "LBRACK"
  | "RBRACK"
  | "LBRACE"
  | "RBRACE"
  | "COMMA"
  | "PERIOD"
  | "ASSIGN"
  | "ADD"
  | "SUB";

export interface HclToken {
  readonly type: HclTokenType;
  /** The decoded value of a literal, the text of anything else. */
  readonly value: string | number | boolean;
  readonly offset: number;
}

const BLANKS = /[ \t\r\n]+/y;
const LINE_COMMENT = /(?:#|\/\/)[^\n]*/y;
const IDENT = /[\p{L}_][\p{L}\p{Nd}_.-]*/uy;
const HEX = /-?0[xX][0-9a-fA-F]+/y;
const FLOAT = /-?(?:\d+(?:\.\d*(?:[eE][+-]?\d+)?|[eE][+-]?\d+)|\.\d+(?:[eE][+-]?\d+)?)/y;
const INT = /-?\d+/y;
const HEREDOC_ANCHOR = /<<(-?)([\p{L}\p{Nd}_]+)\r?\n/uy;

const PUNCTUATION: Readonly<Record<string, HclTokenType>> = {
  "[": "LBRACK",
  "]": "RBRACK",
  "{": "LBRACE",
  "}": "RBRACE",
  ",": "COMMA",
  ".": "PERIOD",
  "=": "ASSIGN",
  "+": "ADD",
  "-": "SUB",
};

/** Cuts HCL1 into tokens, one at a time, each found by a sticky expression that never looks back. */
export class HclLexer {
  readonly #text: string;
  readonly #tokensMax: number;
  #offset = 0;
  #tokens = 0;

  constructor(text: string, limits: HclLimits) {
    this.#text = text.startsWith("\uFEFF") ? text.slice(1) : text;
    this.#tokensMax = limits.tokensMax;
    if (text.length > limits.lengthMax) throw this.error(0, `text is longer than ${limits.lengthMax} characters`);
  }

  next(): HclToken {
    this.#skipBlanksAndComments();
    const offset = this.#offset;
    if (++this.#tokens > this.#tokensMax) throw this.error(offset, `more than ${this.#tokensMax} tokens`);
    const char = this.#text[offset];
    if (char === undefined) return { type: "EOF", value: "", offset };
    if (char === '"') return { type: "STRING", value: this.#string(), offset };
    if (char === "<") return { type: "HEREDOC", value: this.#heredoc(), offset };

    const ident = this.#match(IDENT);
    if (ident === "true" || ident === "false") return { type: "BOOL", value: ident === "true", offset };
    if (ident !== undefined) return { type: "IDENT", value: ident, offset };

    const number = this.#number(offset);
    if (number !== undefined) return number;

    const type = Object.hasOwn(PUNCTUATION, char) ? PUNCTUATION[char] : undefined;
    if (type === undefined) throw this.error(offset, "illegal char");
    this.#offset++;
    return { type, value: char, offset };
  }

  /** Lines are counted only when somebody asks: for errors and for nodes' positions. */
  positionAt(offset: number): HclPosition {
    return this.#lines.positionAt(offset);
  }

  error(offset: number, reason: string): HclError {
    return new HclError(this.positionAt(offset), reason);
  }

  get #lines(): LineCounter {
    this.#lineCounter ??= new LineCounter(this.#text);
    return this.#lineCounter;
  }
  #lineCounter: LineCounter | undefined;

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#offset;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#offset += found.length;
    return found;
  }

  #skipBlanksAndComments(): void {
    for (;;) {
      this.#match(BLANKS);
      const char = this.#text[this.#offset];
      if (char !== "#" && char !== "/") return;
      if (this.#match(LINE_COMMENT) !== undefined) continue;
      if (this.#text[this.#offset + 1] !== "*") throw this.error(this.#offset, "expected '/' for comment");
      const end = this.#text.indexOf("*/", this.#offset + 2);
      if (end < 0) throw this.error(this.#offset, "comment not terminated");
      this.#offset = end + 2;
    }
  }

  #number(offset: number): HclToken | undefined {
    const hex = this.#match(HEX);
    if (hex !== undefined) return { type: "NUMBER", value: this.#integer(hex, offset), offset };
    const float = this.#match(FLOAT);
    if (float !== undefined) {
      const value = Number(float);
      if (!Number.isFinite(value)) throw this.error(offset, `number out of range: ${float}`);
      return { type: "FLOAT", value, offset };
    }
    const int = this.#match(INT);
    if (int === undefined) return undefined;
    if (/^-?0\d/.test(int)) {
      if (/[89]/.test(int)) throw this.error(offset, "illegal octal number");
      return { type: "NUMBER", value: this.#integer(int.replace(/0+/, "0o"), offset), offset };
    }
    return { type: "NUMBER", value: this.#integer(int, offset), offset };
  }

  /** Go's int is 64 bits; what a double cannot hold exactly is rounded, as no setting needs those digits. */
  #integer(text: string, offset: number): number {
    const negative = text.startsWith("-");
    const digits = negative ? text.slice(1) : text;
    const value = Number(digits === "0o" ? "0" : digits);
    if (!(value < 2 ** 63)) throw this.error(offset, `number out of range: ${text}`);
    return negative && value !== 0 ? -value : value;
  }

  #string(): string {
    const start = this.#offset;
    const text = this.#text;
    let out = "";
    let at = start + 1;
    for (;;) {
      const char = text[at];
      if (char === undefined || char === "\n") throw this.error(start, "literal not terminated");
      if (char === '"') break;
      if (char === "$" && text[at + 1] === "{") {
        const end = this.#interpolationEnd(at + 2, start);
        out += text.slice(at, end);
        at = end;
      } else if (char === "\\") {
        const [value, length] = this.#escape(at);
        out += value;
        at += length;
      } else {
        out += char;
        at++;
      }
    }
    this.#offset = at + 1;
    return out;
  }

  /** `${…}` is Terraform's; here it is text, whose quotes and newlines do not end the string. */
  #interpolationEnd(from: number, stringStart: number): number {
    let braces = 1;
    for (let at = from; at < this.#text.length; at++) {
      const char = this.#text[at];
      if (char === "{") braces++;
      if (char === "}" && --braces === 0) return at + 1;
    }
    throw this.error(stringStart, "literal not terminated");
  }

  #escape(at: number): readonly [value: string, length: number] {
    const char = this.#text[at + 1] ?? "";
    const simple = Object.hasOwn(SIMPLE_ESCAPES, char) ? SIMPLE_ESCAPES[char] : undefined;
    if (simple !== undefined) return [simple, 2];
    NUMERIC_ESCAPE.lastIndex = at;
    const match = NUMERIC_ESCAPE.exec(this.#text);
    if (match === null) throw this.error(at, "illegal char escape");
    const octal = match[4];
    const code =
      octal === undefined ? Number.parseInt(match[1] ?? match[2] ?? match[3] ?? "", 16) : Number.parseInt(octal, 8);
    const limit = octal === undefined ? 0x10ffff : 255;
    if (code > limit) throw this.error(at, "illegal char escape");
    return [String.fromCodePoint(code), match[0].length];
  }

  #heredoc(): string {
    const start = this.#offset;
    if (this.#text[start + 1] !== "<") throw this.error(start, "heredoc expected second '<', didn't see it");
    HEREDOC_ANCHOR.lastIndex = start;
    const opening = HEREDOC_ANCHOR.exec(this.#text);
    if (opening === null) throw this.error(start, this.#heredocFault(start));
    const [whole, dash, anchor = ""] = opening;

    const lines: string[] = [];
    for (let at = start + whole.length; ; ) {
      const end = this.#text.indexOf("\n", at);
      if (end < 0) throw this.error(start, "heredoc not terminated");
      const line = this.#text.slice(at, end);
      at = end + 1;
      if (line.trim() === anchor && /^\s*$/.test(line.slice(0, line.indexOf(anchor)))) {
        this.#offset = at;
        const indent = line.slice(0, line.indexOf(anchor));
        return dash === "-" ? unindent(lines, indent) : joinLines(lines) + indent;
      }
      lines.push(line);
    }
  }

  #heredocFault(start: number): string {
    const rest = this.#text.slice(start + 2, start + 200);
    if (!rest.includes("\n")) return "heredoc not terminated";
    return /^-?\r?\n/.test(rest) ? "zero-length heredoc anchor" : "invalid characters in heredoc anchor";
  }
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
};
const NUMERIC_ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))/y;

const joinLines = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

/** `<<-`: the closing anchor's indent is taken from every line, if every line has it. */
function unindent(lines: readonly string[], indent: string): string {
  if (!lines.every((line) => line.startsWith(indent))) return joinLines(lines);
  return joinLines(lines.map((line) => line.slice(indent.length)));
}

/** Finds line and column by bisection over the offsets of line starts. */
class LineCounter {
  readonly #starts: number[] = [0];

  constructor(text: string) {
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.#starts.push(at + 1);
  }

  positionAt(offset: number): HclPosition {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#starts[low] ?? 0) + 1 };
  }
}
