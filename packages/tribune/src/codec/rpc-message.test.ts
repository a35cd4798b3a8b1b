import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { MsgpackError } from "./msgpack.ts";
import { decodeHeader, encodeRequestHeader, encodeResponseHeader, RpcMessages } from "./rpc-message.ts";

interface Call {
  readonly method: string;
  readonly request: string;
  readonly response: string;
}
const recorded: { readonly calls: readonly Call[] } = JSON.parse(
  readFileSync(new URL("../../test-data/rpc-calls-consul-1.10.json", import.meta.url), "utf8"),
);

function messagesOf(chunks: readonly Uint8Array[], bytesMax = 1 << 20): { header: string; body: string }[] {
  const messages = new RpcMessages(bytesMax);
  const found = [];
  for (const chunk of chunks) {
    messages.push(chunk);
    for (let next = messages.next(); next !== undefined; next = messages.next())
      found.push({ header: Buffer.from(next.header).toString("hex"), body: Buffer.from(next.body).toString("hex") });
  }
  return found;
}

test("recorded calls are taken apart, and their headers are written as Consul writes them", () => {
  assert.ok(recorded.calls.length > 60);
  for (const { method, request, response } of recorded.calls) {
    const [asked, more] = messagesOf([Buffer.from(request, "hex")]);
    const [answered] = messagesOf([Buffer.from(response, "hex")]);
    assert.equal(more, undefined);
    const header = decodeHeader(Buffer.from(asked!.header, "hex"));
    assert.equal(header.method, method);
    assert.equal(Buffer.from(encodeRequestHeader(header)).toString("hex"), asked!.header);
    const reply = decodeHeader(Buffer.from(answered!.header, "hex"));
    assert.equal(Buffer.from(encodeResponseHeader(reply)).toString("hex"), answered!.header);
    assert.equal(reply.seq, header.seq);
  }
});

test("messages come out whole wherever the stream is cut", () => {
  const whole = Buffer.concat(recorded.calls.slice(0, 12).map(({ request }) => Buffer.from(request, "hex")));
  const expected = messagesOf([whole]);
  assert.equal(expected.length, 12);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: whole.length }), { maxLength: 40 }), (cuts) => {
      const ends = [...cuts.sort((a, b) => a - b), whole.length];
      const chunks = ends.map((end, at) => Uint8Array.from(whole.subarray(at === 0 ? 0 : ends[at - 1], end)));
      assert.deepEqual(messagesOf(chunks), expected);
    }),
  );
});

test("a message that grows beyond the limit is refused", () => {
  const endless = Buffer.concat([
    Buffer.from("82a3536571", "hex"),
    Buffer.from("db00010000", "hex"),
    Buffer.alloc(3000),
  ]);
  assert.throws(() => messagesOf([endless.subarray(0, 1000), endless.subarray(1000)], 2000), MsgpackError);
});
