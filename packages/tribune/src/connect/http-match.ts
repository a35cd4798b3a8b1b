/** Rules that routes and intentions have in common. */
import type { ServiceRouteHTTPMatchHeader } from "@tribune/api";
import { goQuote } from "../lib/go-quote.ts";
import { refuse } from "./entry-meta.ts";

const METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
]);

interface Paths {
  readonly PathExact: string;
  readonly PathPrefix: string;
  readonly PathRegex: string;
}

/**
 * @param prefix what stands before a field's name, its dot or space included.
 * @param all what stands before the text about all three.
 * @returns how many there are: none or one.
 */
export function admitPaths({ PathExact, PathPrefix, PathRegex }: Paths, prefix: string, all: string): number {
  const anchored = { PathExact, PathPrefix };
  for (const [name, path] of Object.entries(anchored)) {
    if (path !== "" && !path.startsWith("/")) refuse(`${prefix}${name} doesn't start with '/': ${goQuote(path)}`);
  }
  const count = [PathExact, PathPrefix, PathRegex].filter((path) => path !== "").length;
  if (count > 1) refuse(`${all} should only contain at most one of PathExact, PathPrefix, or PathRegex`);
  return count;
}

export function admitHeaders(headers: readonly ServiceRouteHTTPMatchHeader[] | null, prefix: string): void {
  for (const [at, header] of (headers ?? []).entries()) {
    const { Name, Present, Exact, Regex, Prefix, Suffix } = header;
    if (Name === "") refuse(`${prefix}Header[${at}] missing required Name field`);
    const conditions = [Present, Exact !== "", Regex !== "", Prefix !== "", Suffix !== ""];
    if (conditions.filter(Boolean).length !== 1)
      refuse(`${prefix}Header[${at}] should only contain one of Present, Exact, Prefix, Suffix, or Regex`);
  }
}

export function admitMethods(methods: readonly string[] | null, prefix: string): void {
  const seen = new Set<string>();
  for (const method of methods ?? []) {
    if (!METHODS.has(method)) refuse(`${prefix}Methods contains an invalid method ${goQuote(method)}`);
    if (seen.has(method)) refuse(`${prefix}Methods contains ${goQuote(method)} more than once`);
    seen.add(method);
  }
}

export function upperCased(methods: readonly string[] | null): readonly string[] | null {
  return methods?.map((method) => method.toUpperCase()) ?? null;
}
