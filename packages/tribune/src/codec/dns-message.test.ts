import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import fc from "fast-check";
import { seededRng } from "../lib/random.ts";
import { encodeMessage, parseReply } from "./dns-message.ts";
import { CLASS_IN, type DnsMessage, type DnsRecord, type RecordData, TYPE } from "./dns-types.ts";

/** An independent codec (it ships no types). */
const oracle = createRequire(import.meta.url)("dns-packet") as {
  // biome-ignore lint/suspicious/noExplicitAny: whatever it found
  decode(bytes: Uint8Array): any;
};

const label = fc.stringMatching(/^[a-zA-Z0-9_-]{1,12}$/);
const name = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => `${labels.join(".")}.`);
const word = fc.nat(0xffff);
const long = fc.nat(0xffffffff);

const typed = (type: number, data: fc.Arbitrary<RecordData>): fc.Arbitrary<DnsRecord> =>
  fc.record({ name, type: fc.constant(type), class: fc.constant(CLASS_IN), ttl: long, data });
const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const target = name.map((target): RecordData => ({ kind: "name", target }));
const record = fc.oneof(
  typed(
    TYPE.A,
    bytes(4).map((b): RecordData => ({ kind: "address", bytes: b })),
  ),
  typed(
    TYPE.AAAA,
    bytes(16).map((b): RecordData => ({ kind: "address", bytes: b })),
  ),
  typed(TYPE.CNAME, target),
  typed(TYPE.NS, target),
  typed(TYPE.PTR, target),
  typed(TYPE.MX, fc.record({ kind: fc.constant("mx"), preference: word, exchange: name })),
  typed(TYPE.SRV, fc.record({ kind: fc.constant("srv"), priority: word, weight: word, port: word, target: name })),
  typed(
    TYPE.SOA,
    fc.record({
      kind: fc.constant("soa"),
      primary: name,
      mailbox: name,
      serial: long,
      refresh: long,
      retry: long,
      expire: long,
      minTtl: long,
    }),
  ),
  typed(
    TYPE.TXT,
    fc
      .array(fc.uint8Array({ maxLength: 255 }), { minLength: 1, maxLength: 3 })
      .map((strings): RecordData => ({ kind: "txt", strings })),
  ),
  typed(
    65,
    fc.uint8Array({ maxLength: 40 }).map((b): RecordData => ({ kind: "raw", bytes: b })),
  ),
);
const records = fc.array(record, { maxLength: 12 });
const message: fc.Arbitrary<DnsMessage> = fc.record({
  id: word,
  flags: fc.constant(0x8580),
  question: fc.record({ name, type: word, class: fc.constant(CLASS_IN) }),
  answers: records,
  authority: records,
  additional: records,
  edns: fc.constant(undefined),
});

test("what is written is read back the same, compressed or not", () => {
  fc.assert(
    fc.property(message, fc.boolean(), (written, compress) => {
      const { edns: _, ...expected } = written;
      assert.deepEqual(JSON.stringify(parseReply(encodeMessage(written, compress))), JSON.stringify(sorted(expected)));
    }),
  );
});

/** Field order as parseReply gives it: deepEqual on typed arrays and Buffers would compare prototypes. */
function sorted({ id, flags, question, answers, authority, additional }: Omit<DnsMessage, "edns">): unknown {
  return { id, flags, question, answers, authority, additional };
}

test("an independent codec reads the same names, addresses and targets", () => {
  fc.assert(
    fc.property(message, fc.boolean(), (written, compress) => {
      const read = oracle.decode(Buffer.from(encodeMessage(written, compress)));
      assert.equal(read.id, written.id);
      assert.equal(`${read.questions[0].name}.`, written.question?.name);
      for (const [index, own] of written.answers.entries()) {
        const theirs = read.answers[index];
        assert.equal(`${theirs.name}.`, own.name);
        assert.equal(theirs.ttl, own.ttl);
        if (own.type === TYPE.A && own.data.kind === "address") assert.equal(theirs.data, own.data.bytes.join("."));
        if (own.data.kind === "name") assert.equal(`${theirs.data}.`, own.data.target);
        if (own.data.kind === "srv") assert.equal(`${theirs.data.target}.`, own.data.target);
        if (own.data.kind === "soa") assert.equal(theirs.data.serial, own.data.serial);
      }
    }),
  );
});

test("golden bytes: three addresses of one name share it by pointer", () => {
  const question = { name: "db.service.consul.", type: TYPE.A, class: CLASS_IN };
  const answers = [1, 2, 3].map((last): DnsRecord => {
    return {
      name: question.name,
      type: TYPE.A,
      class: CLASS_IN,
      ttl: 0,
      data: { kind: "address", bytes: Uint8Array.of(10, 0, 0, last) },
    };
  });
  const encoded = encodeMessage(
    { id: 0x1234, flags: 0x8500, question, answers, authority: [], additional: [], edns: undefined },
    true,
  );
  const owner = "c00c000100010000000000040a0000";
  assert.equal(
    Buffer.from(encoded).toString("hex"),
    `123485000001000300000000026462077365727669636506636f6e73756c0000010001${owner}01${owner}02${owner}03`,
  );
});

test("an SRV target is written in full and may be pointed at", () => {
  const srv: DnsRecord = {
    name: "db.consul.",
    type: TYPE.SRV,
    class: CLASS_IN,
    ttl: 0,
    data: { kind: "srv", priority: 1, weight: 1, port: 80, target: "n.db.consul." },
  };
  const glue: DnsRecord = {
    ...srv,
    name: "n.db.consul.",
    type: TYPE.A,
    data: { kind: "address", bytes: new Uint8Array(4) },
  };
  const encoded = Buffer.from(
    encodeMessage(
      {
        id: 0,
        flags: 0x8000,
        question: { name: "db.consul.", type: TYPE.SRV, class: CLASS_IN },
        answers: [srv],
        authority: [],
        additional: [glue],
        edns: undefined,
      },
      true,
    ),
  );
  assert.equal(encoded.indexOf("\x01n\x02db\x06consul\x00"), 12 + 15 + 18);
  assert.equal(encoded.readUInt16BE(encoded.length - 16), 0xc000 | (12 + 15 + 18));
});

test("damaged replies are read or refused, never thrown about", () => {
  const rng = seededRng(7);
  const [sample] = fc.sample(message, { numRuns: 1, seed: 11 }) as [DnsMessage];
  const whole = encodeMessage(sample, true);
  for (let round = 0; round < 20_000; round++) {
    const damaged = Buffer.from(whole.subarray(0, Math.ceil(rng.next() * whole.length)));
    for (let flips = Math.floor(rng.next() * 8); flips > 0; flips--) {
      damaged[Math.floor(rng.next() * damaged.length)] = Math.floor(rng.next() * 256);
    }
    parseReply(damaged);
  }
});
