import { decodeJson, HclError } from "../codec/hcl.ts";

/** Where Go's strict base64 decoder stops, or undefined if it would not. */
export function base64Fault(text: string): number | undefined {
  const clean = text.replaceAll(/[\r\n]/g, "");
  const bad = /[^A-Za-z0-9+/]/.exec(clean)?.index ?? clean.length;
  const padding = clean.slice(bad);
  const inGroup = bad % 4;
  if (padding === "" && inGroup === 0) return undefined;
  if (padding === "") return bad - inGroup;
  const complete = (inGroup === 2 && padding === "==") || (inGroup === 3 && padding === "=");
  return complete ? undefined : bad;
}

/** What is wrong with a JSON text, in Go's words and without the place; undefined if nothing is. */
export function jsonFault(text: string): string | undefined {
  try {
    decodeJson(text);
    return undefined;
  } catch (error) {
    if (error instanceof HclError) return error.reason;
    throw error;
  }
}
