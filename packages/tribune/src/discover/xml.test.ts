import assert from "node:assert/strict";
import { test } from "node:test";
import { elementsAt, parseXml, XML_DEPTH_MAX, xmlText } from "./xml.ts";

test("elements, text and entities", () => {
  const xml = parseXml(
    '<?xml version="1.0"?><!-- a > b --><a x="1"><b>1 &lt; 2 &amp; &#65;&#x42;&unknown;</b><c/><b> two </b></a>',
  );
  assert.deepEqual(
    elementsAt(xml, "b").map(({ text }) => text),
    ["1 < 2 & AB&unknown;", " two "],
  );
  assert.equal(xmlText(xml, "b"), "1 < 2 & AB&unknown;");
  assert.equal(xmlText(xml, "c"), undefined);
  assert.equal(xmlText(xml, "d", "e"), undefined);
});

test("what is no XML is refused", () => {
  const deep = "<a>".repeat(XML_DEPTH_MAX + 1);
  for (const [xml, error] of [
    ["", /nothing in it/],
    ["plain", /nothing in it/],
    ["<a>", /has no end/],
    ["<a", /breaks off/],
    ["<a></b>", /unexpected <\/b>/],
    ["</a>", /unexpected/],
    ["< a></a>", /without a name/],
    ['<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', /document type/],
    [deep, /too deeply/],
  ] as const)
    assert.throws(() => parseXml(xml), error, xml.slice(0, 30));
});
