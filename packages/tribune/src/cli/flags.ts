import { parseGoDuration } from "../lib/duration.ts";

/**
 * How a flag's value reads. `bool` needs no value; `list` and `map` gather over repetitions (`map` splits at the
 * given separator); durations stay Go text once they parse.
 */
export type FlagKind = "bool" | "string" | "int" | "uint" | "duration" | "list" | "map" | "colonMap";

export interface FlagSpec {
  readonly name: string;
  readonly kind: FlagKind;
  readonly help: string;
  /** Shown in help as `-name=<value>`; bools need none. */
  readonly value?: string;
  /** Value where the flag is not given. */
  readonly default?: string | boolean | number;
  /** Go's own flag types say "parse error" where Consul's types repeat strconv's words. */
  readonly plainErrors?: true;
}

/** A flag that cannot be understood; the message is Go's. */
export class FlagError extends Error {
  override readonly name = "FlagError";
}

type FlagValue = string | boolean | number | bigint | readonly string[] | Readonly<Record<string, string>>;

/** Flags given on the command line, by name, and what is left behind them. */
export class ParsedFlags {
  readonly args: readonly string[];
  readonly #specs: ReadonlyMap<string, FlagSpec>;
  readonly #values: ReadonlyMap<string, FlagValue>;
  readonly #order: readonly (readonly [name: string, text: string])[];

  constructor(
    specs: ReadonlyMap<string, FlagSpec>,
    values: ReadonlyMap<string, FlagValue>,
    order: readonly (readonly [name: string, text: string])[],
    args: readonly string[],
  ) {
    this.#order = order;
    this.#specs = specs;
    this.#values = values;
    this.args = args;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The value as given, or undefined. */
  given(name: string): FlagValue | undefined {
    return this.#values.get(name);
  }

  bool(name: string): boolean {
    return (this.#values.get(name) ?? this.#default(name) ?? false) === true;
  }

  string(name: string): string {
    return String(this.#values.get(name) ?? this.#default(name) ?? "");
  }

  number(name: string): number {
    return Number(this.#values.get(name) ?? this.#default(name) ?? 0);
  }

  bigint(name: string): bigint {
    return BigInt((this.#values.get(name) as bigint | undefined) ?? 0);
  }

  /** Values of several list flags together, in the order they were given. */
  inOrder(names: readonly string[]): readonly string[] {
    return this.#order.flatMap(([name, text]) => (names.includes(name) ? [text] : []));
  }

  list(name: string): readonly string[] {
    return (this.#values.get(name) as readonly string[] | undefined) ?? [];
  }

  map(name: string): Readonly<Record<string, string>> {
    return (this.#values.get(name) as Readonly<Record<string, string>> | undefined) ?? {};
  }

  #default(name: string): string | boolean | number | undefined {
    return this.#specs.get(name)?.default;
  }
}

/**
 * Go's `flag` package: one or two dashes mean the same, `-name=value` or `-name value`, a bool takes its value only
 * with `=`, and the first word that is no flag (or `--`) ends the flags. @throws FlagError
 */
export function parseFlags(specs: readonly FlagSpec[], words: readonly string[]): ParsedFlags {
  const known = new Map(specs.map((spec) => [spec.name, spec]));
  const values = new Map<string, FlagValue>();
  const order: (readonly [string, string])[] = [];
  let at = 0;
  while (at < words.length) {
    const word = words[at] as string;
    if (word.length < 2 || !word.startsWith("-")) break;
    at++;
    if (word === "--") break;
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(word);
    if (match === null) throw new FlagError(`bad flag syntax: ${word}`);
    const [, name = "", inline] = match;
    const spec = known.get(name);
    if (spec === undefined) throw new FlagError(`flag provided but not defined: -${name}`);
    let text = inline;
    if (text === undefined && spec.kind === "bool") text = "true";
    if (text === undefined) {
      if (at >= words.length) throw new FlagError(`flag needs an argument: -${name}`);
      text = words[at++] as string;
    }
    values.set(name, parseValue(spec, text, values.get(name)));
    order.push([name, text]);
  }
  return new ParsedFlags(known, values, order, words.slice(at));
}

function parseValue(spec: FlagSpec, text: string, before: FlagValue | undefined): FlagValue {
  switch (spec.kind) {
    case "string":
      return text;
    case "bool": {
      const value = BOOLS.get(text);
      if (value !== undefined) return value;
      const why = reason(spec, `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
      throw new FlagError(`invalid boolean value ${JSON.stringify(text)} for -${spec.name}: ${why}`);
    }
    case "int":
      if (/^[+-]?\d+$/.test(text)) return Number(text);
      throw invalid(spec, text, reason(spec, `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`));
    case "uint":
      if (/^\d+$/.test(text) && BigInt(text) < 2n ** 64n) return BigInt(text);
      throw invalid(spec, text, reason(spec, `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`));
    case "duration":
      if (parseGoDuration(text) !== undefined) return text;
      throw invalid(spec, text, reason(spec, `time: invalid duration ${JSON.stringify(text)}`));
    case "list":
      return [...((before as readonly string[] | undefined) ?? []), text];
    default:
      return { ...(before as Readonly<Record<string, string>> | undefined), ...pair(spec, text) };
  }
}

const BOOLS: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "TRUE", "true", "True"].map((text) => [text, true] as const),
  ...["0", "f", "F", "FALSE", "false", "False"].map((text) => [text, false] as const),
]);

function reason(spec: FlagSpec, words: string): string {
  return spec.plainErrors === true ? "parse error" : words;
}

function invalid(spec: FlagSpec, text: string, why: string): FlagError {
  return new FlagError(`invalid value ${JSON.stringify(text)} for flag -${spec.name}: ${why}`);
}

/** `key:value` may lack its value, `key=value` may not. */
function pair(spec: FlagSpec, text: string): Readonly<Record<string, string>> {
  const separator = spec.kind === "colonMap" ? ":" : "=";
  const at = text.indexOf(separator);
  if (at >= 0) return { [text.slice(0, at)]: text.slice(at + 1) };
  if (separator === ":") return { [text]: "" };
  throw invalid(spec, text, `Missing "=" value in argument: ${text}`);
}

/** Flags as Go lists them behind a usage error. */
export function flagDefaults(specs: readonly FlagSpec[]): string {
  return sorted(specs)
    .map((spec) => {
      const head = spec.kind === "bool" ? `  -${spec.name}` : `  -${spec.name} ${spec.value ?? "value"}`;
      return `${head}\n    \t${spec.help}\n`;
    })
    .join("");
}

/** A titled block of flags for help pages, wrapped to 72 columns; empty without flags. */
export function flagHelp(title: string, specs: readonly FlagSpec[]): string {
  if (specs.length === 0) return "";
  const blocks = sorted(specs).map((spec) => {
    const head = spec.kind === "bool" ? `  -${spec.name}` : `  -${spec.name}=<${spec.value ?? "value"}>`;
    return `${head}\n${wrap(spec.help, 5)}\n`;
  });
  return `${title}\n\n${blocks.join("\n")}`;
}

const sorted = (specs: readonly FlagSpec[]): readonly FlagSpec[] =>
  [...specs].sort((a, b) => Number(a.name > b.name) - Number(a.name < b.name));

const WIDTH = 72;

function wrap(text: string, indent: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > WIDTH - indent) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((one) => " ".repeat(indent) + one).join("\n");
}
