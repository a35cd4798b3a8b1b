/**
 * `provider=aws tag_key="a b"`: what a cloud is to be asked, as hashicorp/go-discover reads it. Pairs of `key=value`
 * with spaces between; what holds a space, a quote, a backslash or an equals sign stands in double quotes, as a Go
 * string literal.
 */
import { goUnquote } from "../lib/go-quote.ts";

/** By name. Every value may be a secret. */
export type DiscoverArgs = ReadonlyMap<string, string>;

type Token = { readonly type: "text"; readonly text: string } | { readonly type: "equals" } | Fault;
interface Fault {
  readonly type: "error";
  readonly text: string;
}

/** Whether a join address is to be asked of a cloud: Consul looks for these very characters. */
export function asksCloud(text: string): boolean {
  return text.includes("provider=");
}

/**
 * @returns what there is in it, or the reason, in go-discover's words, why it cannot be read. A word behind a value is not
 * named: it may be the rest of that value, a secret that wanted quotes.
 */
export function parseDiscoverText(text: string): DiscoverArgs | string {
  const args = new Map<string, string>();
  let rest = text.trim();
  let key = "";
  let last: string | undefined;
  const place = (): string => (last === undefined ? key : `behind ${last}`);
  let wanted: "key" | "equals" | "value" = "key";
  while (rest !== "") {
    const { token, length } = tokenOf(rest);
    rest = rest.slice(length);
    switch (wanted) {
      case "key":
        if (token.type === "equals")
          return `${key}: - equals in key's value, enclosing double-quote needed ${key}="value-with-=-symbol"`;
        if (token.type === "error") return `${key}: error with key=value pair ${token.text}`;
        key = token.text;
        if (args.has(key)) return `${key}: duplicate key`;
        wanted = "equals";
        break;
      case "equals":
        if (token.type !== "equals") return `${place()}: missing '='`;
        wanted = "value";
        break;
      case "value":
        if (token.type === "error") return `${place()}: ${token.text}`;
        if (token.type === "equals") return `${place()}: missing value`;
        args.set(key, token.text);
        last = key;
        wanted = "key";
        break;
    }
  }
  if (wanted === "equals") return `${place()}: missing '='`;
  if (wanted === "value") return `${place()}: missing value`;
  return args;
}

/** @param text not empty */
function tokenOf(text: string): { readonly token: Token; readonly length: number } {
  let start = 0;
  while (text[start] === " ") start++;
  if (text[start] === "=") return { token: { type: "equals" }, length: start + 1 };
  if (text[start] === '"') return quoted(text, start);
  let end = start;
  while (end < text.length && text[end] !== " " && text[end] !== "=") end++;
  return { token: { type: "text", text: text.slice(0, end).trim() }, length: end };
}

function quoted(text: string, start: number): { readonly token: Token; readonly length: number } {
  const failed = (why: string, length: number) => ({ token: { type: "error", text: why } as const, length });
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") {
      at++;
      if (at >= text.length) return failed("unterminated escape sequence", at);
    } else if (text[at] === '"') {
      const literal = goUnquote(text.slice(start, at + 1));
      if (literal === undefined) return failed("invalid syntax", at + 1);
      return { token: { type: "text", text: literal }, length: at + 1 };
    }
  }
  return failed("unbalanced quotes", text.length);
}
