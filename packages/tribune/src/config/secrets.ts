import { parseDiscoverText } from "../codec/discover-text.ts";
import { goQuote } from "../lib/go-quote.ts";

/** What the agent prints in the place of a secret. */
export const HIDDEN = "hidden";

function isSecretName(name: string): boolean {
  return /key|token|secret/i.test(name);
}

/** A map of names and texts: whatever has a telling name is hidden, as in the rest of the configuration. */
export function hideSecrets(texts: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const hide = (value: unknown): unknown => (Array.isArray(value) ? value.map(() => HIDDEN) : HIDDEN);
  const entries = Object.entries(texts).map(
    ([name, value]) => [name, isSecretName(name) ? hide(value) : value] as const,
  );
  return Object.fromEntries(entries);
}

/**
 * Objects nobody here interprets (a CA's settings, a watch). Consul prints them as they are, credentials included;
 * we hide those, and what a watch's handler sends as headers. `key` alone is no credential: a watch names its KV key so.
 */
export function hideCredentials(value: unknown, name = ""): unknown {
  const isHeader = /^headers?$/i.test(name);
  if (Array.isArray(value)) return value.map((item) => hideCredentials(item, name));
  if (typeof value === "object" && value !== null) {
    const hide = (key: string, inner: unknown): unknown => (isHeader ? HIDDEN : hideCredentials(inner, key));
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hide(key, inner)]));
  }
  return typeof value === "string" && (isHeader || /token|secret|password|private_?key$/i.test(name)) ? HIDDEN : value;
}

/**
 * `provider=aws access_key_id=…`: cloud expressions carry credentials, also those that are none by a slip of the pen
 * (`provider = aws`). What cannot be read is hidden as a whole.
 */
export function hideCloudSecrets(text: string): string {
  if (!text.includes("=")) return text; // no address has one
  const args = parseDiscoverText(text);
  if (typeof args === "string") return `provider=${HIDDEN}`;
  const plain = (word: string): string => (/[\s"\\=]/.test(word) || word === "" ? goQuote(word) : word);
  const pairs = [...args].map(([key, value]) => {
    const isSecret = isSecretName(`${key}=${value}`) || /password/i.test(key);
    return `${plain(key)}=${isSecret ? HIDDEN : plain(value)}`;
  });
  return pairs.join(" ");
}
