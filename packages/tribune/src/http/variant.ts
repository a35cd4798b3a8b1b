import type { Query } from "../endpoints/binding.ts";

/** What of the query changes how an answer is shown, not what it is. */
export function variantOf(query: Query, pretty: boolean): string {
  const shown = ["raw", "passing", "pem", "segment", "separator", "format"]
    .filter((name) => query.has(name))
    .map((name) => `${name}=${query.get(name)}`);
  return `${pretty ? "pretty" : ""}&${shown.join("&")}`;
}
