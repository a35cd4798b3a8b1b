import { decodeJson, HclError } from "../codec/hcl.ts";

/** Where Go's strict base64 decoder stops, or undefined if it would not. */
export function base64Fault(text: string): number | undefined {
  const clean = text.replaceAll(/[\r\n]/g, "");
  const bad = /[^A-Za-z0-9+/]/.exec(clean)?.index ?? clean.length;
  const inGroup = bad % 4;
  if (bad === clean.length) return inGroup === 0 ? undefined : bad - inGroup;
  if (clean[bad] !== "=" || inGroup < 2) return bad;
  if (inGroup === 2 && bad + 1 === clean.length) return clean.length;
  if (inGroup === 2 && clean[bad + 1] !== "=") return bad;
  const end = bad + 4 - inGroup; // behind the padding nothing may follow
  return end === clean.length ? undefined : end;
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
