// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is what is tested
import assert from "node:assert/strict";
import { test } from "node:test";
import { InterpolationError, parseInterpolation } from "./interpolation.ts";

const scope = {
  variable: (name: string) => ({ "name.full": "x-1", n: 3 })[name],
  call: (name: string, args: readonly unknown[]) => (name === "join" ? args.join("+") : undefined),
};
const filled = (text: string): string => parseInterpolation(text)(scope);

test("texts are filled in", () => {
  const table: readonly (readonly [string, string])[] = [
    ["plain $ {x}", "plain $ {x}"],
    ["", ""],
    ["a${ name.full }b", "ax-1b"],
    ["$${name.full}", "${name.full}"],
    ['${join(1, "a b", n)}', "1+a b+3"],
    ['${"in ${name.full} \\"q\\""}', 'in x-1 "q"'],
    ["${1 + 2 * n - -4}", "11"],
    ["${(1 + 2) * 3 % 5}", "4"],
    ['${n == 3 ? "yes" : "no"}', "yes"],
    ['${!(n > 2 && n <= 3) || false ? "a" : "b"}', "b"],
  ];
  for (const [text, want] of table) assert.equal(filled(text), want, text);
});

test("what is no such text is refused, however deep", () => {
  for (const text of [
    "${",
    "${n",
    "${n)}",
    '${"a}',
    "${join(1}",
    "${1 +}",
    "${nope}",
    "${nope()}",
    "${1 / 0}",
    "${n ? 1 : 2}",
  ])
    assert.throws(() => filled(text), InterpolationError, text);
  for (const text of [
    `\${${"(".repeat(1e5)}`,
    `\${${"!".repeat(1e5)}1}`,
    '${"'.repeat(1e5),
    `\${1${"||1".repeat(1e4)}}`.replace("||1}", "||"),
  ])
    assert.throws(() => filled(text), InterpolationError);
});
