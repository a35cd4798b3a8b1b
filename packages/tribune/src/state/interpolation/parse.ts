import { InterpolationError } from "./error.ts";
import { type Place, scan, type Token, tokenName } from "./scan.ts";
import type { Type, Value } from "./values.ts";

export type Node = { readonly place: Place } & (
  | { readonly kind: "literal"; readonly type: Type; readonly value: Value }
  /** Texts and expressions that are joined. */
  | { readonly kind: "output"; readonly parts: readonly Node[] }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "index"; readonly target: Node; readonly key: Node }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Node[] }
  | { readonly kind: "binary"; readonly operator: string; readonly left: Node; readonly right: Node }
  | { readonly kind: "conditional"; readonly condition: Node; readonly yes: Node; readonly no: Node }
);

/** Operators that bind alike stand together, those that bind least first. */
const OPERATORS: readonly (readonly string[])[] = [
  ["||"],
  ["&&"],
  ["==", "!="],
  [">", ">=", "<", "<="],
  ["+", "-"],
  ["*", "/", "%"],
];

/** Templates come from users, and the stack is not endless. */
const TEMPLATE_DEPTH_MAX = 64;
/** A chain of operators is as deep, when it is worked out, as it is long. */
const TEMPLATE_PARTS_MAX = 1000;

/** @throws InterpolationError in HIL's words: `parse error at 1:3: expected expression but found end of string` */
export function parse(text: string): Node {
  return new Parser(text).sequence("end", 0);
}

class Parser {
  readonly #tokens: Generator<Token, void>;
  #next: Token;
  #parts = 0;

  constructor(text: string) {
    this.#tokens = scan(text);
    this.#next = this.#tokens.next().value as Token;
  }

  /** Texts and expressions up to the end, or to the closing quote. */
  sequence(until: "end" | "close", depth: number): Node {
    const { place } = this.#next;
    if (until === "close") this.#read();
    const parts: Node[] = [];
    for (;;) {
      const token = this.#read();
      if (token.kind === until) break;
      if (token.kind === "text") parts.push(this.#made({ kind: "literal", ...textOf(token), place: token.place }));
      else if (token.kind === "begin") {
        parts.push(this.#expression(depth + 1));
        this.#expect("}");
      } else throw expected('"${"', token);
    }
    const [first] = parts;
    if (first === undefined) return { kind: "literal", type: "string", value: "", place };
    if (parts.length === 1 && first.kind === "literal" && first.type === "string") return first;
    return { kind: "output", parts, place };
  }

  #expression(depth: number): Node {
    if (depth > TEMPLATE_DEPTH_MAX) throw fault(this.#next.place, "too deeply nested");
    const { place } = this.#next;
    const condition = this.#binary(0, depth);
    if (!this.#is("?")) return condition;
    this.#read();
    const yes = this.#expression(depth + 1);
    const colon = this.#read();
    if (colon.kind !== "operator" || colon.content !== ":") throw expected(":", colon);
    const no = this.#expression(depth + 1);
    return this.#made({ kind: "conditional", condition, yes, no, place });
  }

  #binary(level: number, depth: number): Node {
    const operators = OPERATORS[level];
    if (operators === undefined) return this.#term(depth);
    const { place } = this.#next;
    let left = this.#binary(level + 1, depth);
    while (this.#next.kind === "operator" && operators.includes(this.#next.content)) {
      const operator = this.#read().content;
      left = this.#made({ kind: "binary", operator, left, right: this.#binary(level + 1, depth), place });
    }
    return left;
  }

  #term(depth: number): Node {
    if (depth > TEMPLATE_DEPTH_MAX) throw fault(this.#next.place, "too deeply nested");
    const { kind, content, place } = this.#next;
    switch (kind) {
      case "open":
        return this.sequence("close", depth + 1);
      case "integer":
        this.#read();
        if (BigInt(content) > 2n ** 63n - 1n)
          throw fault(place, `invalid integer: strconv.Atoi: parsing "${content}": value out of range`);
        return this.#made({ kind: "literal", type: "int", value: BigInt(content), place });
      case "float":
        this.#read();
        return this.#made({ kind: "literal", type: "float", value: Number(content), place });
      case "bool":
        this.#read();
        return this.#made({ kind: "literal", type: "bool", value: content === "true", place });
      case "name":
        return this.#named(this.#read(), depth);
      case "operator":
        break;
      default:
        throw expected("expression", this.#next);
    }
    switch (content) {
      case "(": {
        this.#read();
        const inner = this.#expression(depth + 1);
        this.#expect(")");
        return inner;
      }
      case "-": {
        this.#read();
        const left: Node = { kind: "literal", type: "int", value: 0n, place };
        return this.#made({ kind: "binary", operator: "-", left, right: this.#term(depth + 1), place });
      }
      case "!": {
        this.#read();
        const left: Node = { kind: "literal", type: "bool", value: false, place };
        return this.#made({ kind: "binary", operator: "==", left, right: this.#term(depth + 1), place });
      }
      default:
        throw expected("expression", this.#next);
    }
  }

  #named({ content: name, place }: Token, depth: number): Node {
    if (this.#is("(")) {
      this.#read();
      const args: Node[] = [];
      while (!this.#is(")")) {
        args.push(this.#expression(depth + 1));
        if (!this.#is(",")) break;
        this.#read();
      }
      this.#expect(")");
      return this.#made({ kind: "call", name, args, place });
    }
    const variable = this.#made({ kind: "variable", name, place });
    if (!this.#is("[")) return variable;
    const bracket = this.#read();
    const key = this.#expression(depth + 1);
    this.#expect("]");
    return this.#made({ kind: "index", target: variable, key, place: bracket.place });
  }

  #made(node: Node): Node {
    if (++this.#parts > TEMPLATE_PARTS_MAX) throw fault(node.place, "too long an expression");
    return node;
  }

  #is(sign: string): boolean {
    return this.#next.kind === "operator" && this.#next.content === sign;
  }

  #read(): Token {
    const token = this.#next;
    this.#next = this.#tokens.next().value ?? token;
    return token;
  }

  #expect(sign: string): void {
    const token = this.#read();
    if (token.kind !== "operator" || token.content !== sign) throw expected(`"${sign}"`, token);
  }
}

/** `$$` is a dollar; in quotes a backslash may stand before itself, a quote and `n`. */
function textOf({ content, quoted, place }: Token): { readonly type: "string"; readonly value: string } {
  const runes = [...content];
  let value = "";
  for (let at = 0; at < runes.length; at++) {
    const rune = runes[at] ?? "";
    const next = runes[at + 1];
    if (rune === "$" && next === "$") at++;
    if (rune !== "\\" || quoted !== true) {
      value += rune;
      continue;
    }
    const where = { line: place.line, column: place.column + at };
    if (next === undefined) throw fault(where, "unfinished backslash escape sequence");
    if (next !== "\\" && next !== '"' && next !== "n") throw fault(where, "invalid backslash escape sequence");
    value += next === "n" ? "\n" : next;
    at++;
  }
  return { type: "string", value };
}

const expected = (what: string, found: Token): InterpolationError =>
  fault(found.place, `expected ${what} but found ${tokenName(found)}`);

function fault({ line, column }: Place, why: string): InterpolationError {
  return new InterpolationError(`parse error at ${line}:${column}: ${why}`);
}
