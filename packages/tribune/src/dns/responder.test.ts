import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReply } from "../codec/dns-message.ts";
import { FLAG, RCODE } from "../codec/dns-types.ts";
import { seededRng } from "../lib/random.ts";
import {
  ask,
  fakeBackend,
  manyRows,
  nodeRow,
  question,
  responder,
  serviceRow,
  texts,
  WALL_MS,
} from "./testing.test.support.ts";

const SOA = `consul. 0 SOA ns.consul. hostmaster.consul. ${WALL_MS / 1000} 3600 600 86400 0`;
const foo = nodeRow("foo", "10.1.0.1", { Meta: { key: "value" } });

function small(late = false): ReturnType<typeof fakeBackend> {
  const backend = fakeBackend(late);
  backend.nodes.set("foo", foo);
  backend.services.set("db", [
    serviceRow(foo, { Service: "db", Port: 5432, Weights: { Passing: 7, Warning: 2 } }),
    serviceRow(nodeRow("bar", "10.1.0.2"), { Service: "db", Address: "10.9.0.2", Port: 5433 }, "warning"),
    serviceRow(nodeRow("baz", "10.1.0.3"), { Service: "db" }, "critical"),
  ]);
  backend.services.set("primary.db", [serviceRow(foo, { Service: "db" })]);
  backend.services.set("db!connect", [serviceRow(foo, { Service: "proxy", Port: 21000 })]);
  backend.services.set("consul", [serviceRow(nodeRow("Server-1", "10.0.0.1"), { Service: "consul" })]);
  backend.services.set("loop", [serviceRow(foo, { Address: "loop.service.consul" })]);
  return backend;
}

for (const late of [false, true]) {
  const how = late ? "a backend that answers later" : "a backend that answers at once";

  test(`service addresses from ${how}`, async () => {
    const reply = await ask(responder(small(late)), question("DB.Service.Consul.", "A"));
    assert.equal(reply.id, 4711);
    assert.equal(reply.flags, FLAG.QR | FLAG.AA | FLAG.RD);
    assert.deepEqual(texts(reply.answers).sort(), [
      "DB.Service.Consul. 0 A 10.1.0.1",
      "DB.Service.Consul. 0 A 10.9.0.2",
    ]);
  });

  test(`SRV with weights, targets and their addresses from ${how}`, async () => {
    const reply = await ask(responder(small(late)), question("db.service.consul.", "SRV"));
    assert.deepEqual(texts(reply.answers).sort(), [
      "db.service.consul. 0 SRV 1 1 5433 0a090002.addr.dc1.consul.",
      "db.service.consul. 0 SRV 1 7 5432 foo.node.dc1.consul.",
    ]);
    assert.deepEqual(texts(reply.additional).sort(), [
      "0a090002.addr.dc1.consul. 0 A 10.9.0.2",
      "foo.node.dc1.consul. 0 A 10.1.0.1",
      "foo.node.dc1.consul. 0 TXT key=value",
    ]);
  });

  test(`what is not there, from ${how}`, async () => {
    const server = responder(small(late));
    const missing = await ask(server, question("none.service.consul.", "A"));
    assert.equal(missing.flags & 15, RCODE.NXDOMAIN);
    assert.deepEqual(texts(missing.authority), [SOA]);
    const noData = await ask(server, question("db.service.consul.", "AAAA"));
    assert.equal(noData.flags & 15, RCODE.NOERROR);
    assert.deepEqual(texts(noData.authority), [SOA]);
    const noQuery = await ask(server, question("none.query.consul.", "A"));
    assert.equal(noQuery.flags & 15, RCODE.NXDOMAIN);
  });

  test(`datacenters out of reach and failures, with ${how}`, async () => {
    const server = responder(small(late));
    assert.equal((await ask(server, question("db.service.nodc.consul.", "A"))).flags & 15, RCODE.NXDOMAIN);
    assert.equal((await ask(server, question("db.service.broken.consul.", "A"))).flags & 15, RCODE.SERVFAIL);
  });
}

