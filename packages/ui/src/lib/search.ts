/**
 * The search language of every list: words and `key:value` terms, all of which must hold. A leading `-` turns a term
 * round, double quotes keep blanks: `is:failing tag:v2 -node:db-1 "two words"`.
 */

export interface SearchTerm {
  /** Undefined for a bare word, which any of the item's texts may hold. */
  readonly key: string | undefined;
  /** In lower case. */
  readonly value: string;
  readonly not: boolean;
}

/** What a list says of one item: the texts that words are looked for in, and the values each key compares. */
export interface Searchable {
  readonly text: readonly string[];
  readonly keys: Readonly<Record<string, readonly string[]>>;
}

const token = /(-?)(?:([A-Za-z][\w.-]*):)?(?:"([^"]*)"?|(\S+))/g;

export function parseSearch(input: string): SearchTerm[] {
  const terms: SearchTerm[] = [];
  for (const [, minus, key, quoted, bare] of input.matchAll(token)) {
    const value = (quoted ?? bare ?? "").toLowerCase();
    if (value === "") continue;
    terms.push({ key: key?.toLowerCase(), value, not: minus === "-" });
  }
  return terms;
}

export function formatSearch(terms: readonly SearchTerm[]): string {
  return terms
    .map(({ key, value, not }) => {
      const text = /[\s"]/.test(value) ? `"${value.replaceAll('"', "")}"` : value;
      return `${not ? "-" : ""}${key === undefined ? "" : `${key}:`}${text}`;
    })
    .join(" ");
}

/** A key the item knows nothing of is looked for as text, so that `http://x` or a name with a colon finds itself. */
export function matches(terms: readonly SearchTerm[], item: Searchable): boolean {
  return terms.every((term) => holds(term, item) !== term.not);
}

function holds({ key, value }: SearchTerm, item: Searchable): boolean {
  if (key === undefined) return item.text.some((text) => text.toLowerCase().includes(value));
  const values = item.keys[key];
  if (values === undefined) return item.text.some((text) => text.toLowerCase().includes(`${key}:${value}`));
  return key === "is" ? values.includes(value) : values.some((text) => text.toLowerCase().includes(value));
}

/** The same search with `key:value` in it, or without it where it is there already; other values of the key go. */
export function toggleTerm(input: string, key: string, value: string): string {
  const terms = parseSearch(input);
  const there = terms.some((term) => term.key === key && term.value === value && !term.not);
  const rest = terms.filter((term) => term.key !== key);
  return formatSearch(there ? rest : [{ key, value, not: false }, ...rest]);
}

export function hasTerm(input: string, key: string, value: string): boolean {
  return parseSearch(input).some((term) => term.key === key && term.value === value && !term.not);
}
