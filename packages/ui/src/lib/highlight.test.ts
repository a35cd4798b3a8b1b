import assert from "node:assert/strict";
import { test } from "node:test";
import { guessLanguage, highlight, type Language } from "./highlight.ts";

const texts: [Language, string, string][] = [
  ["json", '{"a": [1.5e3, true, "x\\"y"], "b', 'key:"a" number:1.5e3 word:true string:"x\\"y" string:"b'],
  [
    "yaml",
    "a: 1 # one\nlong key:\n  - b: 'x'\n  - no\n",
    "key:a number:1 comment:# one key:long key key:b string:'x' word:no",
  ],
  [
    "hcl",
    'service "web" { # c\n port = 80\n s = <<EOF\nx\nEOF\n}',
    'key:service string:"web" comment:# c key:port number:80 key:s string:<<EOF\nx\nEOF',
  ],
  ["text", '{"a":1}', ""],
];

test("pieces are found, and together they are the text", () => {
  for (const [language, text, wanted] of texts) {
    const pieces = highlight(text, language);
    assert.equal(pieces.map((piece) => piece.text).join(""), text);
    const found = pieces.filter(({ kind }) => kind !== "plain").map((piece) => `${piece.kind}:${piece.text}`);
    assert.equal(found.join(" "), wanted);
  }
});

test("languages are guessed by ending, then by the beginning", () => {
  assert.equal(guessLanguage("a.yml", "{}"), "yaml");
  assert.equal(guessLanguage("a", ' {"b":1}'), "json");
  assert.equal(guessLanguage("a", "limit = 1"), "hcl");
  assert.equal(guessLanguage("a", 'service "x" {}'), "hcl");
  assert.equal(guessLanguage("a", "b: 1\nc: 2"), "yaml");
  assert.equal(guessLanguage("a", "hello: world"), "text");
  assert.equal(guessLanguage("a", "Hello"), "text");
});
