import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInt, seededRng } from "../lib/random.ts";
import { decodeHcl, decodeJson, HclError, type HclValue, parseHcl, parseJson } from "./hcl.ts";

const HCL_CASES: readonly (readonly [name: string, text: string, value: HclValue])[] = [
  ["nothing", "", {}],
  ["assignment", "a = 1", { a: 1 }],
  ["quoted key", '"a b" = 1', { "a b": 1 }],
  ["dotted key is one key", "a.b-c_d = 1", { "a.b-c_d": 1 }],
  ["scalars", 'a = true b = false c = "x" d = -3 e = 1.5', { a: true, b: false, c: "x", d: -3, e: 1.5 }],
  ["hex, octal, exponent", "a = 0xFF b = 010 c = 1e3 d = 2.5E-1 e = .5", { a: 255, b: 8, c: 1000, d: 0.25, e: 0.5 }],
  ["negative hex", "a = -0x10 b = 0", { a: -16, b: 0 }],
  ["comments", "# one\na = 1 // two\n/* three\n * four */ b = 2 # end", { a: 1, b: 2 }],
  ["block", "a { b = 1 }", { a: [{ b: 1 }] }],
  ["assigned object is a block", "a = { b = 1 }", { a: [{ b: 1 }] }],
  ["blocks of one name gather", "a { b = 1 } c = 2 a { b = 3 }", { a: [{ b: 1 }, { b: 3 }], c: 2 }],
  ["labels nest", 'a "x" { b = 1 } a "y" "z" {}', { a: [{ x: [{ b: 1 }] }, { y: [{ z: [{}] }] }] }],
  ["commas between items", "a { b = 1, c = 2 }, d = 3", { a: [{ b: 1, c: 2 }], d: 3 }],
  ["list", 'a = [1, "x", true,]', { a: [1, "x", true] }],
  ["list over lines", "a = [\n  1, # one\n  2\n]", { a: [1, 2] }],
  ["list twice is longer", "a = [1] a = [2]", { a: [1, 2] }],
  ["scalar twice is the last", "a = 1 a = 2", { a: 2 }],
  ["objects in a list stay objects", "a = [{ b = 1 }, { b { c = 2 } }]", { a: [{ b: 1 }, { b: [{ c: 2 }] }] }],
  ["lists in lists", "a = [[1], [2, 3]]", { a: [[1], [2, 3]] }],
  ["escapes", String.raw`a = "q\" \\ \n \t \x41 \u00e9 \U0001F600 \101"`, { a: 'q" \\ \n \t A é 😀 A' }],
  [
    "interpolation is text",
    String.raw`a = "x ${"${"}lookup("k", "\n")} y"`,
    { a: String.raw`x ${"${"}lookup("k", "\n")} y` },
  ],
  ["heredoc", "a = <<EOF\none\n  two\nEOF\nb = 1", { a: "one\n  two\n", b: 1 }],
  ["heredoc, closing anchor indented", "a = <<EOF\none\n  EOF\n", { a: "one\n  " }],
  ["heredoc, indented", "a = <<-EOF\n    one\n      two\n    EOF\n", { a: "one\n  two\n" }],
  ["heredoc, a line is less indented", "a = <<-EOF\n  one\n    two\n    EOF\n", { a: "  one\n    two\n" }],
  ["heredoc, CRLF", "a = <<EOF\r\none\r\nEOF\r\n", { a: "one\r\n" }],
  [
    "prototype names are keys",
    '__proto__ { a = 1 } constructor = "x"',
    Object.fromEntries([
      ["__proto__", [{ a: 1 }]],
      ["constructor", "x"],
    ]),
  ],
  ["value missing at the end is no item", "a = 1\nb = ", { a: 1 }],
  ["leading brace means JSON", '\n {"a": {"b": [1, {"c": null}]}}', { a: [{ b: [1, { c: null }] }] }],
  ["letters beyond ASCII", "größe = 1", { größe: 1 }],
];

test("HCL decodes into plain values", async (t) => {
  for (const [name, text, value] of HCL_CASES) {
    await t.test(name, () => assert.deepEqual(decodeHcl(text), value));
  }
});

const HCL_ERRORS: readonly (readonly [text: string, message: string])[] = [
  ["a {", "At 1:4: object expected closing RBRACE got: EOF"],
  ["a", "At 1:2: key 'a' expected start of object ('{') or assignment ('=')"],
  ["a { b }", "At 1:7: key 'b' expected start of object ('{') or assignment ('=')"],
  ["= 1", "At 1:1: no object keys found!"],
  ['a "b" = 1', "At 1:7: nested object expected: LBRACE got: ASSIGN"],
  ["a = [1 2]", "At 1:8: error parsing list, expected comma or list end, got: NUMBER"],
  ["a = [1", "At 1:7: error parsing list, expected comma or list end, got: EOF"],
  ["a = [x]", "At 1:6: unexpected token while parsing list: IDENT"],
  ["a = b", "At 1:5: Unknown token: 1:5 IDENT b"],
  ["\n  a = @", "At 2:7: illegal char"],
  ['a = "x', "At 1:5: literal not terminated"],
  ['a = "x\ny"', "At 1:5: literal not terminated"],
  ['a = "${x"', "At 1:5: literal not terminated"],
  [String.raw`a = "\q"`, "At 1:6: illegal char escape"],
  [String.raw`a = "\UFFFFFFFF"`, "At 1:6: illegal char escape"],
  [String.raw`a = "\777"`, "At 1:6: illegal char escape"],
  ["a = <<EOF\nx", "At 1:5: heredoc not terminated"],
  ["a = <<EOF", "At 1:5: heredoc not terminated"],
  ["a = <<-\nx\n", "At 1:5: zero-length heredoc anchor"],
  ["a = <<E F\nx\n", "At 1:5: invalid characters in heredoc anchor"],
  ["a = <x", "At 1:5: heredoc expected second '<', didn't see it"],
  ["/* x", "At 1:1: comment not terminated"],
  ["/ x", "At 1:1: expected '/' for comment"],
  ["a = 089", "At 1:5: illegal octal number"],
  ["a = 99999999999999999999", "At 1:5: number out of range: 99999999999999999999"],
  ["a = 1e999", "At 1:5: number out of range: 1e999"],
  ['{"a": }', "At 1:7: invalid character '}' looking for beginning of value"],
];

