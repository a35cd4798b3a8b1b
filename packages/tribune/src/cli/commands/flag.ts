import type { FlagKind, FlagSpec } from "../flags.ts";

/** Flags of Go's own types, whose complaints about a value are short. */
function plain(kind: FlagKind, value: string) {
  return (name: string, help: string, fallback?: string | number | boolean): FlagSpec => ({
    name,
    kind,
    value,
    help,
    plainErrors: true,
    ...(fallback === undefined ? {} : { default: fallback }),
  });
}

export const boolFlag = plain("bool", "");
export const stringFlag = plain("string", "string");
export const intFlag = plain("int", "int");
export const uintFlag = plain("uint", "uint");
export const durationFlag = plain("duration", "duration");
export const listFlag = plain("list", "value");
export const mapFlag = plain("map", "key=value");
