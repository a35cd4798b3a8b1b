import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualTime } from "../checks/virtual-time.test.support.ts";
import { silentLogger } from "../lib/log.ts";
import type { PoolEvent, PoolMember, PoolMemberStatus } from "../pool/types.ts";
import { Discovery } from "./discovery.ts";
import { FORMER_MEMBERS_MAX, Rejoin } from "./rejoin.ts";

const VERSIONS = { min: 1, max: 5, current: 2 };

function member(name: string, role: "consul" | "node", status: PoolMemberStatus = "alive", dc = "dc1"): PoolMember {
  const host = name.includes("six") ? "fd00::1" : `10.0.0.${name.length}`;
  const tags = new Map([
    ...[["role", role] as const, ["dc", dc] as const],
    ...[["port", "8300"] as const, ["build", "1.10.11:x"] as const, ["vsn", "2"] as const],
  ]);
  return { name, host, port: 8301, tags, status, protocol: VERSIONS, delegate: VERSIONS };
}

interface Setup {
  readonly server?: boolean;
  readonly members?: readonly PoolMember[];
  readonly remembered?: readonly string[];
  readonly configured?: readonly string[];
}

function pool({ server = false, members = [], remembered = [], configured = ["retry.example"] }: Setup = {}) {
  const time = new VirtualTime();
  const asked: string[] = [];
  const questions: string[] = [];
  const listeners = new Set<(event: PoolEvent) => void>();
  const emit = (type: "join" | "leave" | "failed" | "update" | "reap", ...changed: PoolMember[]): void => {
    for (const listener of listeners) listener({ type, members: changed });
  };
  let onJoin: (address: string) => void = () => {
    throw new Error("connection refused");
  };
  const rejoin = new Rejoin(
    { nodeName: "me", datacenter: "dc1", server, configured: () => configured, retryIntervalMs: 30_000 },
    {
      lan: {
        members: () => [member("me", server ? "consul" : "node"), ...members],
        subscribe: (listener) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
        join: async ([address]) => {
          asked.push(address!);
          onJoin(address!);
          return 1;
        },
        remembered: () => remembered,
      },
      discovery: new Discovery((text) => {
        questions.push(text);
        return Promise.resolve(["cloud.example"]);
      }, silentLogger),
      timers: time.timers,
      rng: time.rng,
      logger: silentLogger,
    },
  );
  rejoin.start();
  const answering = (address: string, run: () => void): void => {
    onJoin = (other) => {
      if (other !== address) throw new Error("connection refused");
      run();
    };
  };
  return { time, asked, questions, emit, rejoin, answering, listeners };
}

for (const end of ["leave", "failed"] as const)
  test(`a client whose only server is gone (${end}) tries where it was and what is configured, until one is back`, async () => {
    const { time, asked, emit, answering } = pool({ members: [member("s1", "consul")] });
    await time.advance(60_000);
    assert.deepEqual([asked, time.pendingTimers], [[], 0], "with a server there is nothing to do");
    emit(end, member("s1", "consul", end === "leave" ? "left" : "failed"));
    await time.advance(8_000);
    assert.deepEqual(asked.slice(0, 2), ["s1/10.0.0.2:8301", "retry.example"]);
    answering("retry.example", () => emit("join", member("s22", "consul")));
    await time.advance(8_000);
    const before = asked.length;
    await time.advance(60_000);
    assert.deepEqual([asked.length, time.pendingTimers], [before, 0], "back again, it stops");
  });

test("an answer of a member that knows no server is not enough", async () => {
  const { time, asked, emit, answering } = pool({ members: [member("s1", "consul")] });
  emit("failed", member("s1", "consul", "failed"));
  answering("retry.example", () => emit("join", member("client", "node")));
  await time.advance(8_000);
  const before = asked.length;
  await time.advance(8_000);
  assert.ok(asked.length > before);
});

test("a server of another datacenter is none to come back to", async () => {
  const { time, asked, emit } = pool({ members: [member("s1", "consul"), member("far", "consul", "alive", "dc2")] });
  emit("leave", member("s1", "consul", "left"));
  await time.advance(8_000);
  assert.ok(asked.includes("s1/10.0.0.2:8301"));
  assert.ok(!asked.some((address) => address.startsWith("far/")));
});

test("a client that starts before all others tries the members of its last life again", async () => {
  const { time, asked } = pool({ remembered: ["s1/10.0.0.9:8301"], configured: [] });
  await time.advance(16_000);
  assert.ok(asked.filter((address) => address === "s1/10.0.0.9:8301").length >= 2, asked.join());
});

test("before anybody was seen it is retry_join's turn", async () => {
  const { time, asked } = pool();
  await time.advance(60_000);
  assert.deepEqual(asked, []);
});

test("a server alone looks for servers it has known, and for nobody else", async () => {
  const alone = pool({ server: true, members: [member("client", "node")], remembered: ["client/10.0.0.9:8301"] });
  await alone.time.advance(60_000);
  assert.deepEqual(alone.asked, []);
  const left = pool({ server: true, members: [member("s1", "consul", "left")] });
  await left.time.advance(8_000);
  assert.ok(left.asked.includes("s1/10.0.0.2:8301"));
});

test("a server that was erased while others were there is not tried", async () => {
  const { time, asked, emit } = pool({ members: [member("s1", "consul"), member("s22", "consul")] });
  emit("failed", member("s22", "consul", "failed"));
  emit("reap", member("s22", "consul", "failed"));
  emit("failed", member("s1", "consul", "failed"));
  emit("reap", member("s1", "consul", "failed"));
  await time.advance(8_000);
  assert.ok(asked.includes("s1/10.0.0.2:8301"), "the last one is");
  assert.ok(!asked.some((address) => address.startsWith("s22/")));
});

test("IPv6 addresses are in brackets; no more former servers are kept than the bound", async () => {
  const many = Array.from({ length: FORMER_MEMBERS_MAX + 5 }, (_, at) => member(`s-${at}`, "consul", "failed"));
  const { time, asked } = pool({ members: [...many, member("six", "consul", "failed")], configured: [] });
  await time.advance(8_000);
  assert.ok(asked.includes("six/[fd00::1]:8301"));
  assert.equal(new Set(asked).size, FORMER_MEMBERS_MAX);
});

test("who leaves does not join again", async () => {
  const { time, asked, emit, rejoin, listeners } = pool({ members: [member("s1", "consul")] });
  emit("failed", member("s1", "consul", "failed"));
  rejoin.stop();
  await time.advance(60_000);
  assert.deepEqual([asked, time.pendingTimers, listeners.size], [[], 0, 0]);
});

test("a cloud is asked once in a retry interval, however often the rest is tried", async () => {
  const configured = ["provider=aws tag_key=consul", "retry.example"];
  const { time, asked, questions, emit } = pool({ members: [member("s1", "consul")], configured });
  emit("failed", member("s1", "consul", "failed"));
  await time.advance(60_000);
  assert.ok(asked.includes("cloud.example"));
  const tries = asked.filter((address) => address === "retry.example").length;
  assert.ok(questions.length >= 1 && questions.length <= Math.ceil(tries / 6), `${questions.length} of ${tries}`);
});
