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
 * we hide those. `key` alone is no credential: a watch names its KV key so.
 */
export function hideCredentials(value: unknown, name = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => hideCredentials(item, name));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hideCredentials(inner, key)]));
  }
  return typeof value === "string" && /token|secret|password|private_?key$/i.test(name) ? HIDDEN : value;
}

/** `provider=aws access_key_id=…`: cloud expressions carry credentials as `key=value` words. */
export function hideCloudSecrets(text: string): string {
  const words = text.split(/\s+/).filter((word) => word !== "");
  return words.map((word) => (isSecretName(word) ? `${word.split("=")[0]}=${HIDDEN}` : word)).join(" ");
}
