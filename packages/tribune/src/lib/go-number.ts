/** Whole numbers as Go's `strconv` reads them, with its words for what it cannot read. */
import { goQuote } from "./go-quote.ts";

const UINT64_MAX = (1n << 64n) - 1n;
const INT64_MAX = (1n << 63n) - 1n;

/** The value, or why there is none. */
export type Parsed<T> =
  | { readonly value: T; readonly fault: undefined }
  | { readonly value: undefined; readonly fault: string };

/** `strconv.ParseUint(text, 10, 64)`: digits, and nothing else. */
export function parseUint64(text: string): Parsed<bigint> {
  if (!/^\d+$/.test(text)) return fault("ParseUint", text, "invalid syntax");
  const value = BigInt(text);
  return value > UINT64_MAX ? fault("ParseUint", text, "value out of range") : { value, fault: undefined };
}

/** A number for what counts on the wire. An index beyond 2^53 is none that ever was, as is the largest that is exact. */
export function exactIndex(value: bigint): number {
  return Math.min(Number(value), Number.MAX_SAFE_INTEGER);
}

/** `strconv.Atoi`: digits, with a sign at most. What lies beyond 2^53 counts as much as the last that is exact. */
export function parseInteger(text: string): Parsed<number> {
  if (!/^[+-]?\d+$/.test(text)) return fault("Atoi", text, "invalid syntax");
  const value = BigInt(text.replace("+", ""));
  return value > INT64_MAX || value < -INT64_MAX - 1n
    ? fault("Atoi", text, "value out of range")
    : { value: Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number(value), Number.MAX_SAFE_INTEGER)), fault: undefined };
}

function fault(parser: string, text: string, why: string): Parsed<never> {
  return { value: undefined, fault: `strconv.${parser}: parsing ${goQuote(text)}: ${why}` };
}
