/** JSON whose whole numbers keep all of their 64 bits: beyond 2^53 they are bigints. */

export function parseJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const mark = markFor(text);
  // Strings are skipped whole, so that only numbers are looked at, and of these only whole ones.
  const marked = text.replace(/"(?:[^"\\]|\\.)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g, (token) =>
    token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `"${mark}${token}"`,
  );
  return JSON.parse(marked, (_key, value: unknown) =>
    typeof value === "string" && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value,
  );
}

export function stringifyJson(value: unknown): string {
  const bigints: bigint[] = [];
  const plain = JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item !== "bigint") return item;
    bigints.push(item);
    return null;
  });
  if (bigints.length === 0) return plain;
  const mark = markFor(plain);
  const marked = JSON.stringify(value, (_key, item: unknown) => (typeof item === "bigint" ? `${mark}${item}` : item));
  return marked.replace(new RegExp(`"${mark}(-?\\d+)"`, "g"), "$1");
}

/** Something that the text does not hold. */
function markFor(text: string): string {
  let mark = "big:";
  while (text.includes(mark)) mark += ":";
  return mark;
}
