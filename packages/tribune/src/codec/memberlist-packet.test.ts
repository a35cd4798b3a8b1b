import assert from "node:assert/strict";
import { test } from "node:test";
import { mutateBytes, pick } from "../lib/fuzz.ts";
import { seededRng } from "../lib/random.ts";
import { GOSSIP_LIMITS, GossipCodecError, type GossipFault } from "./gossip-error.ts";
import {
  assertSays,
  encryptionOf,
  hex,
  layerNames,
  leaves,
  type RecordedLayer,
  type RecordedPacket,
  recordedPackets,
  unhex,
} from "./gossip-vectors.test.support.ts";
import { compress } from "./memberlist-layers.ts";
import { encodeMessage, type PacketMessage } from "./memberlist-messages.ts";
import {
  COMPOUND_PARTS_MAX,
  decodePacket,
  encodePacket,
  type GossipSecurity,
  packetBudgetBytes,
} from "./memberlist-packet.ts";

const RECORDED = recordedPackets();
const TYPE_OF_NAME: Readonly<Record<string, string>> = { ackResp: "ack", nackResp: "nack" };
const fault = (fault: GossipFault) => (error: unknown) => error instanceof GossipCodecError && error.fault === fault;

/** What the recorded sender was configured with. */
function securityOf({ key, hex: bytes, decoded }: RecordedPacket): GossipSecurity {
  const { label, encryptionVersion } = decoded;
  const nonceAt = 1 + (label === undefined ? 0 : 2 + label.length);
  return { label, encryption: encryptionOf(key, encryptionVersion, unhex(bytes).slice(nonceAt, nonceAt + 12)) };
}

function assertMessage(message: PacketMessage, recorded: RecordedLayer, path: string): void {
  assert.equal(message.type, TYPE_OF_NAME[recorded.name] ?? recorded.name, path);
  if (message.type !== "user") assertSays(message, recorded.msg, path);
  else if (recorded.serf === undefined) assertSays(message.payload, recorded.payload, path);
  else assert.equal(message.payload[0], recorded.serf.serfType, path);
}

test("every recorded packet says what was recorded, and is written back to the same bytes", () => {
  assert.equal(RECORDED.length, 97);
  for (const [index, recorded] of RECORDED.entries()) {
    const path = `packet ${index} (${recorded.description})`;
    const security = securityOf(recorded);
    const { messages, refused } = decodePacket(unhex(recorded.hex), security);
    assert.deepEqual(refused, [], path);
    const expected = leaves(recorded.decoded.message);
    assert.equal(messages.length, expected.length, path);
    for (const [at, message] of messages.entries()) assertMessage(message, expected[at]!, `${path} ${at}`);

    const layers = layerNames(recorded.decoded.message);
    const options = { ...security, crc: layers.includes("hasCrc"), compress: layers.includes("compress") };
    assert.equal(hex(encodePacket(messages.map(encodeMessage), options)), recorded.hex, path);
  }
});

const PLAIN = { compress: false, crc: false };
const nack = (seqNo: number): PacketMessage => ({ type: "nack", seqNo });
const packet = (hexText: string, security: GossipSecurity = {}) => decodePacket(unhex(hexText), security);

test("a compound that was cut loses its tail only", () => {
  const whole = encodePacket(
    [1, 2, 3].map((seqNo) => encodeMessage(nack(seqNo))),
    PLAIN,
  );
  const { messages, refused } = decodePacket(whole.subarray(0, whole.length - 1), {});
  assert.deepEqual(messages, [nack(1), nack(2)]);
  assert.match(String(refused), /1 of 3 parts are lost/);
  assert.match(String(decodePacket(whole.subarray(0, 5), {}).refused), /ends in its lengths/);
});

test("a part that is no message is refused alone", () => {
  const parts = [
    encodeMessage(nack(1)),
    unhex("0d80"),
    unhex("0c00000000"),
    unhex("f401"),
    new Uint8Array(0),
    unhex("0001"),
  ];
  const { messages, refused } = decodePacket(encodePacket([...parts, encodeMessage(nack(2))], PLAIN), {});
  assert.deepEqual(messages, [nack(1), nack(2)]);
  assert.equal(refused.length, 5);
});

test("fields out of their range are refused, unknown ones passed over", () => {
  assert.deepEqual(packet("0b82a34e6577c0a55365714e6f07").messages, [nack(7)]);
  assert.deepEqual(packet("0b80").messages, [nack(0)]);
  for (const bad of ["0b81a55365714e6fff", "0b81a55365714e6fcf0000000100000000", "0b81a55365714e6fa131"]) {
    assert.equal(packet(bad).refused.length, 1, bad);
  }
  assert.match(String(packet("0481a441646472a3010203").refused), /an address of 3 bytes/);
  assert.match(String(packet(`0481a44d657461da0201${"00".repeat(513)}`).refused), /at most 512/);
  assert.match(String(packet(`0481a44e6f6465da0401${"61".repeat(1025)}`).refused), /at most 1024/);
});

test("a name that is not UTF-8 keeps its bytes", () => {
  const bytes = unhex("0583a446726f6da2ff61ab496e6361726e6174696f6e01a44e6f6465a2c3a9");
  const { messages } = decodePacket(bytes, {});
  assert.equal(hex(encodePacket(messages.map(encodeMessage), PLAIN)), hex(bytes));
});

