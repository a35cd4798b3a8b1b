// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is what is tested
import assert from "node:assert/strict";
import { test } from "node:test";
import { FILLED, REFUSED } from "./interpolation.cases.ts";
import { InterpolationError, parseInterpolation, type Scope, type TemplateFunction } from "./interpolation.ts";

/** As a template sees a name; the shortest is the prefix itself, with which it is tried. */
function scopeOf(suffix: string, groups: readonly string[]): Scope {
  const names: Readonly<Record<string, string>> = {
    "name.full": `p-${suffix}`,
    "name.prefix": "p-",
    "name.suffix": suffix,
    "agent.segment": "",
  };
  const match: TemplateFunction = {
    args: ["int"],
    returns: "string",
    call: ([index]) => groups[Number(index)] ?? "",
  };
  return {
    variable: (name) => names[name],
    function: (name) => (name === "match" ? match : undefined),
  };
}
const filled = (text: string): string => parseInterpolation(text)(scopeOf("abc-7", ["p-abc-7", "abc", "7"]));
const tried = (text: string): string => parseInterpolation(text)(scopeOf("", []));

test("texts are filled in as Consul does", () => {
  for (const [text, want] of FILLED) assert.equal(filled(text), want, text);
});

test("what is no such text is refused in Consul's words", () => {
  for (const [text, message] of REFUSED)
    assert.throws(() => tried(text), { name: "InterpolationError", message }, text);
});

test("a text that would count as a number is refused: it ends Consul's servers", () => {
  for (const number of ["1", "0x1", "01", "0b11", "1_0", "-7"])
    for (const text of [`\${match("${number}")}`, `\${"${number}" + 0}`, `\${1 == "${number}"}`])
      assert.throws(() => filled(text), { message: `the text "${number}" cannot be used as an integer` }, text);
});

test("nesting and length have an end", () => {
  for (const text of [
    `\${${"(".repeat(1e5)}`,
    `\${${"!".repeat(1e5)}1}`,
    '${"'.repeat(1e5),
    `\${1${" || 1".repeat(1e5)}}`,
    `\${match(${"1, ".repeat(1e5)})}`,
  ])
    assert.throws(() => filled(text), InterpolationError);
});
