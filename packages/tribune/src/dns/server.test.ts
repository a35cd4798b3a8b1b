import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { test } from "node:test";
import { type DnsReply, encodeMessage, parseReply } from "../codec/dns-message.ts";
import { parseRequest } from "../codec/dns-question.ts";
import { CLASS_IN, type DnsRecord, FLAG, RCODE, TYPE } from "../codec/dns-types.ts";
import type { Network, Stream } from "../lib/runtime.ts";
import { nodeRuntime } from "../net/node-runtime.ts";
import { bindBoth, type Sockets } from "../net/tcp-and-udp.ts";
import type { DnsBackend } from "./backend.ts";
import { DEFAULT_DNS_OPTIONS, type DnsOptions } from "./options.ts";
import { type DnsAddress, DnsServer } from "./server.ts";
import { TcpFrames, tcpFrame } from "./tcp-frames.ts";
import { fakeBackend, manyRows, nodeRow, question, serviceRow, texts } from "./testing.test.support.ts";

const HOST = "127.0.0.1";
const runtime = nodeRuntime();

async function withServer(
  backend: DnsBackend,
  options: Partial<DnsOptions>,
  run: (address: DnsAddress, server: DnsServer) => Promise<void>,
): Promise<void> {
  const server = new DnsServer({ ...DEFAULT_DNS_OPTIONS, ...options }, { runtime, backend });
  const [address] = await server.start([{ host: HOST, port: 0 }]);
  try {
    await run(address as DnsAddress, server);
  } finally {
    await server.stop();
  }
}

function read(bytes: Uint8Array): DnsReply {
  const reply = parseReply(bytes);
  assert.ok(reply);
  return reply;
}

function overUdp({ host, port }: DnsAddress, packet: Uint8Array): Promise<DnsReply> {
  const socket = createSocket("udp4");
  return new Promise<Uint8Array>((resolve, reject) => {
    socket.once("error", reject);
    socket.once("message", resolve);
    socket.send(packet, port, host);
  })
    .finally(() => socket.close())
    .then(read);
}

function overTcp({ host, port }: DnsAddress, ...packets: Uint8Array[]): Promise<DnsReply[]> {
  const frames = new TcpFrames();
  const replies: DnsReply[] = [];
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => {
      for (const packet of packets) socket.write(tcpFrame(packet) as Uint8Array);
    });
    socket.once("error", reject);
    socket.on("data", (chunk) => {
      frames.push(chunk);
      for (let message = frames.next(); message !== undefined; message = frames.next()) replies.push(read(message));
      if (replies.length < packets.length) return;
      socket.destroy();
      resolve(replies);
    });
  });
}

test("the same names over UDP and TCP, on every address", async () => {
  const backend = fakeBackend();
  backend.services.set("many", manyRows(300));
  const server = new DnsServer(DEFAULT_DNS_OPTIONS, { runtime, backend });
  const addresses = await server.start([
    { host: HOST, port: 0 },
    { host: "127.0.0.2", port: 0 },
  ]);
  try {
    for (const address of addresses) {
      assert.equal((await overUdp(address, question("many.service.consul.", "A"))).answers.length, 3);
      const [first, second] = await overTcp(
        address,
        question("many.service.consul.", "A", 0, 1),
        question("none.service.consul.", "A", 0, 2),
      );
      assert.equal(first?.answers.length, 300);
      assert.deepEqual([second?.id, (second?.flags ?? 0) & 15], [2, RCODE.NXDOMAIN]);
    }
  } finally {
    await server.stop();
  }
});

