import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { decodePb, encodePb, type PbMessage, ProtobufError, pbMessage } from "./protobuf.ts";
import { EventMessage, SubscribeRequestMessage } from "./subscribe-messages.ts";

interface Recorded {
  readonly from: "client" | "server";
  readonly type: string;
  readonly hex: string;
  readonly decoded: Readonly<Record<string, unknown>>;
}
const { messages }: { readonly messages: readonly Recorded[] } = JSON.parse(
  readFileSync(new URL("../../test-data/grpc-subscribe-consul-1.10.json", import.meta.url), "utf8"),
);
const MESSAGES: Readonly<Record<string, PbMessage>> = {
  "subscribe.SubscribeRequest": SubscribeRequestMessage,
  "subscribe.Event": EventMessage,
};

/** As the recording prints it: durations of nothing as the bytes they are. */
function printed(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (name, own) => {
    if (["Interval", "Timeout", "DeregisterCriticalServiceAfter", "TTL"].includes(name) && own === 0)
      return { $hex: "" };
    return own === true ? 1 : own;
  });
}

test("recorded messages of a subscription are read, and written again with the same fields", () => {
  assert.ok(messages.length >= 4);
  for (const { type, hex, decoded } of messages) {
    const bytes = Buffer.from(hex, "hex");
    const value = decodePb(MESSAGES[type]!, bytes);
    assert.deepEqual(printed(value), printed(decoded), type);
    const written = encodePb(MESSAGES[type]!, value);
    // The recorder's maps are in Go's random order, ours in the order they were read in.
    assert.equal(Buffer.from(written).toString("hex"), hex, type);
  }
});

test("numbers, objects and lists come back as they went in", () => {
  const inner = pbMessage({ 1: ["text", "string"], 2: ["on", "bool"] });
  const message = pbMessage({
    1: ["number", "int"],
    2: ["wait", "duration"],
    3: ["any", "struct"],
    4: ["list", { repeated: inner }],
    5: ["texts", { map: "string" }],
    6: ["maybe", { message: inner, optional: true }],
  });
  for (const number of [0, 1, 127, 128, 2 ** 31, Number.MAX_SAFE_INTEGER, -1, -300]) {
    const value = {
      ...(number === 0 ? {} : { number }),
      wait: number * 1000,
      any: { a: [1.5, "x", null, true, { b: {} }], "": -1 },
      list: [{ text: "é", on: true }, {}],
      texts: { k: "", "": "v" },
      maybe: {},
    };
    const read = JSON.parse(JSON.stringify(decodePb(message, encodePb(message, value))));
    assert.deepEqual(read, value);
  }
});

test("bytes that are no message are refused", () => {
  for (const hex of ["0a", "0aff01", "08", "08ffffffffffffffffffffff", "0b", "12", "07"])
    assert.throws(() => decodePb(SubscribeRequestMessage, Buffer.from(hex, "hex")), ProtobufError, hex);
});
