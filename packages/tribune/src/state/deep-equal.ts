/**
 * Equality of wire values as Go's `reflect.DeepEqual` sees it: null and empty differ, so do a missing and a
 * zero map entry. Only plain data is compared: no cycles, no class instances but bytes.
 */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return typeof a === "number" && typeof b === "number" && Number.isNaN(a) && Number.isNaN(b);
  }
  if (Array.isArray(a) || a instanceof Uint8Array) {
    const other = b as ArrayLike<unknown>;
    if (Array.isArray(a) !== Array.isArray(b) || a.length !== other.length) return false;
    for (let at = 0; at < a.length; at++) if (!deepEqual(a[at], other[at])) return false;
    return true;
  }
  if (Array.isArray(b) || b instanceof Uint8Array) return false;
  let count = 0;
  for (const key in a) {
    count++;
    if (!Object.hasOwn(b, key)) return false;
    if (!deepEqual((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])) return false;
  }
  for (const _ in b) count--;
  return count === 0;
}
