import { goQuote } from "../go-quote.ts";

/** Which metrics are kept, by the longest matching prefix of the full name (`consul.raft.`). */
export interface PrefixFilter {
  readonly allowed: readonly string[];
  readonly blocked: readonly string[];
  /** For names that no prefix covers. */
  readonly byDefault: boolean;
}

export const KEEP_ALL: PrefixFilter = { allowed: [], blocked: [], byDefault: true };

/**
 * Reads `telemetry.prefix_filter`: rules of `+prefix` and `-prefix`.
 *
 * @returns the lists, and the warnings Consul logs for rules it skips.
 */
export function parsePrefixFilter(rules: readonly string[]): {
  readonly allowed: string[];
  readonly blocked: string[];
  readonly warnings: string[];
} {
  const result: { allowed: string[]; blocked: string[]; warnings: string[] } = {
    allowed: [],
    blocked: [],
    warnings: [],
  };
  for (const rule of rules) {
    if (rule === "") result.warnings.push("Cannot have empty filter rule in prefix_filter");
    else if (rule.startsWith("+")) result.allowed.push(rule.slice(1));
    else if (rule.startsWith("-")) result.blocked.push(rule.slice(1));
    else result.warnings.push(`Filter rule must begin with either '+' or '-': ${goQuote(rule)}`);
  }
  return result;
}

/** The longest prefix decides; of equal ones the block, as in a tree where blocks are entered last. */
export function admits(filter: PrefixFilter, name: string): boolean {
  const allowed = longest(filter.allowed, name);
  const blocked = longest(filter.blocked, name);
  if (allowed === -1 && blocked === -1) return filter.byDefault;
  return allowed > blocked;
}

function longest(prefixes: readonly string[], name: string): number {
  let length = -1;
  for (const prefix of prefixes) if (prefix.length > length && name.startsWith(prefix)) length = prefix.length;
  return length;
}
