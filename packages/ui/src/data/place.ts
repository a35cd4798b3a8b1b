/** Where this site stands, found at run time: below any prefix, before any agent. */
import { ancestors } from "../lib/routes.ts";

/** The site's root as a path that ends in `/`. The agent's page says it in `<base>`, relative to the page. */
export const siteRoot = new URL(document.baseURI).pathname.replace(/[^/]*$/, "");

/** The API lies above the site: beside it (`/prefix/ui/` → `/prefix/v1/`), or higher where its path has more parts. */
const candidates = ancestors(siteRoot);
let found: Promise<string> | undefined;

/** The path in front of `v1/`, ending in `/`. */
export function apiRoot(): Promise<string> {
  found ??= probe().catch((error: unknown) => {
    found = undefined;
    throw error;
  });
  return found;
}

async function probe(): Promise<string> {
  for (const root of candidates.slice(0, -1)) {
    const response = await fetch(`${root}v1/status/leader`, { cache: "no-store" });
    if (response.ok && response.headers.get("content-type")?.startsWith("application/json")) return root;
  }
  // The last one needs no proof: if it does not answer nothing does.
  return candidates.at(-1)!;
}
