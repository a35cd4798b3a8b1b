import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { joined } from "../endpoints/answer.ts";
import { gzipOfParts } from "./packed-parts.ts";

const plain = (gzipped: Buffer | undefined) => gzipped && gunzipSync(gzipped).toString("latin1");
/** Short and long, well and badly compressible. */
const part = fc
  .tuple(fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) }), fc.nat(90))
  .map(([text, times]) => ({ bytes: text.repeat(times) }));

test("parts in any order are the gzip of what they say one after the other", () => {
  const property = fc.property(fc.array(part, { maxLength: 8 }), fc.infiniteStream(fc.nat()), (parts, chance) => {
    for (let order = 0; order < 3; order++) {
      const shuffled = parts.map((each) => ({ each, by: chance.next().value as number })).sort((a, b) => a.by - b.by);
      const body = shuffled.map(({ each }) => each);
      assert.equal(plain(gzipOfParts(body)), joined(body));
    }
  });
  fc.assert(property);
});

test("few parts are compressed for one answer; what is new beyond that comes with the next ones", () => {
  const parts = Array.from({ length: 40 }, (_, at) => ({ bytes: `${at}: `.repeat(200) }));
  const answers: unknown[] = [];
  while (answers.length < 10 && answers.at(-1) !== joined(parts)) answers.push(plain(gzipOfParts(parts)));
  assert.deepEqual(answers, [undefined, undefined, undefined, undefined, joined(parts)]);
});
