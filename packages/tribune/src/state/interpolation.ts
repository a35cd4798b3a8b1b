/**
 * Texts with `${…}` in them, in the language of HashiCorp's HIL: variables, calls, text and number literals,
 * arithmetic, comparison, `&&`, `||`, `!` and `a ? b : c`. `$${` stands for a plain `${`.
 */

export class InterpolationError extends Error {
  override readonly name = "InterpolationError";
}

type Value = string | number | boolean;

/** What names in an expression stand for; undefined for one that is not known. */
export interface Scope {
  variable(name: string): Value | undefined;
  call(name: string, args: readonly Value[]): Value | undefined;
}

/** @throws InterpolationError */
export type Interpolated = (scope: Scope) => string;
type Node = (scope: Scope) => Value;

/** Nesting of expressions; templates come from users, and the stack is not endless. */
const DEPTH_MAX = 64;

/** @throws InterpolationError for a text that is not of the language. */
export function parseInterpolation(text: string): Interpolated {
  const parser = new Parser(text);
  const parts = parser.text(undefined, 0);
  return (scope) => parts.map((part) => shown(part(scope))).join("");
}

function shown(value: Value): string {
  return typeof value === "boolean" ? (value ? "1" : "0") : String(value);
}

const BINARY: Readonly<Record<string, readonly [precedence: number, (left: Value, right: Value) => Value]>> = {
  "||": [1, (left, right) => truth(left) || truth(right)],
  "&&": [2, (left, right) => truth(left) && truth(right)],
  "==": [3, (left, right) => shown(left) === shown(right)],
  "!=": [3, (left, right) => shown(left) !== shown(right)],
  "<": [4, (left, right) => count(left) < count(right)],
  ">": [4, (left, right) => count(left) > count(right)],
  "<=": [4, (left, right) => count(left) <= count(right)],
  ">=": [4, (left, right) => count(left) >= count(right)],
  "+": [5, (left, right) => count(left) + count(right)],
  "-": [5, (left, right) => count(left) - count(right)],
  "*": [6, (left, right) => count(left) * count(right)],
  "/": [6, (left, right) => Math.trunc(count(left) / divisor(right))],
  "%": [6, (left, right) => count(left) % divisor(right)],
};

function truth(value: Value): boolean {
  if (typeof value === "boolean") return value;
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw new InterpolationError(`${JSON.stringify(value)} is not a boolean`);
}

function count(value: Value): number {
  const number = typeof value === "string" && value.trim() === "" ? Number.NaN : Number(value);
  if (Number.isFinite(number)) return number;
  throw new InterpolationError(`${JSON.stringify(value)} is not a number`);
}

function divisor(value: Value): number {
  const number = count(value);
  if (number === 0) throw new InterpolationError("divide by zero");
  return number;
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Plain text and `${…}` up to `end`, or to the end of all. */
  text(end: string | undefined, depth: number): Node[] {
    const parts: Node[] = [];
    let plain = "";
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined) {
        if (end !== undefined) throw this.#fail("expected closing quote");
        break;
      }
      if (char === end) {
        this.#at++;
        break;
      }
      if (this.#text.startsWith("$${", this.#at)) {
        plain += "${";
        this.#at += 3;
      } else if (this.#text.startsWith("${", this.#at)) {
        const before = plain;
        parts.push(() => before);
        plain = "";
        this.#at += 2;
        parts.push(this.#expression(depth + 1));
        this.#expect("}");
      } else if (char === "\\" && end !== undefined) {
        const escaped = this.#text[this.#at + 1] ?? "";
        plain += { n: "\n", t: "\t" }[escaped] ?? escaped;
        this.#at += 2;
      } else {
        plain += char;
        this.#at++;
      }
    }
    const rest = plain;
    parts.push(() => rest);
    return parts;
  }

  #expression(depth: number): Node {
    if (depth > DEPTH_MAX) throw this.#fail("too deeply nested");
    const condition = this.#binary(0, depth);
    if (!this.#take("?")) return condition;
    const yes = this.#expression(depth + 1);
    this.#expect(":");
    const no = this.#expression(depth + 1);
    return (scope) => (truth(condition(scope)) ? yes(scope) : no(scope));
  }

  #binary(above: number, depth: number): Node {
    let left = this.#unary(depth);
    for (;;) {
      const operator = this.#peek(/^(\|\||&&|[=!<>]=|[<>+\-*/%])/);
      const [precedence, run] = (operator === undefined ? undefined : BINARY[operator]) ?? [0, undefined];
      if (operator === undefined || run === undefined || precedence <= above) return left;
      this.#at += operator.length;
      const first = left;
      const second = this.#binary(precedence, depth + 1);
      left = (scope) => run(first(scope), second(scope));
    }
  }

  #unary(depth: number): Node {
    if (depth > DEPTH_MAX) throw this.#fail("too deeply nested");
    if (this.#take("!")) {
      const of = this.#unary(depth + 1);
      return (scope) => !truth(of(scope));
    }
    if (this.#take("-")) {
      const of = this.#unary(depth + 1);
      return (scope) => -count(of(scope));
    }
    return this.#primary(depth);
  }

  #primary(depth: number): Node {
    if (this.#take("(")) {
      const inner = this.#expression(depth + 1);
      this.#expect(")");
      return inner;
    }
    if (this.#take('"')) {
      const parts = this.text('"', depth + 1);
      return (scope) => parts.map((part) => shown(part(scope))).join("");
    }
    const number = this.#peek(/^\d+(\.\d+)?/);
    if (number !== undefined) {
      this.#at += number.length;
      return () => Number(number);
    }
    const name = this.#peek(/^[A-Za-z_][\w.\-*]*/);
    if (name === undefined) throw this.#fail("expected expression");
    const where = this.#position();
    this.#at += name.length;
    if (name === "true" || name === "false") return () => name === "true";
    if (this.#take("(")) return this.#call(name, depth);
    return (scope) => {
      const value = scope.variable(name);
      if (value === undefined) throw new InterpolationError(`${where}: unknown variable accessed: ${name}`);
      return value;
    };
  }

  /** `line:column` of what comes next, both from 1. */
  #position(): string {
    const before = this.#text.slice(0, this.#at).split("\n");
    return `${before.length}:${(before.at(-1) ?? "").length + 1}`;
  }

  #call(name: string, depth: number): Node {
    const args: Node[] = [];
    if (!this.#take(")")) {
      do args.push(this.#expression(depth + 1));
      while (this.#take(","));
      this.#expect(")");
    }
    return (scope) => {
      const given = args.map((arg) => arg(scope));
      const value = scope.call(name, given);
      if (value === undefined) throw new InterpolationError(`unknown function called: ${name}`);
      return value;
    };
  }

  #peek(pattern: RegExp): string | undefined {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
    return pattern.exec(this.#text.slice(this.#at, this.#at + 256))?.[0];
  }

  #take(sign: string): boolean {
    this.#peek(/^/);
    if (!this.#text.startsWith(sign, this.#at)) return false;
    this.#at += sign.length;
    return true;
  }

  #expect(sign: string): void {
    if (!this.#take(sign)) throw this.#fail(`expected ${JSON.stringify(sign)}`);
  }

  #fail(why: string): InterpolationError {
    return new InterpolationError(`parse error at 1:${this.#at + 1}: ${why}`);
  }
}
