import assert from "node:assert/strict";
import { test } from "node:test";
import { mutateBytes, pick } from "../lib/fuzz.ts";
import { randomInt, seededRng } from "../lib/random.ts";
import { GOSSIP_LIMITS, GossipCodecError, type GossipFault } from "./gossip-error.ts";
import {
  assertSays,
  encryptionOf,
  hex,
  layerNames,
  leaves,
  type RecordedBytes,
  type RecordedStream,
  recordedStreams,
  unhex,
} from "./gossip-vectors.test.support.ts";
import { compress } from "./memberlist-layers.ts";
import {
  encodeStream,
  type PushPull,
  StreamDecoder,
  type StreamMessage,
  type StreamOptions,
} from "./memberlist-stream.ts";

const fault = (fault: GossipFault) => (error: unknown) => error instanceof GossipCodecError && error.fault === fault;

interface Direction {
  readonly path: string;
  readonly recorded: RecordedBytes;
  /** Of the side that sent these bytes. */
  readonly options: StreamOptions;
}

function directions(stream: RecordedStream, index: number): Direction[] {
  return (["initiator", "responder"] as const).flatMap((side) => {
    const recorded = stream[side];
    if (recorded === undefined) return [];
    const { encryptionVersion, message } = recorded.decoded;
    const label = stream.initiator.decoded.label;
    const dialling = side === "initiator";
    const nonceAt = 6 + (dialling && label !== undefined ? 2 + label.length : 0);
    const key = encryptionVersion === undefined ? undefined : stream.key;
    const encryption = encryptionOf(key, encryptionVersion, unhex(recorded.hex).slice(nonceAt, nonceAt + 12));
    const options = { label, dialling, encryption, compress: layerNames(message).includes("compress") };
    return [{ path: `stream ${index} ${side} (${stream.description})`, recorded, options }];
  });
}
const RECORDED = recordedStreams().flatMap(directions);

/** As the other side reads it, in chunks of `size`. */
function decode(bytes: Uint8Array, sender: Omit<StreamOptions, "compress">, size: number): StreamMessage | undefined {
  const decoder = new StreamDecoder({ ...sender, dialling: !sender.dialling });
  for (let at = 0; at < bytes.length; at += size) {
    const message = decoder.push(bytes.subarray(at, at + size));
    if (message !== undefined) {
      assert.ok(at + size >= bytes.length, "a message before its last byte");
      return message;
    }
  }
  return undefined;
}

test("every recorded stream says what was recorded, in chunks of any size, and is written back to the same bytes", () => {
  assert.equal(RECORDED.length, 39);
  for (const { path, recorded, options } of RECORDED) {
    const bytes = unhex(recorded.hex);
    const message = decode(bytes, options, bytes.length)!;
    for (const size of [1, 7]) assert.deepEqual(decode(bytes, options, size), message, path);
    const [expected] = leaves(recorded.decoded.message);
    if (message.type === "pushPull") {
      assertSays(message.nodes, expected!.nodes, path);
      assert.equal(message.join, expected!.header!.Join, path);
      assert.equal(message.userState.length, expected!.header!.UserStateLen, path);
    } else if (message.type === "user") assertSays(message.payload, expected!.payload, path);
    else assertSays(message, expected!.msg, path);
    // One was made by hand, with keys in another order.
    const written = encodeStream(message, options);
    if (path.includes("answers a plaintext") && options.dialling) assert.equal(written.length, bytes.length, path);
    else assert.equal(hex(written), recorded.hex, path);
  }
});

const PLAIN: StreamOptions = { compress: false, dialling: true };
const USER: StreamMessage = { type: "user", payload: unhex("010203") };
const push = (hexText: string, options = {}) => new StreamDecoder({ dialling: false, ...options }).push(unhex(hexText));

test("bytes behind a message are ignored", () => {
  const decoder = new StreamDecoder({ dialling: false });
  assert.deepEqual(decoder.push(Buffer.concat([encodeStream(USER, PLAIN), unhex("ff")])), USER);
});

