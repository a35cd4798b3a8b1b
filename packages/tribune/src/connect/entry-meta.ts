import { TribuneError } from "../lib/errors.ts";
import { goQuote } from "../lib/go-quote.ts";

const PAIRS_MAX = 64;
const KEY_BYTES_MAX = 128;
/** Of metadata values, and of intentions' descriptions. */
export const VALUE_BYTES_MAX = 512;

export function metaProblems(meta: Readonly<Record<string, string>> | null): string[] {
  const pairs = Object.entries(meta ?? {});
  const problems = pairs.length > PAIRS_MAX ? [`Meta exceeds maximum element count ${PAIRS_MAX}`] : [];
  for (const [name, value] of pairs) {
    if (Buffer.byteLength(name) > KEY_BYTES_MAX)
      problems.push(`Meta key ${goQuote(name)} exceeds maximum length ${KEY_BYTES_MAX}`);
    if (Buffer.byteLength(value) > VALUE_BYTES_MAX)
      problems.push(`Meta value for key ${goQuote(name)} exceeds maximum length ${VALUE_BYTES_MAX}`);
  }
  return problems;
}

/** @throws TribuneError */
export function admitMeta(meta: Readonly<Record<string, string>> | null): void {
  refuseAll(metaProblems(meta));
}

/** All problems at once, in the form of Go's multierror. */
export function refuseAll(problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw TribuneError.internal(listed(problems));
}

export function listed(problems: readonly string[]): string {
  const heading = problems.length === 1 ? "1 error occurred:" : `${problems.length} errors occurred:`;
  return `${heading}\n${problems.map((problem) => `\t* ${problem}\n`).join("")}\n`;
}

/** @throws TribuneError always. */
export function refuse(why: string): never {
  throw TribuneError.internal(why);
}
