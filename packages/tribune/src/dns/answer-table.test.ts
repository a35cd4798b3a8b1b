import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeMessage, parseReply } from "../codec/dns-message.ts";
import { nameBytes } from "../codec/dns-name.ts";
import { CLASS_IN, FLAG, TYPE } from "../codec/dns-types.ts";
import { seededRng } from "../lib/random.ts";
import { type AnswerFrame, AnswerTable } from "./answer-table.ts";
import type { ServiceRow } from "./backend.ts";
import { DEFAULT_DNS_OPTIONS } from "./options.ts";
import { type ServiceContext, serviceRecords } from "./records.ts";
import { manyRows, nodeRow, serviceRow, texts } from "./testing.test.support.ts";
import { tcpLimits, trim, udpLimits } from "./trim.ts";
import { Zone } from "./zone.ts";

const NAME = "many.service.consul.";

function context(type: number): ServiceContext {
  return { zone: new Zone(DEFAULT_DNS_OPTIONS), question: { name: NAME, type, class: CLASS_IN }, dc: "dc1", ttl: 3 };
}

function frame(type: number, compress = true): AnswerFrame {
  const head = encodeMessage(
    {
      id: 0,
      flags: FLAG.QR | FLAG.AA,
      question: { name: NAME, type, class: CLASS_IN },
      answers: [],
      authority: [],
      additional: [],
      edns: undefined,
    },
    compress,
  );
  const plain = nameBytes(NAME);
  const owner = compress ? Uint8Array.of(0xc0, 12) : plain;
  return { head, owner, ownerPlainBytes: plain.length, opt: new Uint8Array(0), compress, setTc: true, aRecordLimit: 0 };
}

/** Few nodes, addresses and ports, so that instances coincide in every way. */
const row = fc
  .record({ node: fc.nat(8), own: fc.nat(12), port: fc.nat(3), meta: fc.boolean() })
  .map(({ node, own, port, meta }): ServiceRow => {
    const extra = meta && own > 5 ? { Meta: { rack: "r1", row: "x" } } : {};
    const address = own > 5 ? "" : own > 2 ? `10.9.0.${own}` : `2001:db8::${own}`;
    return serviceRow(nodeRow(`node-${node}`, `10.0.0.${node}`, extra), { Address: address, Port: port });
  });
const limits = fc.oneof(
  fc
    .record({ bytes: fc.constantFrom(0, 512, 600, 1232, 4096), most: fc.nat(8) })
    .map(({ bytes, most }) => udpLimits(bytes, most)),
  fc.constant(tcpLimits(TYPE.SRV)),
);

/** Records of one length each, so that it does not matter which of them are drawn. */
function sameLengthRows(count: number): ServiceRow[] {
  return manyRows(count).map((row, index) => ({ ...row, Node: { ...row.Node, Node: `n${100 + index}` } }));
}
const isUniform = (rows: readonly ServiceRow[]): boolean => rows.every(({ Node }) => /^n\d{3}$/.test(Node.Node));

