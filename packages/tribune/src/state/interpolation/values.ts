import { parseGoBool } from "../../lib/go-bool.ts";
import { goQuote } from "../../lib/go-quote.ts";
import { InterpolationError } from "./error.ts";

/** Whole numbers have 64 bits. */
export type Value = string | bigint | number | boolean;
export type Type = "string" | "int" | "float" | "bool";

type Convert = (value: Value) => Value;

/** What becomes of a value where another type is wanted; what is not here cannot be. The first that fails ends it. */
const CONVERSIONS: Readonly<Record<string, Convert>> = {
  "float int": (value) => BigInt.asIntN(64, BigInt(Math.trunc(finite(value as number)))),
  "float string": (value) => showFloat(value as number),
  "int float": Number,
  "int string": String,
  "string int": (value) => refuseInteger(value as string),
  "string float": (value) => parseFloatText(value as string),
  "string bool": (value) => parseBool(value as string),
  "bool string": String,
};

export function conversion(from: Type, to: Type): Convert | undefined {
  return from === to ? (value) => value : CONVERSIONS[`${from} ${to}`];
}

const finite = (value: number): number => (Number.isFinite(value) ? value : -(2 ** 63));

const unread = (by: string, parse: string, text: string, why: string): InterpolationError =>
  new InterpolationError(`__builtin_StringTo${by}: strconv.${parse}: parsing ${goQuote(text)}: ${why}`);

/**
 * No text counts as a whole number: where HIL's own conversion succeeds, it ends Consul's servers (its result is declared
 * a text), so such a template must not come into the log. Where it fails the complaint is Go's of `ParseInt` with base 0.
 */
function refuseInteger(text: string): never {
  const [, sign, digits = ""] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  const plain = /^0_?[0-7]+(_[0-7]+)*$/.test(digits) ? digits.replace(/^0/, "0o") : digits;
  const wellFormed = /^(?:0x(?:_?[\da-f])+|0b(?:_?[01])+|0o(?:_?[0-7])+|0|[1-9](?:_?\d)*)$/i.test(plain);
  if (!wellFormed) throw unread("Int", "ParseInt", text, "invalid syntax");
  const size = BigInt(plain.replaceAll("_", ""));
  const value = sign === "-" ? -size : size;
  if (BigInt.asIntN(64, value) !== value) throw unread("Int", "ParseInt", text, "value out of range");
  throw new InterpolationError(`the text ${goQuote(text)} cannot be used as an integer`);
}

function parseFloatText(text: string): number {
  if (/^[+-]?(?:inf|infinity)$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return Number.NaN;
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text))
    throw unread("Float", "ParseFloat", text, "invalid syntax");
  const value = Number(text);
  if (!Number.isFinite(value)) throw unread("Float", "ParseFloat", text, "value out of range");
  return value;
}

function parseBool(text: string): boolean {
  const value = parseGoBool(text);
  if (value === undefined) throw unread("Bool", "ParseBool", text, "invalid syntax");
  return value;
}

/** Go's shortest form, `%g`: with an exponent from a million on, and below a ten thousandth. */
function showFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (Object.is(value, -0)) return "-0";
  const [mantissa = "", exponentText = "0"] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < 6) return String(value);
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}
