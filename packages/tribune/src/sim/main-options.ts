/** What the simulations' command lines share: which seeds are played, and which rule is broken. */

/** For `parseArgs`; `seeds` has a default of each program's own. */
export const SEED_OPTIONS = {
  first: { type: "string", default: "1" },
  seed: { type: "string" },
  break: { type: "string" },
  "keep-going": { type: "boolean", default: false },
  /** What happened, line by line, also where nothing is wrong. */
  trace: { type: "boolean", default: false },
} as const;

/** Of runs of hours: how long a disk is good, at most, between times in which it is slow. */
const PROFILES: ReadonlyMap<string, number> = new Map([
  ["slow-disk", 60_000],
  ["stalling-disk", 8_000],
]);

/** @returns milliseconds */
export function profileNamed(name: string): number {
  return PROFILES.get(name) ?? fail(`--profile takes ${[...PROFILES.keys()].join(" or ")}`);
}

export function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

/** `--seed N` is that one alone, whatever else is asked for. */
export function seedsOf(values: { readonly seed?: string; readonly first: string; readonly seeds: string }): {
  readonly first: number;
  readonly count: number;
} {
  const first = Number(values.seed ?? values.first);
  const count = values.seed === undefined ? Number(values.seeds) : 1;
  if (!(first >= 0) || !(count > 0)) fail("--seed and --first take a number, --seeds one above 0");
  return { first, count };
}

/** As an option of a run: nothing is broken where nothing was named. */
export function brokenRule<Rule extends string>(
  rules: readonly Rule[],
  named: string | undefined,
): { readonly broken?: Rule } {
  if (named === undefined) return {};
  const broken = rules.find((rule) => rule === named);
  return broken === undefined ? fail(`--break takes one of ${rules.join(", ")}; got ${named}`) : { broken };
}
