import { goQuote } from "../../lib/go-quote.ts";

/** Where a token or a part of an expression begins, in lines and characters from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/**
 * `text` is what stands around expressions, or inside of quotes; `open` and `close` are quotes; `begin` is `${`. What
 * stands for itself (`(`, `<=`, `}`) is an `operator`.
 */
type TokenKind =
  | "text"
  | "begin"
  | "open"
  | "close"
  | "integer"
  | "float"
  | "bool"
  | "name"
  | "operator"
  | "end"
  | "invalid";

export interface Token {
  readonly kind: TokenKind;
  readonly content: string;
  readonly place: Place;
  /** Of a `text` inside of quotes, where a backslash escapes. */
  readonly quoted?: true;
}

/** How HIL's complaints call a token. */
export function tokenName({ kind, content, quoted }: Token): string {
  switch (kind) {
    case "end":
      return "end of string";
    case "invalid":
      return `invalid sequence ${goQuote(content)}`;
    case "integer":
    case "float":
      return `${kind} ${content}`;
    case "text":
      return `${quoted === true ? "string" : "literal"} ${goQuote(content)}`;
    case "open":
      return "opening quote";
    case "close":
      return "closing quote";
    case "operator":
      return BARE.has(content) ? content : goQuote(content);
    default:
      return goQuote(content);
  }
}

const BARE: ReadonlySet<string> = new Set(["&&", "||", "!=", ">=", "<="]);
const TWO_SIGNS: ReadonlySet<string> = new Set(["!=", "<=", ">=", "==", "&&", "||"]);
const ONE_SIGN: ReadonlySet<string> = new Set("()[],.+-*/%?:}!<>");

/**
 * Cuts a text of HIL into tokens; behind an invalid one nothing is looked at any more. It flips between texts and
 * expressions: `${` begins an expression, `"` within it a text, in which `${` may begin another one.
 */
export function* scan(text: string): Generator<Token, void> {
  const runes = [...text];
  let at = 0;
  let line = 1;
  let column = 1;
  let nesting = 0;

  const place = (): Place => ({ line, column });
  function take(count: number): string {
    const taken = runes.slice(at, at + count);
    for (const rune of taken) [line, column] = rune === "\n" ? [line + 1, 1] : [line, column + 1];
    at += count;
    return taken.join("");
  }

  for (;;) {
    const start = place();
    const length = textLength(runes, at, nesting > 0);
    if (length === undefined) {
      yield { kind: "invalid", content: runes.slice(at).join(""), place: start };
      break;
    }
    if (length > 0) yield { kind: "text", content: take(length), place: start, ...(nesting > 0 && { quoted: true }) };
    const behind = place();
    if (at >= runes.length) break;
    if (runes[at] === '"') yield { kind: "close", content: take(1), place: behind };
    else {
      yield { kind: "begin", content: take(2), place: behind };
      nesting++;
    }
    for (;;) {
      while (/^[ \t\r\n]$/.test(runes[at] ?? "")) take(1);
      if (at >= runes.length) {
        yield { kind: "end", content: "", place: place() };
        return;
      }
      const [kind, size] = expressionToken(runes, at);
      const tokenPlace = place();
      const content = take(size);
      yield { kind, content, place: tokenPlace };
      if (kind === "invalid") {
        yield { kind: "end", content: "", place: place() };
        return;
      }
      if (kind === "open") break;
      if (content === "}") {
        nesting--;
        break;
      }
    }
  }
  yield { kind: "end", content: "", place: place() };
}

/** How long the text is that begins here; undefined inside of quotes that do not end. */
function textLength(runes: readonly string[], from: number, quoted: boolean): number | undefined {
  let at = from;
  for (;;) {
    const rune = runes[at];
    if (rune === undefined) return quoted ? undefined : at - from;
    const next = runes[at + 1];
    if (rune === "$" && next === "{") return at - from;
    if (rune === "$" && next === "$") at += 2;
    else if (quoted && rune === '"') return at - from;
    else if (quoted && rune === "\\" && (next === '"' || next === "\\")) at += 2;
    else at++;
  }
}

function expressionToken(runes: readonly string[], at: number): readonly [TokenKind, size: number] {
  const rune = runes[at] ?? "";
  if (rune === '"') return ["open", 1];
  if (TWO_SIGNS.has(rune + (runes[at + 1] ?? ""))) return ["operator", 2];
  if (ONE_SIGN.has(rune)) return ["operator", 1];
  if (/^[0-9]$/.test(rune)) return numberToken(runes, at);
  if (!/^[\p{L}_]$/u.test(rune)) return ["invalid", 1];
  const size = nameLength(runes, at);
  const name = runes.slice(at, at + size).join("");
  return [name === "true" || name === "false" ? "bool" : "name", size];
}

/** A point that no digit follows does not belong to it, unless it is the last sign of all. */
function numberToken(runes: readonly string[], from: number): readonly ["integer" | "float", size: number] {
  let at = from;
  let point: number | undefined;
  for (; at < runes.length; at++) {
    const rune = runes[at] ?? "";
    if (rune === "." && point === undefined) point = at;
    else if (!/^[0-9]$/.test(rune)) {
      if (point === at - 1) return ["integer", at - 1 - from];
      break;
    }
  }
  return [point === undefined ? "integer" : "float", at - from];
}

/** A star belongs to a name between points only, as in `a.*.b`. */
function nameLength(runes: readonly string[], from: number): number {
  let at = from;
  for (; at < runes.length; at++) {
    const rune = runes[at] ?? "";
    const before = at > from ? runes[at - 1] : undefined;
    if (!/^[\p{L}\p{N}\p{M}_.*-]$/u.test(rune)) break;
    if (rune === "*" && before !== ".") break;
    if (before === "*" && rune !== ".") {
      at--;
      if (runes[at - 1] === ".") at--;
      break;
    }
  }
  return at - from;
}