test("a port that the system chose is another one where its UDP half is taken", async () => {
  const tried: number[] = [];
  const network: Network = {
    ...runtime.network,
    async bindUdp(host, port, onPacket) {
      tried.push(port);
      if (tried.length === 1) throw Object.assign(new Error("taken"), { code: "EADDRINUSE" });
      return runtime.network.bindUdp(host, port, onPacket);
    },
  };
  const server = new DnsServer(DEFAULT_DNS_OPTIONS, { runtime: { ...runtime, network }, backend: fakeBackend() });
  const [address] = await server.start([{ host: HOST, port: 0 }]);
  try {
    assert.equal(address?.port, tried.at(-1));
    const none = question("none.service.consul.", "A");
    assert.equal((await overUdp(address as DnsAddress, none)).flags & 15, RCODE.NXDOMAIN);
    assert.equal((await overTcp(address as DnsAddress, none)).length, 1);
  } finally {
    await server.stop();
  }
});

test("an address that cannot be bound leaves nothing open", async () => {
  await withServer(fakeBackend(), {}, async (taken) => {
    const second = new DnsServer(DEFAULT_DNS_OPTIONS, { runtime, backend: fakeBackend() });
    await assert.rejects(second.start([{ host: HOST, port: 0 }, taken]), { code: "EADDRINUSE" });
  });
});

test("a reload holds from the next question on; a bad one changes nothing", async () => {
  const backend = fakeBackend();
  backend.services.set("db", manyRows(1));
  await withServer(backend, {}, async (address, server) => {
    const ttl = async (): Promise<number | undefined> =>
      (await overUdp(address, question("db.service.consul.", "A"))).answers[0]?.ttl;
    assert.equal(await ttl(), 0);
    server.reload({ ...DEFAULT_DNS_OPTIONS, serviceTtlMs: { "*": 41_000 } });
    assert.equal(await ttl(), 41);
    assert.throws(() => server.reload({ ...DEFAULT_DNS_OPTIONS, recursors: ["nobody"] }), /Invalid recursor address/);
    assert.equal(await ttl(), 41);
  });
});

/** An upstream resolver on UDP and TCP; what it does is said by the first label of the name. */
async function withUpstream(run: (address: string, asked: string[]) => Promise<void>): Promise<void> {
  const asked: string[] = [];
  const answer = (packet: Uint8Array, transport: string): Uint8Array[] => {
    const parsed = parseRequest(packet);
    assert.equal(parsed.type, "request");
    const { id, question: about } = (
      parsed as { request: { id: number; question: { name: string; type: number; class: number } } }
    ).request;
    asked.push(`${transport} ${about.name}`);
    const record = (name: string, last: number): DnsRecord => {
      return {
        name,
        type: TYPE.A,
        class: CLASS_IN,
        ttl: 300,
        data: { kind: "address", bytes: Uint8Array.of(192, 0, 2, last) },
      };
    };
    const reply = (last: number, rcode = 0, fromId = id, name = about.name): Uint8Array =>
      encodeMessage(
        {
          id: fromId,
          flags: FLAG.QR | FLAG.RD | FLAG.RA | rcode,
          question: { ...about, name },
          answers: rcode === 0 ? [record(about.name, last)] : [],
          authority: [],
          additional: [],
          edns: undefined,
        },
        true,
      );
    switch (about.name.split(".")[0]) {
      case "refused":
        return [reply(0, RCODE.REFUSED)];
      case "nx":
        return [reply(0, RCODE.NXDOMAIN)];
      case "silent":
        return [];
      case "junk":
        return [Uint8Array.of(id >> 8, id & 255, 0x81)];
      case "forged":
        return [reply(66, 0, id ^ 1), reply(1)];
      case "other":
        return [reply(66, 0, id, "evil.test.")];
      default:
        return [reply(1)];
    }
  };
  const onStream = (stream: Stream): void => {
    const frames = new TcpFrames();
    stream.onData = (chunk) => {
      frames.push(chunk);
      const message = frames.next();
      if (message !== undefined)
        for (const bytes of answer(message, "tcp")) stream.write(tcpFrame(bytes) as Uint8Array);
    };
    stream.onEnd = () => stream.end();
  };
  const upstream: Sockets = await bindBoth(runtime.network, { host: HOST, port: 0 }, onStream, (packet, port, host) => {
    for (const bytes of answer(packet, "udp")) upstream.udp.send(bytes, port, host);
  });
  try {
    await run(`${HOST}:${upstream.tcp.address.port}`, asked);
  } finally {
    await Promise.all([upstream.tcp.close(), upstream.udp.close()]);
  }
}

