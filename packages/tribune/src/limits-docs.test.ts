// docs/limits.md is written by hand; what it names must be there, with the value that it says.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ROWS } from "./config/rows.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const sources = ["api", "client", "tribune"]
  .flatMap((name) => {
    const directory = join(root, "packages", name, "src");
    return readdirSync(directory, { recursive: true, encoding: "utf8" }).map((file) => join(directory, file));
  })
  .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
  .map((file) => readFileSync(file, "utf8"))
  .join("\n");

interface Line {
  readonly bound: string;
  readonly names: readonly string[];
}

function lines(): readonly Line[] {
  const page = readFileSync(join(root, "docs/limits.md"), "utf8");
  return page
    .split("\n")
    .filter((line) => line.startsWith("| ") && !/^\| (-|What +\|)/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .map(([, , bound = "", name = ""]) => ({ bound, names: [...name.matchAll(/`([^`]+)`/g)].map(([, one]) => one!) }));
}

/** `…` in a name stands for what its rest varies by. */
const pattern = (name: string) => name.split(".").at(-1)!.replaceAll("…", "\\w*");

const UNITS: Readonly<Record<string, readonly number[]>> = {
  KiB: [2 ** 10],
  MiB: [2 ** 20],
  GiB: [2 ** 30],
  TiB: [2 ** 40],
  million: [1e6],
  ms: [1, 1e6, 0.001],
  s: [1, 1e3, 1e9],
  min: [60, 60e3, 60e9],
  h: [3600, 3600e3, 3600e9],
};

/** All that the numbers of a cell may mean, in bytes, milliseconds, seconds, nanoseconds. */
function valuesOf(bound: string): ReadonlySet<number> {
  const powers = [...bound.matchAll(/2\^(\d+)( - 1)?/g)].map(([, power, less]) => 2 ** Number(power) - (less ? 1 : 0));
  const numbers = [...bound.matchAll(/(\d[\d,]*(?:\.\d+)?) ?([A-Za-z]+)?/g)].flatMap(([, digits, unit = ""]) => {
    const number = Number(digits!.replaceAll(",", ""));
    return [number, ...(UNITS[unit] ?? []).map((factor) => number * factor)];
  });
  return new Set([...powers, ...numbers]);
}

/** Values of constants and fields of that name, as far as they are plain arithmetic. */
function declared(name: string): readonly (number | undefined)[] {
  const found = sources.matchAll(new RegExp(`\\b${pattern(name)}(?::[^=,;\\n]+)? ?[:=] ([^;\\n]+?)(?: }|,|;|$)`, "gm"));
  return [...found].map(([, text]) => {
    const plain = text!.replaceAll("_", "");
    return /^[\d.e*+()< -]+$/.test(plain) && /\d/.test(plain) ? (Function(`return ${plain}`)() as number) : undefined;
  });
}

test("every name in docs/limits.md is a constant, a field or a key", () => {
  assert.ok(lines().length > 100);
  for (const { names } of lines())
    for (const name of names) {
      if (/^[a-z]\w*\.\w+$/.test(name) || name.includes("_output_")) assert.ok(name in ROWS, name);
      else assert.match(sources, new RegExp(`\\b${pattern(name)}\\b`), name);
    }
});

test("the values in docs/limits.md are those of the constants", () => {
  const wrong: string[] = [];
  let compared = 0;
  for (const { bound, names } of lines()) {
    const values = valuesOf(bound);
    for (const name of names) {
      const key = ROWS[name as keyof typeof ROWS] as { readonly default?: unknown } | undefined;
      const all = key === undefined ? declared(name) : typeof key.default === "number" ? [key.default] : [];
      const known = all.filter((value) => value !== undefined);
      // Names of options and common words are many things; those of bounds are one.
      const isBound = key !== undefined || /^[A-Z]|(Max|Min)$/.test(name);
      if (known.length === 0 || values.size === 0 || !isBound) continue;
      compared++;
      // Some count what is refused, some what is the last to be taken.
      const isSaid = (value: number) => [value - 1, value, value + 1].some((near) => values.has(near));
      if (!known.some(isSaid)) wrong.push(`${name} is ${known.join(" or ")}, not ${bound}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(compared > 80, `${compared} compared`);
});
