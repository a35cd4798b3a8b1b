import assert from "node:assert/strict";
import { test } from "node:test";
import { mutateBytes, pick } from "../lib/fuzz.ts";
import { seededRng } from "../lib/random.ts";
import { GossipCodecError } from "./gossip-error.ts";
import {
  assertSays,
  encryptionOf,
  hex,
  type JsonMap,
  leaves,
  type RecordedLayer,
  type RecordedSerf,
  recordedPackets,
  recordedStreams,
  unhex,
} from "./gossip-vectors.test.support.ts";
import { decodePacket } from "./memberlist-packet.ts";
import { StreamDecoder } from "./memberlist-stream.ts";
import { decodeCoordinate, encodeCoordinate } from "./serf-coordinate.ts";
import { decodeQueryFilter, encodeQueryFilter } from "./serf-filters.ts";
import { decodeSerfMessage, encodeSerfMessage, type SerfMessage } from "./serf-messages.ts";
import { decodeTags, encodeTags } from "./serf-tags.ts";

interface Recorded {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly says: RecordedSerf;
}
interface RecordedMeta {
  readonly meta: Uint8Array;
  readonly says: JsonMap;
}
interface RecordedCoordinate {
  readonly payload: Uint8Array;
  readonly says: JsonMap;
}

const messages: Recorded[] = [];
const metas: RecordedMeta[] = [];
const coordinates: RecordedCoordinate[] = [];

for (const [index, { description, key, hex: bytes, decoded }] of recordedPackets().entries()) {
  const packet = decodePacket(unhex(bytes), { label: decoded.label, encryption: encryptionOf(key) });
  for (const [at, message] of packet.messages.entries()) {
    const says = leaves(decoded.message)[at]!;
    const path = `packet ${index}, message ${at} (${description})`;
    if (message.type === "user" && says.serf !== undefined)
      messages.push({ path, bytes: message.payload, says: says.serf });
    if (message.type === "alive") pushMeta(message.meta, says.msg!);
    if (message.type === "ack" && says.coordinate)
      coordinates.push({ payload: message.payload, says: says.coordinate });
  }
}
for (const [index, { description, key, initiator, responder }] of recordedStreams().entries()) {
  for (const [dialling, recorded] of [[false, initiator] as const, [true, responder] as const]) {
    if (recorded === undefined) continue;
    const encryption = recorded.decoded.encryptionVersion === undefined ? undefined : encryptionOf(key);
    const decoder = new StreamDecoder({ dialling, encryption, label: initiator.decoded.label });
    const message = decoder.push(unhex(recorded.hex));
    if (message?.type !== "pushPull") continue;
    const [says] = leaves(recorded.decoded.message) as readonly [RecordedLayer];
    for (const [at, node] of message.nodes.entries()) pushMeta(node.meta, says.nodes![at]!);
    if (typeof says.userState !== "object") continue;
    messages.push({ path: `stream ${index} (${description})`, bytes: message.userState, says: says.userState });
  }
}

function pushMeta(meta: Uint8Array, says: JsonMap): void {
  const annotation = says.$meta as JsonMap | undefined;
  if (annotation?.tags !== undefined) metas.push({ meta, says: annotation.tags as JsonMap });
}

function assertSerf(bytes: Uint8Array, says: RecordedSerf, path: string): void {
  const message = decodeSerfMessage(bytes);
  assert.equal(hex(encodeSerfMessage(message)), hex(bytes), path);
  assert.equal(message.type, says.serfName, path);
  if (message.type === "relay") {
    assertSays({ destAddr: message.destAddr, destName: message.destName }, says.relayHeader, path);
    assertSerf(message.message, says.inner!, `${path} relayed`);
    return;
  }
  assertSays(message, says.msg, path);
  if (says.payload !== undefined)
    assertSerf((message as { payload: Uint8Array }).payload, says.payload, `${path} payload`);
}

test("every recorded serf message says what was recorded, and is written back to the same bytes", () => {
  assert.equal(new Set(messages.map(({ says }) => says.serfName)).size, 7);
  assert.equal(messages.length, 52);
  for (const { path, bytes, says } of messages) assertSerf(bytes, says, path);
});

test("recorded tags, both ways", () => {
  assert.ok(metas.length > 30);
  for (const { meta, says } of metas) {
    const tags = decodeTags(meta);
    assert.deepEqual(Object.fromEntries(tags), says);
    assert.equal(hex(encodeTags(tags)), hex(meta));
  }
});

