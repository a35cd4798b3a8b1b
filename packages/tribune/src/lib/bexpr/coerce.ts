import { goQuote } from "../go-quote.ts";
import type { ScalarType } from "./field-type.ts";

/** What a written value becomes to be compared with a row's. Integers are bigint only where a number is not exact. */
export type Coerced = string | boolean | number | bigint;

const BOOLS: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "TRUE", "true", "True"].map((text) => [text, true] as const),
  ...["0", "f", "F", "FALSE", "false", "False"].map((text) => [text, false] as const),
]);

/**
 * Turns a written value into one of `type`, with the rules and error texts of Go's `strconv`.
 *
 * @returns the value, or `{ error }` with the text to show.
 */
export function coerce(type: ScalarType, text: string): { readonly value: Coerced } | { readonly error: string } {
  switch (type.kind) {
    case "string":
      return { value: text };
    case "bool": {
      const value = BOOLS.get(text);
      return value === undefined ? { error: failure("ParseBool", text, "invalid syntax") } : { value };
    }
    case "int":
    case "uint":
      return coerceInteger(type.kind, type.bits, text);
  }
}

// Base 0 of Go: prefix decides, and single underscores may stand between digits and behind a prefix.
const INTEGER =
  /^([+-]?)(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)$/;

function coerceInteger(kind: "int" | "uint", bits: number, text: string) {
  const name = kind === "int" ? "ParseInt" : "ParseUint";
  const sign = INTEGER.exec(text)?.[1];
  if (sign === undefined || (kind === "uint" && sign !== "")) return { error: failure(name, text, "invalid syntax") };
  const digits = text.slice(sign.length).replaceAll("_", "");
  const magnitude = BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits);
  const value = sign === "-" ? -magnitude : magnitude;
  const max = kind === "int" ? (1n << BigInt(bits - 1)) - 1n : (1n << BigInt(bits)) - 1n;
  const min = kind === "int" ? -max - 1n : 0n;
  if (value > max || value < min) return { error: failure(name, text, "value out of range") };
  return { value: Number.isSafeInteger(Number(value)) ? Number(value) : value };
}

function failure(name: string, text: string, why: string): string {
  return `strconv.${name}: parsing ${goQuote(text)}: ${why}`;
}
