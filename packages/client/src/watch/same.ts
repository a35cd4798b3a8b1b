/** Whether two answers, or parts of them, say the same. */
export function same(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) || one instanceof Uint8Array) {
    const [left, right] = [one as ArrayLike<unknown>, other as ArrayLike<unknown>];
    if (!(Array.isArray(other) || other instanceof Uint8Array) || left.length !== right.length) return false;
    for (let at = 0; at < left.length; at++) if (!same(left[at], right[at])) return false;
    return true;
  }
  if (Array.isArray(other) || other instanceof Uint8Array) return false;
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return false;
  return names.every(
    (name) => Object.hasOwn(other, name) && same((one as never)[name] as unknown, (other as never)[name] as unknown),
  );
}
