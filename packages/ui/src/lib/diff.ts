/** Line by line, what became of one text in another. */
export interface DiffLine {
  readonly kind: "same" | "old" | "new";
  readonly text: string;
}

/** Beyond this many differing lines on a side the whole stretch counts as replaced: the table would be too large. */
const tableMax = 1500;

export function diffLines(before: string, after: string): DiffLine[] {
  const a = before.split("\n");
  const b = after.split("\n");
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const same = (text: string): DiffLine => ({ kind: "same", text });
  return [
    ...a.slice(0, start).map(same),
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...a.slice(a.length - end).map(same),
  ];
}

/** The longest common subsequence by its table; old lines before new ones. */
function middle(a: readonly string[], b: readonly string[]): DiffLine[] {
  const old = (text: string): DiffLine => ({ kind: "old", text });
  const fresh = (text: string): DiffLine => ({ kind: "new", text });
  if (a.length > tableMax || b.length > tableMax) return [...a.map(old), ...b.map(fresh)];
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let k = b.length - 1; k >= 0; k--) {
      lengths[i * width + k] =
        a[i] === b[k]
          ? lengths[(i + 1) * width + k + 1]! + 1
          : Math.max(lengths[(i + 1) * width + k]!, lengths[i * width + k + 1]!);
    }
  }
  const lines: DiffLine[] = [];
  let i = 0;
  let k = 0;
  while (i < a.length || k < b.length) {
    if (i < a.length && k < b.length && a[i] === b[k]) {
      lines.push({ kind: "same", text: a[i]! });
      i++;
      k++;
    } else if (i < a.length && (k === b.length || lengths[(i + 1) * width + k]! >= lengths[i * width + k + 1]!)) {
      lines.push(old(a[i++]!));
    } else {
      lines.push(fresh(b[k++]!));
    }
  }
  return lines;
}
