/** Addresses of pages: `:name` takes one segment, a closing `*name` all the rest. Segments are percent-encoded. */
export interface RouteMatch {
  readonly params: Readonly<Record<string, string>>;
}

export function matchRoute(pattern: string, path: string): RouteMatch | undefined {
  const wanted = pattern.split("/").filter(Boolean);
  const given = path.split("/").filter(Boolean);
  const params: Record<string, string> = {};
  for (const [i, segment] of wanted.entries()) {
    if (segment.startsWith("*")) {
      params[segment.slice(1)] = given.slice(i).map(decode).join("/");
      return { params };
    }
    const value = given[i];
    if (value === undefined) return undefined;
    if (segment.startsWith(":")) params[segment.slice(1)] = decode(value);
    else if (segment !== value) return undefined;
  }
  return given.length === wanted.length ? { params } : undefined;
}

/** A stray `%` in a typed address is itself. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export function href(...segments: readonly string[]): string {
  return segments.map(encodeURIComponent).join("/");
}

/** The paths above one that ends in `/`, the nearest first: `/a/b/` → `/a/`, `/`. */
export function ancestors(root: string): string[] {
  const parts = root.split("/").filter(Boolean);
  return parts.length === 0 ? ["/"] : parts.map((_, i) => ["", ...parts.slice(0, parts.length - 1 - i), ""].join("/"));
}

/** The place that an address lies in, below whatever datacenter: in another one that is where to look. */
export function placeOf(path: string, places: readonly string[]): string | undefined {
  const at = path.split("/").slice(1).join("/");
  return places.find((each) => at === each || at.startsWith(`${each}/`));
}
