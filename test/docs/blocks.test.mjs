import assert from "node:assert/strict";
import { test } from "node:test";
import { blocksOf, matches } from "./blocks.mjs";

const FENCE = "```";
const fenced = (info, ...lines) => [`${FENCE}${info}`, ...lines, FENCE, ""].join("\n");

test("a block says what is done with it, and an output belongs to the block before", () => {
  const page = [fenced("sh run needs=dig,curl", "dig x"), "Text.", fenced("text output", "x"), fenced("ts file=a.ts")];
  const [first, second, ...rest] = blocksOf(page.join("\n"));
  assert.deepEqual(
    [first.use, first.text, first.output, first.needs, first.line],
    ["run", "dig x\n", "x\n", ["dig", "curl"], 1],
  );
  assert.deepEqual([second.use, second.file, rest.length], ["file", "a.ts", 0]);
});

test("a block inside a list loses its indentation", () => {
  assert.equal(blocksOf("1. First\n\n   ```sh run\n   a\n     b\n   ```\n")[0].text, "a\n  b\n");
});

test("what a reader does not see can be run", () => {
  assert.deepEqual(
    blocksOf("<!-- sh background\ntribune agent -dev\n-->\n").map(({ use, text }) => [use, text]),
    [["background", "tribune agent -dev\n"]],
  );
});

test("what nobody would run is refused, with its line", () => {
  for (const [page, error] of [
    [fenced("sh", "x"), /line 1: a block of sh says/],
    [fenced("ts", "x"), /line 1: a block of ts says/],
    [`\n${fenced("sh rnu", "x")}`, /line 2: what is to be done/],
    [fenced("sh run shown", "x"), /line 1: what is to be done/],
    [fenced("text output", "x"), /line 1: an output must follow/],
    [fenced("sh shown", "x") + fenced("text output", "x"), /line 4: an output must follow/],
    ["```sh run\nx\n", /line 1: the block has no end/],
  ])
    assert.throws(() => blocksOf(page), error);
  assert.deepEqual(blocksOf(fenced("text", "a picture"))[0].use, "none");
});

test("an output matches by lines", () => {
  assert.ok(matches("a … c\n", "a b c"));
  assert.ok(!matches("a … c\n", "a b\nc"));
  assert.ok(matches("a\n…\nz\n", "a\nb\nc\nz\n"));
  assert.ok(matches("a\n…\nz\n", "a\nz\n"));
  assert.ok(!matches("a\n", "a\nb\n"));
  assert.ok(!matches("a.c\n", "abc\n"));
  assert.ok(matches("b\nd\n", "a\nb\nc\nd\ne\n", true));
  assert.ok(!matches("d\nb\n", "a\nb\nc\nd\ne\n", true));
});
