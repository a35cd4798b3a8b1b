import assert from "node:assert/strict";
import { test } from "node:test";
import { formatSearch, hasTerm, matches, parseSearch, toggleTerm } from "./search.ts";

const item = { text: ["web-frontend", "http://x:80"], keys: { is: ["failing"], tag: ["v2", "blue green"] } };
const cases: [search: string, found: boolean][] = [
  ["", true],
  ["WEB", true],
  ["api", false],
  ["is:failing", true],
  ["is:fail", false],
  ["-is:failing", false],
  ["is:failing tag:v2 web", true],
  ["is:failing tag:v3", false],
  ['tag:"blue green"', true],
  ['tag:"blue red"', false],
  ["http://x", true],
  ["-web", false],
  ["-api", true],
  ['"web-front', true],
];

test("a search finds the item when every term holds", () => {
  for (const [search, found] of cases) assert.equal(matches(parseSearch(search), item), found, search);
});

test("a parsed search prints as one that means the same", () => {
  for (const [search] of cases) assert.deepEqual(parseSearch(formatSearch(parseSearch(search))), parseSearch(search));
});

test("toggling a term puts it in, takes it out, and replaces other values of its key", () => {
  assert.equal(toggleTerm("web", "is", "failing"), "is:failing web");
  assert.equal(toggleTerm("is:failing web", "is", "failing"), "web");
  assert.equal(toggleTerm("is:failing web", "is", "passing"), "is:passing web");
  assert.equal(hasTerm("-is:failing", "is", "failing"), false);
});
