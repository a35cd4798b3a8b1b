/**
 * How well a text fits what somebody types to jump there: undefined when the letters do not all occur in order; less is
 * better. Whole matches before beginnings of words before letters spread out; short texts before long ones.
 */
export function fuzzy(wanted: string, text: string): number | undefined {
  const letters = wanted.toLowerCase().replace(/\s+/g, "");
  const lower = text.toLowerCase();
  if (letters === "") return 0;
  const whole = lower.indexOf(wanted.toLowerCase().trim());
  if (whole >= 0) {
    const wordStart = whole === 0 || /[^a-z0-9]/.test(lower[whole - 1]!);
    return (wordStart ? 0 : 100) + (whole === 0 ? 0 : 10) + lower.length / 100;
  }
  let at = -1;
  let gaps = 0;
  for (const letter of letters) {
    const next = lower.indexOf(letter, at + 1);
    if (next < 0) return undefined;
    gaps += next - at - 1;
    at = next;
  }
  return 200 + gaps + lower.length / 100;
}

/** The best of many, best first; equal ones keep their order. */
export function bestOf<T>(wanted: string, items: readonly T[], text: (item: T) => string, max: number): T[] {
  return items
    .map((item) => ({ item, score: fuzzy(wanted, text(item)) }))
    .filter((each): each is { item: T; score: number } => each.score !== undefined)
    .sort((a, b) => a.score - b.score)
    .slice(0, max)
    .map(({ item }) => item);
}
