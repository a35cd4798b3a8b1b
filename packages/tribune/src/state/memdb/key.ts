/**
 * Building table keys. Parts are joined with `\0`, which no part may contain in the middle of a key
 * (the last one may), so that `keyPrefix("a")` matches every key whose first part is exactly "a".
 */

export function key(...parts: readonly string[]): string {
  return parts.length === 1 ? (parts[0] as string) : parts.join("\0");
}

/** Prefix of all keys whose first parts are exactly these. */
export function keyPrefix(...parts: readonly string[]): string {
  return `${parts.join("\0")}\0`;
}
