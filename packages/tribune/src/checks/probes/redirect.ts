import type { IncomingMessage } from "node:http";
import type { Hop } from "./http-probe.ts";

const MAX_REDIRECTS = 10;
/** Not carried to another host. */
const SECRET_HEADERS = new Set(["authorization", "www-authenticate", "cookie", "cookie2"]);

/**
 * Where an answer sends the client, by the rules of Go's: 301, 302 and 303 become a GET without a body (a HEAD
 * stays one), 307 and 308 repeat the request; ten hops at most.
 *
 * @returns undefined where the answer is not a redirect.
 */
export function nextHop(
  hop: Hop,
  { statusCode = 0, headers }: Pick<IncomingMessage, "statusCode" | "headers">,
  hopsSoFar: number,
): Hop | { readonly problem: string } | undefined {
  const repeats = statusCode === 307 || statusCode === 308;
  if (!repeats && statusCode !== 301 && statusCode !== 302 && statusCode !== 303) return undefined;
  const location = headers.location ?? "";
  if (location === "") {
    // A 307 without a place to go is an answer like any other; the older codes are malformed then.
    return repeats ? undefined : { problem: `${statusCode} response missing Location header` };
  }
  if (!URL.canParse(location, hop.url.href))
    return { problem: `failed to parse Location header ${JSON.stringify(location)}` };
  if (hopsSoFar + 1 >= MAX_REDIRECTS) return { problem: `stopped after ${MAX_REDIRECTS} redirects` };
  const url = new URL(location, hop.url);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    return { problem: `unsupported protocol scheme ${JSON.stringify(url.protocol.slice(0, -1))}` };
  const method = repeats || hop.method === "HEAD" ? hop.method : "GET";
  return { url, method, body: repeats ? hop.body : "", headers: carriedHeaders(hop, url) };
}

function carriedHeaders(hop: Hop, url: URL): Hop["headers"] {
  const related = url.hostname === hop.url.hostname || url.hostname.endsWith(`.${hop.url.hostname}`);
  const carried: Record<string, readonly string[]> = {};
  for (const [name, values] of Object.entries(hop.headers)) {
    const lower = name.toLowerCase();
    if (!related && SECRET_HEADERS.has(lower)) continue;
    if (lower === "host" && url.host !== hop.url.host) continue;
    if (lower !== "referer") carried[name] = values;
  }
  // A secret address is not told to a plain one.
  if (!(hop.url.protocol === "https:" && url.protocol === "http:")) carried.Referer = [withoutUser(hop.url)];
  return carried;
}

function withoutUser(url: URL): string {
  const clean = new URL(url);
  clean.username = "";
  clean.password = "";
  return clean.href;
}
