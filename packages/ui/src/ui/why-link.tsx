import { aclsEnabled, datacenter } from "../data/agent.ts";
import { needOf } from "../lib/acl-needs.ts";
import { href } from "../lib/routes.ts";

/** Where a refusal is explained; nothing where there are no ACLs. */
export function whyHref(request: string, refusal: string): string | undefined {
  if (!aclsEnabled.value) return undefined;
  const q = needOf(refusal) === undefined ? request : refusal;
  return `${href(datacenter.value, "acls", "why")}?q=${encodeURIComponent(q)}`;
}

export function WhyLink({ request, refusal }: { readonly request: string; readonly refusal: string }) {
  const to = whyHref(request, refusal);
  return to === undefined ? null : <a href={to}>Why denied?</a>;
}