test("HCL errors name their place", async (t) => {
  for (const [text, message] of HCL_ERRORS) {
    await t.test(JSON.stringify(text), () => assert.throws(() => parseHcl(text), { name: "HclError", message }));
  }
});

const JSON_ERRORS: readonly (readonly [text: string, message: string])[] = [
  ["", "At 1:1: unexpected end of JSON input"],
  ['{"a": ', "At 1:7: unexpected end of JSON input"],
  ['{"a": 1,}', "At 1:9: invalid character '}' looking for beginning of object key string"],
  ['{"a": 1} x', "At 1:10: invalid character 'x' after top-level value"],
  ['{"a" 1}', "At 1:6: invalid character '1' after object key"],
  ['{"a": 1 "b"}', "At 1:9: invalid character '\"' after object key:value pair"],
  ["[1 2]", "At 1:4: invalid character '2' after array element"],
  ['{\n "a": "x\ny"}', "At 2:7: invalid or unterminated string literal"],
];

test("JSON: objects stay objects, errors name their place", () => {
  assert.deepEqual(decodeJson('{"a": {"b": [1, {"c": null}]}, "a": {"x": "\\u00e9\\n"}}'), { a: { x: "é\n" } });
  for (const [text, message] of JSON_ERRORS) assert.throws(() => parseJson(text), { name: "HclError", message }, text);
});

test("limits hold", () => {
  const limits = { lengthMax: 40, depthMax: 3, tokensMax: 8 };
  assert.throws(() => parseHcl(" ".repeat(41), limits), /longer than 40 characters/);
  assert.throws(() => parseHcl("a { a { a { a {} } } }", limits), /more than 3 objects or lists/);
  assert.throws(() => parseHcl("a = [[[[1]]]]", limits), /more than 3 objects or lists/);
  assert.throws(() => parseHcl("a=1 b=1 c=1 d=1", limits), /more than 8 tokens/);
  assert.throws(() => parseJson("[[[[1]]]]", limits), /more than 3 objects or lists/);
  assert.throws(() => parseJson("[1,1,1,1,1,1,1,1,1]", limits), /more than 8 tokens/);
  assert.throws(() => parseHcl("a { ".repeat(100_000)), HclError);
});

test("nodes know their positions", () => {
  const file = parseHcl('# head\nservice "web" {\n  port = 80\n}');
  const [service] = file.items;
  assert.deepEqual(service?.keys, ["service", "web"]);
  assert.deepEqual(service?.position, { line: 2, column: 1 });
  assert.ok(service?.value.kind === "object");
  assert.deepEqual(service.value.items[0]?.value.position, { line: 3, column: 10 });
});

test("any mutation of a text parses or fails with HclError", () => {
  const seeds = [
    ...HCL_CASES.map(([, text]) => text),
    '{"service": {"name": "web", "tags": ["a", "b"], "port": 80, "checks": [{"ttl": "1s"}]}}',
    'service {\n  name = "web"\n  check { args = ["a", "b"] interval = "10s" }\n}\n',
  ];
  const pieces = [
    '"',
    "{",
    "}",
    "[",
    "]",
    "=",
    ",",
    "<<EOF\n",
    "<<-",
    "\nEOF\n",
    "${",
    "\\",
    "/*",
    "*/",
    "#",
    "-",
    "0x",
    "1e",
    ".",
    "\0",
    "\u{1F600}",
    "\uD800",
    "\r\n",
  ];
  const rng = seededRng(20_210);
  for (let round = 0; round < 20_000; round++) {
    let text = seeds[randomInt(rng, seeds.length)] as string;
    for (let edits = 1 + randomInt(rng, 6); edits > 0; edits--) {
      const at = randomInt(rng, text.length + 1);
      const piece = pieces[randomInt(rng, pieces.length)] as string;
      const cut = randomInt(rng, 3) === 0 ? randomInt(rng, 8) : 0;
      text = text.slice(0, at) + piece + text.slice(at + cut);
    }
    for (const decode of [decodeHcl, decodeJson]) {
      try {
        decode(text);
      } catch (error) {
        assert.ok(error instanceof HclError, `${JSON.stringify(text)}: ${error}`);
      }
    }
  }
});
