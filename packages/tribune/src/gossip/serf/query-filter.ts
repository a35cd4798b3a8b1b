/** Whether a query is for us (sheet serf §1, Filters). */
import { GossipCodecError } from "../../codec/gossip-error.ts";
import { decodeQueryFilter, type QueryFilter } from "../../codec/serf-filters.ts";
import type { MemberTags } from "../../codec/serf-tags.ts";
import { compileRe2 } from "../../lib/bexpr/re2.ts";
import { FILTER_EXPRESSION_LENGTH_MAX } from "./settings.ts";

interface Addressee {
  readonly name: string;
  readonly tags: MemberTags;
}

/** @returns undefined for a query that is for us, or why it is not; `logged` where a peer made a mistake. */
export function filteredOut(
  filters: readonly Uint8Array[],
  self: Addressee,
): { readonly logged: string | undefined } | undefined {
  for (const encoded of filters) {
    try {
      const filter = decodeQueryFilter(encoded);
      if (filter === undefined) return { logged: `query has unrecognized filter type: ${encoded[0] ?? "none"}` };
      if (!matches(filter, self)) return { logged: undefined };
    } catch (error) {
      if (!(error instanceof GossipCodecError || error instanceof BadExpression)) throw error;
      return { logged: error.message };
    }
  }
  return undefined;
}

class BadExpression extends Error {}

function matches(filter: QueryFilter, { name, tags }: Addressee): boolean {
  if (filter.type === "nodes") return filter.nodes.includes(name);
  return compiled(filter.expr)(tags.get(filter.tag) ?? "");
}

function compiled(expression: string): (text: string) => boolean {
  if (expression.length > FILTER_EXPRESSION_LENGTH_MAX) throw new BadExpression("filter regex is too long");
  try {
    return compileRe2(expression);
  } catch (cause) {
    throw new BadExpression(`failed to compile filter regex (${expression}): ${(cause as Error).message}`, { cause });
  }
}