test("what is not ours is forwarded, over the client's transport, and comes back with its ID", async () => {
  await withUpstream(async (upstream, asked) => {
    await withServer(fakeBackend(), { recursors: [upstream] }, async (address) => {
      const reply = await overUdp(address, question("www.test.", "A", 0, 99));
      assert.deepEqual(
        [reply.id, reply.flags, texts(reply.answers)],
        [99, FLAG.QR | FLAG.RD | FLAG.RA, ["www.test. 300 A 192.0.2.1"]],
      );
      const [late] = await overTcp(address, question("www.test.", "A", 0, 100));
      assert.equal(late?.id, 100);
      const nx = await overUdp(address, question("nx.test.", "A"));
      assert.equal(nx.flags & 15, RCODE.NXDOMAIN);
      assert.deepEqual(asked, ["udp www.test.", "tcp www.test.", "udp nx.test."]);
    });
  });
});

test("a recursor that refuses, keeps silent or talks nonsense hands over to the next", async () => {
  await withUpstream(async (first, askedFirst) => {
    await withUpstream(async (second, askedSecond) => {
      const options = { recursors: [first, second], recursorTimeoutMs: 40 };
      await withServer(fakeBackend(), options, async (address) => {
        for (const name of ["refused.test.", "silent.test.", "junk.test.", "other.test."]) {
          const reply = await overUdp(address, question(name, "A"));
          assert.equal(reply.flags, FLAG.QR | FLAG.RD | FLAG.RA | RCODE.SERVFAIL, name);
        }
      });
      // Who answers in the end is not to be taken for one that keeps silent, however slow the machine is.
      await withServer(fakeBackend(), { ...options, recursorTimeoutMs: 30_000 }, async (address) => {
        const forged = await overUdp(address, question("forged.test.", "A"));
        assert.deepEqual(texts(forged.answers), ["forged.test. 300 A 192.0.2.1"]);
      });
      const all = ["refused", "silent", "junk", "other"].map((name) => `udp ${name}.test.`);
      assert.deepEqual(askedFirst, [...all, "udp forged.test."]);
      assert.deepEqual(askedSecond, all);
    });
  });
});

test("a service at a host name answers with a CNAME and what it leads to, at the service's TTL", async () => {
  const backend = fakeBackend();
  const node = nodeRow("foo", "10.1.0.1");
  backend.services.set("ext", [serviceRow(node, { Address: "www.test", Port: 443 })]);
  backend.services.set("mixed", [serviceRow(node, { Address: "www.test" }), serviceRow(nodeRow("bar", "10.1.0.2"))]);
  backend.nodes.set("hosty", nodeRow("hosty", "www.test"));
  await withUpstream(async (upstream) => {
    const options = { recursors: [upstream], serviceTtlMs: { "*": 33_000 } };
    await withServer(backend, options, async (address) => {
      const a = await overUdp(address, question("ext.service.consul.", "A"));
      assert.deepEqual(texts(a.answers), ["ext.service.consul. 33 CNAME www.test.", "www.test. 33 A 192.0.2.1"]);
      assert.equal(a.flags & FLAG.RA, FLAG.RA);
      const srv = await overUdp(address, question("ext.service.consul.", "SRV"));
      assert.deepEqual(texts(srv.answers), ["ext.service.consul. 33 SRV 1 1 443 www.test."]);
      assert.deepEqual(texts(srv.additional), ["www.test. 33 A 192.0.2.1"]);
      const mixed = await overUdp(address, question("mixed.service.consul.", "A"));
      assert.deepEqual(texts(mixed.answers), ["mixed.service.consul. 33 A 10.1.0.2"]);
      const host = await overUdp(address, question("hosty.node.consul.", "A"));
      assert.deepEqual(texts(host.answers), ["hosty.node.consul. 0 CNAME www.test.", "www.test. 300 A 192.0.2.1"]);
    });
  });
});