test("holds the same records as the general way, in the same number, and never more bytes than allowed", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.array(row, { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 100 }).map(sameLengthRows)),
      fc.constantFrom(TYPE.A, TYPE.AAAA, TYPE.SRV, TYPE.ANY),
      limits,
      fc.boolean(),
      fc.integer(),
      (rows, type, limit, compress, seed) => {
        const table = AnswerTable.build(rows, context(type));
        assert.ok(table);
        const bytes = table.answer(0xabcd, frame(type, compress), limit, seededRng(seed));
        if (bytes === undefined || table.count === 0) return;
        const got = parseReply(bytes);
        assert.ok(got, Buffer.from(bytes).toString("hex"));
        assert.equal(got.id, 0xabcd);
        assert.ok(got.answers.length <= 1 || bytes.length <= limit.bytesMax);

        const records = serviceRecords(rows, context(type), new Map(), false);
        const known = new Set([...texts(records.answers), ...texts(records.additional)]);
        for (const text of [...texts(got.answers), ...texts(got.additional)]) assert.ok(known.has(text), text);
        // Two nodes may share a service address: then their SRV records look alike.
        if (type !== TYPE.SRV) assert.equal(new Set(texts(got.answers)).size, got.answers.length);

        // The general way, given the drawn instances first, cuts at the same place; or later, when the next one drawn
        // was too long and the one that happens to stand there now is not.
        const order = new Map(texts(got.answers).map((text, index) => [text, index]));
        const answers = [...records.answers].sort(
          (a, b) => (order.get(texts([a])[0] as string) ?? 999) - (order.get(texts([b])[0] as string) ?? 999),
        );
        const question = { name: NAME, type, class: CLASS_IN };
        const whole = {
          id: 0,
          flags: 0,
          question,
          answers,
          authority: [],
          additional: records.additional,
          edns: undefined,
        };
        const general = trim(whole, limit, compress).message;
        // Records that look alike cannot be given to it in the drawn order: theirs are not compared.
        const alike = new Set(texts(records.answers)).size < records.answers.length;
        if (!alike && got.answers.length > 0 && general.answers.length > 0) {
          if (isUniform(rows)) assert.equal(got.answers.length, general.answers.length);
          else assert.ok(got.answers.length <= general.answers.length);
          assert.equal((got.flags & FLAG.TC) !== 0, got.answers.length < answers.length);
        }
        for (const { data } of got.answers) {
          if (data.kind !== "srv") continue;
          assert.ok(got.additional.some((extra) => extra.name.toLowerCase() === data.target.toLowerCase()));
        }
      },
    ),
    { numRuns: 400 },
  );
});

test("every instance turns up, in every place, about equally often", () => {
  const table = AnswerTable.build(manyRows(10), context(TYPE.A));
  assert.ok(table);
  const rng = seededRng(5);
  const seen = new Map<string, number>();
  const rounds = 6000;
  for (let round = 0; round < rounds; round++) {
    const reply = parseReply(table.answer(0, frame(TYPE.A), udpLimits(0, 3), rng) as Uint8Array);
    for (const [place, text] of texts(reply?.answers ?? []).entries()) {
      seen.set(`${place} ${text}`, (seen.get(`${place} ${text}`) ?? 0) + 1);
    }
  }
  assert.equal(seen.size, 3 * 10);
  // Six standard deviations of a binomial with p = 1/10.
  const spread = 6 * Math.sqrt(rounds * 0.1 * 0.9);
  for (const [place, count] of seen) assert.ok(Math.abs(count - rounds / 10) < spread, `${place}: ${count}`);
});

test("over TCP, SRV answers fill 64 KiB and no more, with every target's address", () => {
  const rows = manyRows(2000).map((row, index) =>
    serviceRow(nodeRow(`a-rather-long-name-of-a-node-${index}`, row.Node.Address), row.Service),
  );
  const table = AnswerTable.build(rows, context(TYPE.SRV));
  for (const compress of [true, false]) {
    const bytes = table?.answer(0, frame(TYPE.SRV, compress), tcpLimits(TYPE.SRV), seededRng(3));
    assert.ok(bytes && bytes.length <= 65_523 && bytes.length > 65_000, String(bytes?.length));
    const reply = parseReply(bytes);
    assert.ok(reply);
    assert.equal(reply.additional.length, reply.answers.length);
    const addresses = new Set(reply.additional.map(({ name }) => name));
    for (const { data } of reply.answers) assert.ok(data.kind === "srv" && addresses.has(data.target));
  }
});

test("an instance with a host name as address has no table", () => {
  const rows = [...manyRows(3), serviceRow(nodeRow("x", "10.0.0.9"), { Address: "db.example.com" })];
  assert.equal(AnswerTable.build(rows, context(TYPE.A)), undefined);
});

test("an instance whose names do not fit into DNS is left out", () => {
  const rows = [...manyRows(2), serviceRow(nodeRow("x".repeat(64), "10.0.0.9"))];
  assert.equal(AnswerTable.build(rows, context(TYPE.SRV))?.count, 2);
});