test("bounds on what a packet may unfold to", () => {
  const bomb = compress(new Uint8Array(GOSSIP_LIMITS.packetPlainBytesMax + 1));
  assert.ok(fault("tooLarge")(decodePacket(bomb, {}).refused[0]));
  const bombs = decodePacket(encodePacket([bomb, compress(encodeMessage(nack(1))), encodeMessage(nack(2))], PLAIN), {});
  assert.deepEqual(bombs.messages, [nack(2)], "the allowance is spent, the rest stands");

  let deep = encodeMessage(nack(1));
  for (let depth = 0; depth <= GOSSIP_LIMITS.packetDepthMax; depth++)
    deep = encodePacket([deep, new Uint8Array(0)], PLAIN);
  assert.deepEqual(decodePacket(deep, {}).messages, []);

  const many = encodePacket(new Array(COMPOUND_PARTS_MAX).fill(encodeMessage(nack(1))), PLAIN);
  const most = decodePacket(encodePacket([many, many, many, many, many, many], PLAIN), {});
  assert.equal(most.messages.length, GOSSIP_LIMITS.packetMessagesMax);
  assert.throws(() => decodePacket(new Uint8Array(65_537), {}), fault("tooLarge"));
});

test("a packet under a wrong CRC is dropped whole", () => {
  const bytes = encodePacket([encodeMessage(nack(1))], { ...PLAIN, crc: true });
  assert.deepEqual(decodePacket(bytes, {}).messages, [nack(1)]);
  bytes[bytes.length - 1]! ^= 1;
  assert.throws(() => decodePacket(bytes, {}), fault("checksum"));
});

test("labels: ours or nothing", () => {
  const bytes = encodePacket([encodeMessage(nack(1))], { ...PLAIN, label: "blue" });
  assert.equal(hex(bytes).slice(0, 12), "f404626c7565");
  assert.deepEqual(decodePacket(bytes, { label: "blue" }).messages, [nack(1)]);
  for (const label of [undefined, "", "red"]) assert.throws(() => decodePacket(bytes, { label }), fault("label"));
  assert.throws(() => packet("0b80", { label: "blue" }), fault("label"));
  for (const bad of ["f4", "f400", "f40561", ""]) assert.throws(() => packet(bad), fault("malformed"), bad);
});

test("encryption: either way of verifying, keys in turn, tampering", () => {
  const key = Buffer.alloc(32, 1).toString("base64");
  const encryption = encryptionOf(key, 1, new Uint8Array(12))!;
  const message = encodeMessage(nack(1));
  for (const version of [0, 1] as const) {
    for (const label of ["", "blue"]) {
      const bytes = encodePacket([message], { ...PLAIN, label, encryption: { ...encryption, version } });
      assert.deepEqual(decodePacket(bytes, { label, encryption }).messages, [nack(1)]);
      // Whoever has no key does not take it for a damaged ping.
      assert.throws(() => decodePacket(bytes, { label }), fault("encryption"));
      bytes[bytes.length - 1]! ^= 1;
      assert.throws(() => decodePacket(bytes, { label, encryption }), fault("encryption"));
    }
  }
  assert.throws(() => decodePacket(message, { encryption }), fault("encryption"));
  const lenient = { ...encryption, verifyIncoming: false, verifyOutgoing: false };
  assert.deepEqual(decodePacket(message, { encryption: lenient }).messages, [nack(1)]);
  assert.equal(hex(encodePacket([message], { ...PLAIN, encryption: lenient })), hex(message));
  const other = encryptionOf(Buffer.alloc(16, 2).toString("base64"), 1, new Uint8Array(12))!;
  const bytes = encodePacket([message], { ...PLAIN, encryption: other });
  assert.throws(() => decodePacket(bytes, { encryption }), /No installed keys could decrypt the message/);
  const both = { ...encryption, keyring: encryption.keyring.install(other.keyring.primary) };
  assert.deepEqual(decodePacket(bytes, { encryption: both }).messages, [nack(1)]);
});

test("what a packet may hold", () => {
  const encryption = encryptionOf(Buffer.alloc(16).toString("base64"))!;
  assert.equal(packetBudgetBytes({}), 1_400);
  assert.equal(packetBudgetBytes({ encryption }), 1_400 - 29);
  assert.equal(packetBudgetBytes({ encryption: { ...encryption, version: 0 }, label: "blue" }), 1_400 - 45 - 6);
  assert.equal(packetBudgetBytes({ encryption: { ...encryption, verifyOutgoing: false } }), 1_400);
});

test("damaged packets are refused, or give messages that can be written", () => {
  const rng = seededRng(11);
  const seeds = RECORDED.map((recorded) => ({ bytes: unhex(recorded.hex), security: securityOf(recorded) }));
  const inside = RECORDED.flatMap(({ decoded }) => decoded.plainHex ?? decoded.message.inner?.plainHex ?? []).map(
    unhex,
  );
  for (let round = 0; round < 12_000; round++) {
    const recorded = pick(rng, seeds);
    const [seed, security] = round % 2 === 0 ? [pick(rng, inside), {}] : [recorded.bytes, recorded.security];
    try {
      const { messages } = decodePacket(mutateBytes(rng, seed), security);
      for (const message of messages) assert.deepEqual(decodePacket(encodeMessage(message), {}).messages, [message]);
    } catch (error) {
      assert.ok(error instanceof GossipCodecError, `${String(error)} in round ${round}`);
    }
  }
});
