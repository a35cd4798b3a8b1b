import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { goMap, stringifyGo } from "../lib/go-json.ts";
import type { Answer } from "./answer.ts";
import { jsonTexts, listTexts, mapTexts } from "./json-texts.ts";

const joined = (answer: Answer, pretty: boolean): string =>
  Buffer.concat([...(answer as Extract<Answer, { kind: "pieces" }>).pieces(pretty)]).toString();
const texts = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('"', "\\", "[", "]", "{", "}", ",", ":", "é") }));
const values = fc.jsonValue({ stringUnit: "grapheme" }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);

test("a list in parts is what the general encoder writes, compact and indented", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(values, texts)), fc.boolean(), (rows, pretty) => {
      const answer = jsonTexts(() => listTexts(rows, (row) => stringifyGo(row)));
      assert.equal(joined(answer, pretty), stringifyGo(rows, pretty));
    }),
  );
});

test("so is a map, which has its keys in the order of their bytes", () => {
  const names = texts.filter((name) => !/^\d+$/.test(name)); // those an object would put first
  fc.assert(
    fc.property(fc.array(fc.tuple(names, values)), fc.boolean(), (given, pretty) => {
      const object = Object.fromEntries(given);
      const answer = jsonTexts(() => mapTexts(Object.entries(object), (value) => stringifyGo(value)));
      assert.equal(joined(answer, pretty), stringifyGo(goMap(object), pretty));
    }),
  );
  assert.equal(
    joined(
      jsonTexts(() =>
        mapTexts(
          [
            ["9", 1],
            ["10", 2],
          ],
          String,
        ),
      ),
      false,
    ),
    '{"10":2,"9":1}',
  );
});

test("long ones come in several pieces, and so do those that ask for a turn", () => {
  const { pieces } = jsonTexts(() => listTexts(new Array(5).fill("x".repeat(30_000)), stringifyGo)) as Extract<
    Answer,
    { kind: "pieces" }
  >;
  assert.equal([...pieces(false)].length, 2);
  const waiting = jsonTexts(() => ["[1", "", ",2]"]) as Extract<Answer, { kind: "pieces" }>;
  assert.deepEqual(
    [...waiting.pieces(false)].map((piece) => Buffer.from(piece).toString()),
    ["[1", ",2]"],
  );
});