test("the grammar of names", async () => {
  const server = responder(small());
  for (const [name, expected] of [
    ["primary.db.service.consul.", "A 10.1.0.1"],
    ["_db._primary.service.consul.", "A 10.1.0.1"],
    ["_db._tcp.service.dc1.consul.", "A 10.1.0.1,A 10.9.0.2"],
    ["db.connect.consul.", "A 10.1.0.1"],
    ["any.db.connect.consul.", "A 10.1.0.1"],
    ["db.service.dc1.more.consul.", ""],
    ["service.consul.", ""],
    ["0a000001.addr.consul.", "A 10.0.0.1"],
    ["0a0000zz.addr.consul.", ""],
    ["foo.node.dc1.consul.", "A 10.1.0.1"],
  ] as const) {
    const reply = await ask(server, question(name, "A"));
    const found = texts(reply.answers).map((text) => text.split(" ").slice(2).join(" "));
    assert.equal(found.sort().join(), expected, name);
  }
});

test("node answers carry metadata and are remembered until the node changes", async () => {
  const backend = small();
  const server = responder(backend, { nodeTtlMs: 11_000 });
  for (const id of [1, 2]) {
    const reply = await ask(server, question("foo.node.consul.", "A", 0, id));
    assert.equal(reply.id, id);
    assert.deepEqual(texts(reply.answers), ["foo.node.consul. 11 A 10.1.0.1"]);
    assert.deepEqual(texts(reply.additional), ["foo.node.consul. 11 TXT key=value"]);
  }
  backend.nodes.set("foo", nodeRow("foo", "10.1.0.9"));
  assert.deepEqual(texts((await ask(server, question("foo.node.consul.", "A"))).answers), [
    "foo.node.consul. 11 A 10.1.0.9",
  ]);
});

test("a service change shows in the next answer", async () => {
  const backend = small();
  const server = responder(backend);
  await ask(server, question("db.service.consul.", "A"));
  backend.services.set("db", [serviceRow(nodeRow("new", "10.1.0.77"))]);
  assert.deepEqual(texts((await ask(server, question("db.service.consul.", "A"))).answers), [
    "db.service.consul. 0 A 10.1.0.77",
  ]);
});

test("zone questions: SOA with name servers, NS, AXFR, whatever the name", async () => {
  const server = responder(small());
  const soa = await ask(server, question("any.thing.consul.", "SOA"));
  assert.deepEqual(texts(soa.answers), [SOA]);
  assert.deepEqual(texts(soa.authority), ["consul. 0 NS server-1.node.dc1.consul."]);
  assert.deepEqual(texts(soa.additional), ["server-1.node.dc1.consul. 0 A 10.0.0.1"]);
  assert.equal((await ask(server, question("consul.", "AXFR"))).flags & 15, RCODE.NOTIMP);
});

test("names outside of the zone are refused without recursors", async () => {
  const reply = await ask(responder(small()), question("www.example.com.", "A"));
  assert.equal(reply.flags, FLAG.QR | FLAG.RD | RCODE.REFUSED);
});

test("the second domain is answered with names of the first", async () => {
  const server = responder(small(), { altDomain: "alt.consul" });
  const reply = await ask(server, question("db.service.alt.consul.", "SRV"));
  assert.ok(texts(reply.answers).some((text) => text === "db.service.alt.consul. 0 SRV 1 7 5432 foo.node.dc1.consul."));
});

test("reverse names: nodes, then services, then SERVFAIL where nobody can be asked", async () => {
  const server = responder(small());
  const targets = async (name: string): Promise<string[]> => texts((await ask(server, question(name, "PTR"))).answers);
  assert.deepEqual(await targets("1.0.1.10.in-addr.arpa."), ["1.0.1.10.in-addr.arpa. 0 PTR foo.node.dc1.consul."]);
  assert.deepEqual(await targets("2.0.9.10.in-addr.arpa."), ["2.0.9.10.in-addr.arpa. 0 PTR db.service.dc1.consul."]);
  const unknown = await ask(server, question("9.9.9.10.in-addr.arpa.", "PTR"));
  assert.equal(unknown.flags, FLAG.QR | FLAG.RD | FLAG.RA | RCODE.SERVFAIL);
});

test("prepared queries keep the order and may set the TTL", async () => {
  const backend = small();
  const rows = manyRows(3);
  backend.queries.set("q", { rows, service: "s", dc: "dc1", ttlMs: 17_000 });
  const server = responder(backend, { serviceTtlMs: { s: 5000 } });
  const expected = ["10.0.0.0", "10.0.0.1", "10.0.0.2"].map((ip) => `q.query.consul. 17 A ${ip}`);
  assert.deepEqual(texts((await ask(server, question("q.query.consul.", "A"))).answers), expected);
  backend.queries.set("q", { rows, service: "s", dc: "dc1", ttlMs: undefined });
  assert.equal((await ask(server, question("q.query.consul.", "A"))).answers[0]?.ttl, 5);
});

