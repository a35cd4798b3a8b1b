/** The part of a request struct that decides its answer: names the question among all questions. */
export function questionKey(endpoint: { readonly name: string }, request: Record<string, unknown>): string {
  const parts: unknown[] = [];
  for (const name of Object.keys(request)) if (!VOLATILE.has(name)) parts.push(request[name]);
  return `${endpoint.name} ${JSON.stringify(parts)}`;
}

/** Fields that say how to answer, not what. (With ACLs the token's rights will join the key.) */
const VOLATILE: ReadonlySet<string> = new Set([
  "Datacenter",
  "Token",
  "MinQueryIndex",
  "MaxQueryTime",
  "AllowStale",
  "RequireConsistent",
  "UseCache",
  "MaxStaleDuration",
  "MaxAge",
  "MustRevalidate",
  "StaleIfError",
  "AllowNotModifiedResponse",
]);
