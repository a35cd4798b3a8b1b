/** Where this site stands, found at run time: below any prefix, before any agent. */

/** The site's root as a path that ends in `/`. The agent's page says it in `<base>`, relative to the page. */
export const siteRoot = new URL(document.baseURI).pathname.replace(/[^/]*$/, "");

/** The API lies beside the site (`/prefix/ui/` → `/prefix/v1/`) or, where only the site was given a path, at the top. */
const candidates = [...new Set([siteRoot.replace(/[^/]+\/$/, ""), "/"])];
let found: Promise<string> | undefined;

export function apiRoot(): Promise<string> {
  found ??= probe().catch((error: unknown) => {
    found = undefined;
    throw error;
  });
  return found;
}

async function probe(): Promise<string> {
  if (candidates.length === 1) return candidates[0]!;
  for (const root of candidates) {
    const response = await fetch(`${root}v1/status/leader`, { cache: "no-store" });
    if (response.headers.get("content-type")?.startsWith("application/json")) return root;
  }
  return "/";
}
