import { goQuote, goUnquote } from "../go-quote.ts";
import { type Expression, FilterError, type Match, type MatchOperator } from "./expression.ts";

/** Longest expression taken, in UTF-16 units. Longer ones are refused before any work is done on them. */
export const EXPRESSION_LENGTH_MAX = 64 * 1024;
/** Deepest nesting of parentheses and `not`. Consul's parser takes exponential time well before this. */
export const EXPRESSION_DEPTH_MAX = 100;

/**
 * Parses a filter expression.
 *
 * One pass of recursive descent. The grammar is ordered choice, so a rule that fails leaves the position
 * where it found it and the next is tried; rules that share a start are tried once and told apart
 * afterwards, which keeps the time linear. Error texts list what could have stood at the farthest
 * position reached, in the words clients of Consul know:
 * `1:5 (4): no match found, expected: "in", "not" or [ \t\r\n]`.
 *
 * @throws FilterError (stage `syntax`)
 */
export function parseFilter(text: string): Expression {
  if (text.length > EXPRESSION_LENGTH_MAX) {
    throw new FilterError("syntax", `expression of ${text.length} characters is longer than ${EXPRESSION_LENGTH_MAX}`);
  }
  return new Parser(text).parse();
}

/** The class names are part of the error texts. */
const BLANK = "[ \\t\\r\\n]";
const isBlank = (code: number): boolean => code === 32 || code === 9 || code === 13 || code === 10;
const isDigit = (code: number): boolean => code >= 48 && code <= 57;
const isLetter = (code: number): boolean => (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
const isWordPart = (code: number): boolean => isLetter(code) || isDigit(code) || code === 95;

/** Words of each operator in the order they are tried, which decides ties such as `not in` and `not contains`. */
const WITH_VALUE_AFTER: readonly (readonly [MatchOperator, readonly string[]])[] = [
  ["In", ["contains"]],
  ["Not In", ["not", "contains"]],
  ["Matches", ["matches"]],
  ["Not Matches", ["not", "matches"]],
];
const WITH_VALUE_BEFORE: readonly (readonly [MatchOperator, readonly string[]])[] = [
  ["In", ["in"]],
  ["Not In", ["not", "in"]],
];
const WITHOUT_VALUE: readonly (readonly [MatchOperator, readonly string[]])[] = [
  ["Is Empty", ["is", "empty"]],
  ["Is Not Empty", ["is", "not", "empty"]],
];

class Parser {
  private readonly text: string;
  private at = 0;
  private depth = 0;
  /** Mistakes with a text of their own; one of them fails the whole even where another reading would do. */
  private readonly mistakes = new Set<string>();
  private farthest = 0;
  private readonly expected = new Set<string>();

  constructor(text: string) {
    this.text = text;
  }

  parse(): Expression {
    const expression = this.wholeInParentheses() ?? this.whole();
    if (this.mistakes.size > 0) throw new FilterError("syntax", [...this.mistakes].join("\n"));
    if (expression === undefined) throw new FilterError("syntax", this.noMatch());
    return expression;
  }

  private wholeInParentheses(): Expression | undefined {
    this.blanks();
    if (this.literal("(")) {
      this.blanks();
      const inner = this.nested(() => this.or());
      if (inner !== undefined) {
        this.blanks();
        if (this.literal(")")) {
          this.blanks();
          if (this.atEnd()) return inner;
        }
      }
    }
    this.at = 0;
    return undefined;
  }

  private whole(): Expression | undefined {
    this.blanks();
    const expression = this.or();
    if (expression === undefined) return undefined;
    this.blanks();
    return this.atEnd() ? expression : undefined;
  }

  private or(): Expression | undefined {
    return this.chain("or", () => this.and());
  }

  private and(): Expression | undefined {
    return this.chain("and", () => this.not());
  }

  private chain(word: "and" | "or", operand: () => Expression | undefined): Expression | undefined {
    const first = operand();
    if (first === undefined) return undefined;
    const operands = [first];
    for (;;) {
      const before = this.at;
      const next = this.blanks() && this.literal(word) && this.blanks() ? operand() : undefined;
      if (next === undefined) {
        this.at = before;
        return operands.length === 1 ? first : { type: word, operands };
      }
      operands.push(next);
    }
  }

  private not(): Expression | undefined {
    const before = this.at;
    if (this.literal("not") && this.blanks()) {
      const operand = this.nested(() => this.not());
      if (operand !== undefined) return operand.type === "not" ? operand.operand : { type: "not", operand };
    }
    // "not" may also be the name of a field or a value: `not in Tags`.
    this.at = before;
    return this.grouped();
  }

  private grouped(): Expression | undefined {
    const before = this.at;
    if (!this.literal("(")) return this.match();
    this.blanks();
    const inner = this.nested(() => this.or());
    if (inner !== undefined) {
      this.blanks();
      if (this.literal(")")) return inner;
      this.mistake(this.at, "grouping", "Unmatched parentheses");
    }
    this.at = before;
    return undefined;
  }

  private match(): Match | undefined {
    const before = this.at;
    const selector = this.selector() ?? this.pointer();
    if (selector !== undefined) {
      const found = this.matchOf(selector);
      if (found !== undefined) return found;
    }
    this.at = before;
    const value = this.value();
    if (value !== undefined) {
      const operator = this.words(WITH_VALUE_BEFORE, true);
      if (operator !== undefined) {
        const target = this.selector() ?? this.pointer();
        if (target !== undefined) return { type: "match", selector: target, operator, value };
        this.mistake(this.at, "match", "Invalid selector");
      }
    }
    this.at = before;
    return undefined;
  }

  private matchOf(selector: readonly string[]): Match | undefined {
    const afterSelector = this.at;
    const operator = this.comparison() ?? this.words(WITH_VALUE_AFTER, true);
    if (operator !== undefined) {
      const value = this.value();
      if (value !== undefined) return { type: "match", selector, operator, value };
    }
    this.at = afterSelector;
    const emptiness = this.words(WITHOUT_VALUE, false);
    return emptiness && { type: "match", selector, operator: emptiness, value: undefined };
  }

  private comparison(): MatchOperator | undefined {
    const before = this.at;
    this.blanks();
    const operator = this.literal("==") ? "Equal" : this.literal("!=") ? "Not Equal" : undefined;
    if (operator === undefined) this.at = before;
    else this.blanks();
    return operator;
  }

  private words(
    choices: readonly (readonly [MatchOperator, readonly string[]])[],
    blanksAfter: boolean,
  ): MatchOperator | undefined {
    const before = this.at;
    for (const [operator, words] of choices) {
      if (words.every((word) => this.blanks() && this.literal(word)) && (!blanksAfter || this.blanks())) {
        return operator;
      }
      this.at = before;
    }
    return undefined;
  }

  private selector(): string[] | undefined {
    const first = this.identifier();
    if (first === undefined) return undefined;
    const parts = [first];
    for (;;) {
      const before = this.at;
      const part = this.literal(".") ? this.identifier() : this.index();
      if (part === undefined) {
        this.at = before;
        return parts;
      }
      parts.push(part);
    }
  }

  private identifier(): string | undefined {
    const start = this.at;
    if (!isLetter(this.text.charCodeAt(this.at))) {
      this.expect(start, "[a-zA-Z]");
      return undefined;
    }
    while (isWordPart(this.text.charCodeAt(this.at))) this.at++;
    this.expect(this.at, "[a-zA-Z0-9_]");
    return this.text.slice(start, this.at);
  }

  private index(): string | undefined {
    if (!this.literal("[")) return undefined;
    this.blanks();
    const key = this.string();
    if (key === undefined) {
      this.mistake(this.at, "index", "Invalid index");
      return undefined;
    }
    this.blanks();
    if (this.literal("]")) return key;
    this.mistake(this.at, "index", "Unclosed index expression");
    return undefined;
  }

  /** `"/Meta/a~1b"`: the JSON pointer form later evaluators take as a selector (RFC 6901 escapes). */
  private pointer(): string[] | undefined {
    const found = /"((?:\/[^"/\\\n]+)+)"/y;
    found.lastIndex = this.at;
    const path = found.exec(this.text)?.[1];
    if (path === undefined) return undefined;
    this.at = found.lastIndex;
    return path
      .slice(1)
      .split("/")
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  }

  private value(): string | undefined {
    return this.selector()?.join(".") ?? this.number() ?? this.string();
  }

  private number(): string | undefined {
    const start = this.at;
    this.literal("-");
    if (!this.literal("0")) {
      const first = this.text.charCodeAt(this.at);
      if (first < 49 || !isDigit(first)) {
        this.expect(this.at, "[1-9]");
        this.at = start;
        return undefined;
      }
      this.digits();
    }
    const whole = this.at;
    if (!this.literal(".") || !this.digits()) this.at = whole;
    const end = this.at;
    if (end === this.text.length || isBlank(this.text.charCodeAt(end)) || this.text[end] === ")") {
      this.expect(end, BLANK);
      this.expectEnd();
      return this.text.slice(start, end);
    }
    this.mistake(end, "number", "Invalid number literal");
    this.at = start;
    return undefined;
  }

  private digits(): boolean {
    const start = this.at;
    while (isDigit(this.text.charCodeAt(this.at))) this.at++;
    this.expect(this.at, "[0-9]");
    return this.at > start;
  }

  private string(): string | undefined {
    const start = this.at;
    const quote = this.literal("`") ? "`" : this.literal('"') ? '"' : undefined;
    if (quote === undefined) return undefined;
    const close = this.text.indexOf(quote, this.at);
    if (close === -1) {
      this.mistake(this.text.length, "string", "Unterminated string literal");
      this.at = start;
      return undefined;
    }
    this.at = close + 1;
    const value = goUnquote(this.text.slice(start, this.at));
    if (value === undefined) this.mistake(start, "string", "invalid syntax");
    return value ?? "";
  }

  private blanks(): boolean {
    const start = this.at;
    while (isBlank(this.text.charCodeAt(this.at))) this.at++;
    this.expect(this.at, BLANK);
    return this.at > start;
  }

  private literal(literal: string): boolean {
    if (!this.text.startsWith(literal, this.at)) {
      this.expect(this.at, quoted(literal));
      return false;
    }
    this.at += literal.length;
    return true;
  }

  private atEnd(): boolean {
    this.expectEnd();
    return this.at === this.text.length;
  }

  private expectEnd(): void {
    if (this.at < this.text.length) this.expect(this.at, "EOF");
  }

  private nested<T>(run: () => T): T {
    if (++this.depth > EXPRESSION_DEPTH_MAX) {
      throw new FilterError("syntax", `expression is nested deeper than ${EXPRESSION_DEPTH_MAX} levels`);
    }
    const result = run();
    this.depth--;
    return result;
  }

  private expect(at: number, what: string): void {
    if (at < this.farthest) return;
    if (at > this.farthest) {
      this.farthest = at;
      this.expected.clear();
    }
    this.expected.add(what);
  }

  private mistake(at: number, rule: string, message: string): void {
    this.mistakes.add(`${this.place(at)}: rule "${rule}": ${message}`);
  }

  private noMatch(): string {
    const atEnd = this.expected.delete("EOF");
    const names = [...this.expected].sort(byBytes);
    if (atEnd) names.push("EOF");
    const last = names.pop() ?? "";
    const list = names.length === 0 ? last : `${names.join(", ")} or ${last}`;
    return `${this.place(this.farthest)}: no match found, expected: ${list}`;
  }

  /** Line, column in characters and offset in bytes; a line feed counts as column 0 of the line it opens. */
  private place(at: number): string {
    const before = this.text.slice(0, at);
    const onNewLine = this.text[at] === "\n";
    const line = before.split("\n").length + (onNewLine ? 1 : 0);
    const column = onNewLine ? 0 : [...before.slice(before.lastIndexOf("\n") + 1)].length + 1;
    return `${line}:${column} (${Buffer.byteLength(before)})`;
  }
}

const QUOTED = new Map<string, string>();

/** The grammar has a dozen literals, and most of them fail at most places. */
function quoted(literal: string): string {
  let text = QUOTED.get(literal);
  if (text === undefined) {
    text = goQuote(literal);
    QUOTED.set(literal, text);
  }
  return text;
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