test("what a stream must not hold", () => {
  assert.throws(() => push("0b80"), /Received invalid msgType \(11\)/);
  assert.throws(() => push("0d81a54572726f72c1"), fault("malformed"));
  assert.throws(() => push("0a00000000"), /encrypted and encryption is not configured/);
  const encryption = encryptionOf(Buffer.alloc(16).toString("base64"));
  assert.throws(() => push("06", { encryption }), /Encryption is configured but remote state is not encrypted/);
  assert.throws(() => push("0a7fffffff", { encryption }), /larger than limit \(2147483647\)/);
  assert.throws(() => push("f404626c756506"), fault("label"));
  assert.equal(push("f404626c75", { label: "blue" }), undefined);
  assert.equal(push("f404626c7565", { label: "blue" }), undefined);
  assert.equal(push("0681"), undefined);
});

test("bounds on members, lengths and what a stream may unfold to", () => {
  assert.throws(() => push("0681a54e6f646573ce00010001"), fault("malformed"));
  assert.throws(() => push("0681a54e6f646573ff"), fault("malformed"));
  assert.throws(() => push("0681ac5573657253746174654c656ece7fffffff"), fault("malformed"));
  assert.throws(() => push("0681a54e6f6465730181a5537461746504"), /member state 4 is not known/);
  const cut = compress(unhex("0881aa557365724d73674c656e0501"));
  assert.throws(() => new StreamDecoder({ dialling: false }).push(cut), /ends in its payload/);
  assert.throws(() => new StreamDecoder({ dialling: false }).push(compress(compress(unhex("0080")))), /type 9/);
  const decoder = new StreamDecoder({ dialling: false });
  const megabyte = new Uint8Array(1_024 * 1_024);
  decoder.push(unhex("0881aa557365724d73674c656ece03ffffff"));
  assert.throws(() => {
    for (let sent = 0; sent < 32; sent++) decoder.push(megabyte);
  }, fault("tooLarge"));
  const huge: StreamMessage = { type: "user", payload: new Uint8Array(GOSSIP_LIMITS.streamBytesMax) };
  assert.throws(() => encodeStream(huge, PLAIN), fault("tooLarge"));
});

test("a push/pull of many members", () => {
  const nodes = Array.from({ length: 3_000 }, (_, index) => ({
    name: `node-${index}`,
    addr: unhex("0a000001"),
    port: 8301,
    meta: new Uint8Array(200).fill(index),
    incarnation: index,
    state: "alive" as const,
    versions: undefined,
  }));
  const message: PushPull = { type: "pushPull", join: true, nodes, userState: unhex("0280") };
  for (const compress of [false, true]) {
    assert.deepEqual(decode(encodeStream(message, { ...PLAIN, compress }), PLAIN, 65_536), message);
  }
});

test("damaged streams are refused, wait for more, or give messages that can be written", () => {
  const rng = seededRng(5);
  const inside = RECORDED.flatMap(({ recorded }) => recorded.decoded.message.plainHex ?? []).map(unhex);
  for (let round = 0; round < 6_000; round++) {
    const { recorded, options } = pick(rng, RECORDED);
    const [seed, sender] = round % 2 === 0 ? [pick(rng, inside), PLAIN] : [unhex(recorded.hex), options];
    const bytes = mutateBytes(rng, seed);
    const decoder = new StreamDecoder({ ...sender, dialling: !sender.dialling });
    try {
      const half = randomInt(rng, bytes.length + 1);
      const message = decoder.push(bytes.subarray(0, half)) ?? decoder.push(bytes.subarray(half));
      if (message !== undefined) assert.deepEqual(decode(encodeStream(message, PLAIN), PLAIN, 1 << 20), message);
    } catch (error) {
      assert.ok(error instanceof GossipCodecError, `${String(error)} in round ${round}`);
    }
  }
});