test("an alias for the name itself gives the node; other circles end", async () => {
  const backend = small();
  backend.services.set("a", [serviceRow(foo, { Address: "b.service.consul" })]);
  backend.services.set("b", [serviceRow(foo, { Address: "a.service.consul" })]);
  const server = responder(backend);
  assert.deepEqual(texts((await ask(server, question("loop.service.consul.", "A"))).answers), [
    "loop.service.consul. 0 A 10.1.0.1",
  ]);
  const circle = await ask(server, question("a.service.consul.", "A"), "tcp");
  assert.deepEqual(texts(circle.answers), [
    "a.service.consul. 0 CNAME b.service.consul.",
    "b.service.consul. 0 CNAME a.service.consul.",
    "a.service.consul. 0 CNAME b.service.consul.",
    "b.service.consul. 0 CNAME a.service.consul.",
  ]);
});

test("TTLs by service: exact, longest prefix, star", async () => {
  const backend = fakeBackend();
  for (const name of ["db", "db-x", "db-main", "api"]) backend.services.set(name, manyRows(1));
  const server = responder(backend, { serviceTtlMs: { "*": 5000, "db*": 6000, "db-m*": 7000, db: 1500 } });
  for (const [name, ttl] of [
    ["db", 1],
    ["db-x", 6],
    ["db-main", 7],
    ["api", 5],
  ] as const) {
    assert.equal((await ask(server, question(`${name}.service.consul.`, "A"))).answers[0]?.ttl, ttl, name);
  }
});

test("limits of number: UDP without EDNS, a_record_limit, TC only when asked for", async () => {
  const backend = fakeBackend();
  backend.services.set("many", manyRows(40));
  const count = async (options: object, packet: Uint8Array, transport: "udp" | "tcp" = "udp"): Promise<string> => {
    const reply = await ask(responder(backend, options), packet, transport);
    return `${reply.answers.length}${(reply.flags & FLAG.TC) === 0 ? "" : " cut"}`;
  };
  const plain = question("many.service.consul.", "A");
  const edns = question("many.service.consul.", "A", 4096);
  assert.equal(await count({}, plain), "3");
  assert.equal(await count({ enableTruncate: true }, plain), "3 cut");
  assert.equal(await count({ udpAnswerLimit: 25, enableTruncate: true }, plain), "8 cut");
  assert.equal(await count({ enableTruncate: true }, edns), "40");
  assert.equal(await count({ aRecordLimit: 2, enableTruncate: true }, edns), "2");
  assert.equal(await count({ aRecordLimit: 2 }, question("many.service.consul.", "SRV", 8192)), "40");
  assert.equal(await count({ enableTruncate: true }, plain, "tcp"), "40");
});

test("only_passing", async () => {
  const reply = await ask(responder(small(), { onlyPassing: true }), question("db.service.consul.", "A"));
  assert.deepEqual(texts(reply.answers), ["db.service.consul. 0 A 10.1.0.1"]);
});

test("damaged packets get a readable reply or none, and leave the server sane", async () => {
  const backend = small();
  backend.services.set("many", manyRows(30));
  const server = responder(backend);
  const rng = seededRng(99);
  const wholes = [
    question("many.service.consul.", "SRV", 1232),
    question("db.service.consul.", "A"),
    question("foo.node.consul.", "ANY", 512),
    question("1.0.1.10.in-addr.arpa.", "PTR"),
    question("consul.", "SOA"),
  ];
  for (let round = 0; round < 20_000; round++) {
    const whole = wholes[round % wholes.length] as Uint8Array;
    const damaged = Buffer.from(
      whole.subarray(0, rng.next() < 0.7 ? whole.length : Math.ceil(rng.next() * whole.length)),
    );
    for (let flips = Math.floor(rng.next() * 4); flips > 0; flips--) {
      damaged[Math.floor(rng.next() * damaged.length)] = Math.floor(rng.next() * 256);
    }
    const reply = await server.respond(damaged, round % 2 === 0 ? "udp" : "tcp", "192.0.2.1");
    if (reply === undefined) continue;
    // A question cut off in its type or class is echoed with zeros, so every reply can be read.
    assert.ok(parseReply(reply), damaged.toString("hex"));
  }
  assert.equal((await ask(server, question("db.service.consul.", "A"))).answers.length, 2);
});
