import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { seededRng } from "../lib/random.ts";
import { encodeEdns } from "./dns-message.ts";
import { nameBytes } from "./dns-name.ts";
import { type DnsRequest, parseRequest } from "./dns-question.ts";

const oracle = createRequire(import.meta.url)("dns-packet") as {
  encode(packet: object): Buffer;
};

/** ID 0x0102, flags, counts, then the rest as hex. */
function packet(flags: string, counts: string, rest: string): Buffer {
  return Buffer.from(`0102${flags}${counts}${rest}`, "hex");
}
const FOO = `${Buffer.from(nameBytes("foo.consul.")).toString("hex")}00010001`;

function request(bytes: Uint8Array): DnsRequest {
  const parsed = parseRequest(bytes);
  assert.equal(parsed.type, "request");
  return (parsed as { request: DnsRequest }).request;
}

/** Hex of the reply's header behind the ID, and whether the question is echoed. */
function rejection(bytes: Uint8Array): string {
  const parsed = parseRequest(bytes);
  assert.equal(parsed.type, "reject");
  return Buffer.from((parsed as { reply: Uint8Array }).reply.subarray(2, 6)).toString("hex");
}

test("reads what another codec writes", () => {
  const bytes = oracle.encode({
    type: "query",
    id: 77,
    flags: 0x0100,
    questions: [{ type: "SRV", name: "Db.Service.Consul" }],
    additionals: [
      {
        type: "OPT",
        name: ".",
        udpPayloadSize: 1232,
        options: [{ code: "CLIENT_SUBNET", ip: "198.51.100.77", sourcePrefixLength: 22 }],
      },
    ],
  });
  assert.deepEqual(request(bytes), {
    id: 77,
    flags: 0x0100,
    question: { name: "Db.Service.Consul.", type: 33, class: 1 },
    edns: { udpBytes: 1232, subnet: { family: 1, sourcePrefix: 22, address: Uint8Array.of(198, 51, 100) } },
  });
});

test("silence for what is no request or cannot be answered", () => {
  for (const hex of ["", "00", "010201000001"]) assert.equal(parseRequest(Buffer.from(hex, "hex")).type, "drop");
  assert.equal(parseRequest(packet("8100", "0001000000000000", FOO)).type, "drop");
});

test("sections that announce too much, or the wrong opcode, are rejected before they are read", () => {
  for (const counts of [
    "0000000000000000",
    "0002000000000000",
    "0001000200000000",
    "0001000000020000",
    "0001000000000003",
  ]) {
    assert.equal(rejection(packet("0100", counts, FOO)), "81010000", counts);
  }
  assert.equal(rejection(packet("1110", "0001000000000000", FOO)), "91140000");
});

test("a question may end early at a border, and the missing parts read as 0", () => {
  const name = Buffer.from(nameBytes("foo.consul.")).toString("hex");
  const question = (rest: string): unknown => request(packet("0100", "0001000000000000", name + rest)).question;
  assert.deepEqual(question(""), { name: "foo.consul.", type: 0, class: 0 });
  assert.deepEqual(question("0001"), { name: "foo.consul.", type: 1, class: 0 });
  assert.deepEqual(question("000100"), { name: "foo.consul.", type: 1, class: 0 });
  assert.equal(rejection(packet("0100", "0001000000000000", `${name}00`)), "81010000");
  assert.equal(request(packet("0100", "0001000000000000", "")).question, undefined);
});

test("a malformed additional record is rejected with the question echoed", () => {
  const opt = (data: string): string => `000029040000000000${(data.length / 2).toString(16).padStart(4, "0")}${data}`;
  for (const data of ["0008000800070918c6336400", "000800020001", "0008000400012100", "00080004", "000300ff"]) {
    assert.equal(rejection(packet("0100", "0001000000000001", FOO + opt(data))), "81010001", data);
  }
  const cut = packet("0100", "0001000000000001", `${FOO}00002904`);
  assert.equal(rejection(cut), "81010001");
});

test("an announced record that is not there is no fault", () => {
  assert.equal(request(packet("0100", "0001000000000001", FOO)).edns, undefined);
});

test("the subnet is echoed as its prefix only", () => {
  const subnet = { family: 1, sourcePrefix: 20, address: Uint8Array.of(198, 51, 0xff) };
  const opt = Buffer.from(encodeEdns({ udpBytes: 512, subnet, scopePrefix: 0 })).toString("hex");
  const { edns } = request(packet("0100", "0001000000000001", FOO + opt));
  assert.deepEqual(edns?.subnet?.address, Uint8Array.of(198, 51, 0xf0));
});

test("damaged packets are read, rejected or dropped, never thrown about", () => {
  const rng = seededRng(20_240_601);
  const subnet = { family: 2, sourcePrefix: 56, address: new Uint8Array(7) };
  const opt = Buffer.from(encodeEdns({ udpBytes: 4096, subnet, scopePrefix: 0 })).toString("hex");
  const whole = packet("0100", "0001000000000001", FOO + opt);
  const seen = new Set<string>();
  for (let round = 0; round < 50_000; round++) {
    const damaged = Buffer.from(whole.subarray(0, Math.ceil(rng.next() * whole.length * 1.3)));
    for (let flips = Math.floor(rng.next() * 6); flips > 0; flips--) {
      damaged[Math.floor(rng.next() * damaged.length)] = Math.floor(rng.next() * 256);
    }
    seen.add(parseRequest(damaged).type);
  }
  assert.deepEqual([...seen].sort(), ["drop", "reject", "request"]);
});
