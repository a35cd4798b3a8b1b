import { type Rule, type RuleTree, rulesOf } from "../lib/acl-rules.ts";

/** The rules in a policy's text. Rejects with the place and what is wrong there. */
export async function readRules(text: string): Promise<Rule[]> {
  if (text.trim() === "") return [];
  const { parseHcl } = await import("../../../tribune/src/codec/hcl.ts");
  return rulesOf(parseHcl(text) as RuleTree);
}
