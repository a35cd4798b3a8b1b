import { HclError, type HclItem, type HclLimits, type HclNode, type HclPosition } from "./hcl-ast.ts";

const BLANKS = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// From quote to quote; what lies between is for JSON.parse to judge. Unrolled: long strings need no deep stack.
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/sy;
const WORDS = { true: true, false: false, null: null } as const;

/** JSON into the same tree as HCL, so that errors have a place and limits hold. */
export class JsonParser {
  readonly #text: string;
  readonly #limits: HclLimits;
  #offset = 0;
  #depth = 0;
  #nodes = 0;
  // Positions are asked for in rising order: counting goes on from the last one.
  #line = 1;
  #lineStart = 0;
  #counted = 0;

  constructor(text: string, limits: HclLimits) {
    this.#text = text;
    this.#limits = limits;
    if (text.length > limits.lengthMax) throw this.#error(`text is longer than ${limits.lengthMax} characters`);
  }

  parseFile(): HclNode {
    const value = this.#value();
    if (this.#peek() !== undefined) throw this.#unexpected("after top-level value");
    return value;
  }

  #value(): HclNode {
    const char = this.#peek();
    const position = this.#position();
    if (++this.#nodes > this.#limits.tokensMax) throw this.#error(`more than ${this.#limits.tokensMax} tokens`);
    if (char === "{") return { kind: "object", items: this.#members(), position };
    if (char === "[") return { kind: "list", items: this.#elements(), position };
    if (char === '"') return { kind: "literal", value: this.#string(), position };
    const number = this.#match(NUMBER);
    if (number !== undefined) return { kind: "literal", value: this.#finite(number), position };
    for (const [word, value] of Object.entries(WORDS)) {
      if (this.#text.startsWith(word, this.#offset)) {
        this.#offset += word.length;
        return { kind: "literal", value, position };
      }
    }
    throw this.#unexpected("looking for beginning of value");
  }

  #finite(text: string): number {
    const value = Number(text);
    if (!Number.isFinite(value)) throw this.#error(`number out of range: ${text}`);
    return value;
  }

  #members(): readonly HclItem[] {
    const items: HclItem[] = [];
    this.#enter();
    if (this.#peek() !== "}") {
      for (;;) {
        const char = this.#peek();
        const position = this.#position();
        if (char !== '"') throw this.#unexpected("looking for beginning of object key string");
        const key = this.#string();
        if (this.#peek() !== ":") throw this.#unexpected("after object key");
        this.#offset++;
        items.push({ keys: [key], value: this.#value(), position });
        if (this.#peek() !== ",") break;
        this.#offset++;
      }
      if (this.#peek() !== "}") throw this.#unexpected("after object key:value pair");
    }
    this.#leave();
    return items;
  }

  #elements(): readonly HclNode[] {
    const items: HclNode[] = [];
    this.#enter();
    if (this.#peek() !== "]") {
      for (;;) {
        items.push(this.#value());
        if (this.#peek() !== ",") break;
        this.#offset++;
      }
      if (this.#peek() !== "]") throw this.#unexpected("after array element");
    }
    this.#leave();
    return items;
  }

  #string(): string {
    const start = this.#offset;
    try {
      return JSON.parse(this.#match(STRING) ?? "") as string;
    } catch {
      // Whatever JSON.parse disliked (a bare control character, a bad escape, no closing quote), the place is ours.
      this.#offset = start;
      throw this.#error("invalid or unterminated string literal");
    }
  }

  #enter(): void {
    const { depthMax } = this.#limits;
    if (++this.#depth > depthMax) throw this.#error(`more than ${depthMax} objects or lists inside one another`);
    this.#offset++;
  }

  #leave(): void {
    this.#depth--;
    this.#offset++;
  }

  #peek(): string | undefined {
    this.#match(BLANKS);
    return this.#text[this.#offset];
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#offset;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#offset += found.length;
    return found;
  }

  #position(): HclPosition {
    for (let at = this.#text.indexOf("\n", this.#counted); at >= 0 && at < this.#offset; ) {
      this.#line++;
      this.#lineStart = at + 1;
      at = this.#text.indexOf("\n", at + 1);
    }
    this.#counted = Math.max(this.#offset, this.#lineStart);
    return { line: this.#line, column: this.#offset - this.#lineStart + 1 };
  }

  #error(reason: string): HclError {
    return new HclError(this.#position(), reason);
  }

  #unexpected(where: string): HclError {
    const char = this.#text[this.#offset];
    if (char === undefined) return this.#error("unexpected end of JSON input");
    return this.#error(`invalid character ${char === "'" ? `"'"` : `'${char}'`} ${where}`);
  }
}
