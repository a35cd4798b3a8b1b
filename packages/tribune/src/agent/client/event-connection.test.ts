import assert from "node:assert/strict";
import { createServer, type ServerHttp2Session } from "node:http2";
import { test } from "node:test";
import { VirtualTime } from "../../checks/virtual-time.test.support.ts";
import { silentLogger } from "../../lib/log.ts";
import { duplexOf } from "../../net/stream-duplex.ts";
import { serverOf } from "../../pool/server-tags.ts";
import { pair } from "../../rpc/memory-streams.test.support.ts";
import { EventConnection, LEADERLESS_MS_MAX } from "./event-connection.ts";
import { serverMember } from "./fakes.test.support.ts";

/** Servers that speak HTTP/2 and say of their leader what the test says. */
function serversOf(contacts: Record<string, number | undefined>) {
  const time = new VirtualTime();
  const members = Object.keys(contacts).map((name) => serverOf(serverMember(name), "lan")!);
  const turn = () => void members.push(members.shift()!);
  const sessions: ServerHttp2Session[] = [];
  let calls = 0;
  const dialled: string[] = [];
  const http2 = createServer();
  http2.on("session", (session) => {
    sessions.push(session);
    session.on("error", () => session.destroy());
  });
  http2.on("stream", (stream) => {
    calls++;
    stream.on("error", () => stream.destroy());
  });
  const connection = new EventConnection({
    servers: {
      get servers() {
        return [...members];
      },
      failed: turn,
    },
    dial: ({ shortName }) => {
      dialled.push(shortName);
      const [near, far] = pair();
      http2.emit("connection", duplexOf(far));
      return Promise.resolve(near);
    },
    leaderContactMs: ({ shortName }) => Promise.resolve(contacts[shortName]),
    runtime: time,
    logger: silentLogger,
  });
  return { time, connection, contacts, dialled, sessions, turn, calls: () => calls };
}

async function until(what: string, done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000; turn++) {
    if (done()) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  throw new Error(`never: ${what}`);
}

test("servers without a leader are passed over, and without any other there is no connection", async () => {
  const { connection, contacts, dialled } = serversOf({ s1: undefined, s2: LEADERLESS_MS_MAX, s3: 700 });
  await connection.open();
  assert.deepEqual(dialled, ["s3"]);
  connection.hangUp();
  contacts.s3 = LEADERLESS_MS_MAX;
  await assert.rejects(connection.open(), /no server with a leader/);
  assert.deepEqual(dialled, ["s3"]);
});

test("no server is left out when other calls turn the list meanwhile", async () => {
  const { connection, contacts, dialled, turn } = serversOf({ s1: undefined, s2: undefined, s3: 0 });
  for (const name of ["s1", "s2"])
    Object.defineProperty(contacts, name, {
      get: () => {
        // Two calls that failed there, too: what was last is first again.
        turn();
        turn();
        return undefined;
      },
    });
  await connection.open();
  assert.deepEqual(dialled, ["s3"]);
  connection.hangUp();
});

test("a connection is left when its server hears of no leader any more, and says when it last did", async () => {
  const { time, connection, contacts, dialled } = serversOf({ s1: 0, s2: 0 });
  const opened = await connection.open();
  contacts.s1 = LEADERLESS_MS_MAX - 1;
  await time.advance(5_000);
  const contactAtMs = time.clock.nowMs() - contacts.s1;
  assert.equal(connection.contactAtMs, contactAtMs);
  assert.equal(await connection.open(), opened, "one connection for all");
  contacts.s1 = LEADERLESS_MS_MAX;
  await time.advance(5_000);
  await until("its end", () => !opened.usable);
  assert.equal(connection.contactAtMs, contactAtMs);
  await connection.open();
  assert.deepEqual(dialled, ["s1", "s2"]);
  connection.hangUp();
  await until("no timer is left", () => time.pendingTimers === 0);
});

test("behind a server's good-bye a new connection is opened, and the old one may end in peace", async () => {
  const { connection, dialled, sessions, calls } = serversOf({ s1: 0 });
  const first = await connection.open();
  let over = "";
  first.call("/a.B/C", new Uint8Array(0), { onMessage: () => {}, onOver: (reason) => (over = reason) });
  await until("the call", () => calls() === 1);
  sessions[0]!.goaway();
  await until("the good-bye", () => !first.usable);
  assert.equal(over, "");
  const second = await connection.open();
  assert.notEqual(second, first);
  assert.deepEqual([second.usable, dialled.length], [true, 2]);
  sessions[0]!.destroy();
  await until("the old one's end", () => over !== "");
  assert.equal(await connection.open(), second, "it takes nothing with it");
  connection.hangUp();
});