test("recorded coordinates, both ways", () => {
  assert.equal(coordinates.length, 4);
  for (const { payload, says } of coordinates) {
    const coordinate = decodeCoordinate(payload)!;
    assertSays(coordinate, says, "coordinate");
    assert.equal(hex(encodeCoordinate(coordinate)), hex(payload));
  }
  assert.equal(decodeCoordinate(new Uint8Array(0)), undefined);
  assert.equal(decodeCoordinate(unhex("0280")), undefined);
});

test("messages that were not recorded come back as they were", () => {
  const unrecorded: SerfMessage[] = [
    {
      type: "conflictResponse",
      name: "a b",
      addr: unhex("7f000001"),
      port: 8301,
      tags: new Map([["role", "node"]]),
      status: 1,
      protocolMin: 1,
      protocolMax: 5,
      protocolCur: 2,
      delegateMin: 2,
      delegateMax: 5,
      delegateCur: 4,
    },
    { type: "keyRequest", key: undefined },
    { type: "keyRequest", key: new Uint8Array(0) },
    { type: "keyResponse", result: false, message: "no", keys: [], primaryKey: "" },
    { type: "userEvent", lTime: 2 ** 52, name: "é", payload: new Uint8Array(0), cc: true },
  ];
  for (const message of unrecorded) assert.deepEqual(decodeSerfMessage(encodeSerfMessage(message)), message);
});

test("filters", () => {
  const nodes = { type: "nodes", nodes: ["a", "b"] } as const;
  assert.equal(hex(encodeQueryFilter(nodes)), "0092a161a162");
  assert.deepEqual(decodeQueryFilter(encodeQueryFilter(nodes)), nodes);
  const tag = { type: "tag", tag: "role", expr: "^web" } as const;
  assert.equal(hex(encodeQueryFilter(tag)), "0182a445787072a45e776562a3546167a4726f6c65");
  assert.deepEqual(decodeQueryFilter(encodeQueryFilter(tag)), tag);
  assert.equal(decodeQueryFilter(unhex("0280")), undefined);
  assert.throws(() => decodeQueryFilter(unhex("0091")), GossipCodecError);
});

test("meta that is no tag map is a role; tags have a limit", () => {
  assert.deepEqual([...decodeTags(Buffer.from("web"))], [["role", "web"]]);
  assert.deepEqual([...decodeTags(new Uint8Array(0))], [["role", ""]]);
  assert.deepEqual([...decodeTags(unhex("ff80"))], []);
  assert.throws(() => decodeTags(unhex("ff81a161")), GossipCodecError);
  const large = (length: number) => encodeTags(new Map([["k", "x".repeat(length)]]));
  assert.equal(large(505).length, 512);
  assert.throws(() => large(506), /^GossipCodecError: Encoded length of tags exceeds limit of 512 bytes$/);
});

test("bounds", () => {
  for (const [bad, why] of [
    ["", /type missing/],
    ["0a80", /type 10/],
    ["0181a54c54696d65cf0010000000000001", /Lamport time out of range/],
    ["0181a54c54696d65cfffffffffffffffff", /beyond 2\^53/],
    ["0181a54c54696d65ff", /out of range/],
    ["0281a64576656e7473dc1001", /an array of 4097, at most 4096/],
    ["0281ac5374617475734c54696d6573df00010001", /over the limit/],
    ["0281ab4c6566744d656d62657273dd00010001", /over the limit/],
    ["0980", undefined],
  ] as const) {
    if (why === undefined) assert.equal(decodeSerfMessage(unhex(bad)).type, "relay");
    else assert.throws(() => decodeSerfMessage(unhex(bad)), why, bad);
  }
});

test("damaged messages are refused, or give messages that can be written", () => {
  const rng = seededRng(2);
  for (let round = 0; round < 5_000; round++) {
    try {
      const message = decodeSerfMessage(mutateBytes(rng, pick(rng, messages).bytes));
      assert.deepEqual(decodeSerfMessage(encodeSerfMessage(message)), message);
      decodeTags(mutateBytes(rng, pick(rng, metas).meta));
      decodeCoordinate(mutateBytes(rng, pick(rng, coordinates).payload));
    } catch (error) {
      assert.ok(error instanceof GossipCodecError, `${String(error)} in round ${round}`);
    }
  }
});
