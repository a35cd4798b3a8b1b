import assert from "node:assert/strict";
import { test } from "node:test";
import { IndexedCheckServiceNodes, KVSRequest, make } from "@tribune/api";
import { encodeStruct } from "../../codec/struct-msgpack.ts";
import type { ReadOutcome } from "../../http/backend.ts";
import { TribuneError } from "../../lib/errors.ts";
import { endpointNamed, ownRead } from "../asking.ts";
import { ClientBackend } from "./backend.ts";
import type { ServerCall, ServerCalls } from "./server-calls.ts";

const WEB = endpointNamed("healthService");
const instances = (index: number, given: { LastContact?: number } = {}) =>
  encodeStruct(IndexedCheckServiceNodes, make(IndexedCheckServiceNodes, { Index: index, KnownLeader: true, ...given }));

/** A backend whose servers answer what the test says, one answer for each call. */
function backendWith(...answers: (Uint8Array | TribuneError)[]) {
  const clock = { now: 1000, nowMs: () => clock.now, wallMs: () => clock.now };
  const timers = { after: () => () => {}, soon: () => assert.fail("no reply here is long") };
  const asked: ServerCall[] = [];
  const answer = (call: ServerCall): Uint8Array | TribuneError => {
    asked.push(call);
    return answers.shift() ?? TribuneError.of("NO_SERVERS");
  };
  const calls = {
    start: (call: ServerCall, done: (outcome: Uint8Array | TribuneError) => void) => {
      const outcome = answer(call);
      queueMicrotask(() => done(outcome));
      return () => {};
    },
    call: (call: ServerCall) => {
      const outcome = answer(call);
      return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
    },
  } as ServerCalls;
  const backend = new ClientBackend(calls, { clock, timers });
  const read = (given: Readonly<Record<string, unknown>>, name = "healthService"): Promise<ReadOutcome | Error> =>
    new Promise((resolve) =>
      backend.read(ownRead(endpointNamed(name), { Datacenter: "dc1", ServiceName: "web", ...given }), resolve),
    );
  return { backend, clock, asked, read };
}

const outcomeOf = (outcome: ReadOutcome | Error): ReadOutcome => {
  if (outcome instanceof Error) throw outcome;
  return outcome;
};

test("a server that fell behind further than the caller bears is not taken at its word", async () => {
  const { read, asked } = backendWith(instances(5, { LastContact: 3e9 }), instances(7));
  const { answer } = outcomeOf(await read({ AllowStale: true, MaxStaleDuration: 2e9 }));
  assert.equal(answer.index, 7);
  assert.equal(asked.length, 2);
});

test("without servers, those who bear stale answers get what was known last, and are told its age", async () => {
  const { read, clock } = backendWith(instances(5));
  await read({});
  clock.now += 61_000;
  const { answer, meta } = outcomeOf(await read({ AllowStale: true }));
  assert.equal(answer.index, 5);
  assert.deepEqual(meta, { knownLeader: false, lastContactMs: 61_000, ageMs: 61_000 });
});

test("nobody else gets it: not a default or consistent read, not beyond max_stale, not another question", async () => {
  const { read, clock } = backendWith(instances(5));
  await read({});
  clock.now += 61_000;
  const refusals = [
    await read({}),
    await read({ RequireConsistent: true }),
    await read({ AllowStale: true, MaxStaleDuration: 60e9 }),
    await read({ AllowStale: true, ServiceName: "db" }),
    await read({ AllowStale: true, MinQueryIndex: 5 }),
  ];
  for (const refusal of refusals) assert.match(String(refusal), /No known Consul servers/);
  outcomeOf(await read({ AllowStale: true, MaxStaleDuration: 62e9 }));
  outcomeOf(await read({ AllowStale: true, MinQueryIndex: 4 }));
});

test("a refusal is never covered by an older answer", async () => {
  const { read } = backendWith(instances(5), TribuneError.fromWire("rpc error making call: Permission denied"));
  await read({});
  assert.match(String(await read({ AllowStale: true })), /Permission denied/);
});

test("what is no discovery has no last answer", async () => {
  const { read } = backendWith(instances(5));
  await read({ Key: "a" }, "kvGet");
  assert.match(String(await read({ Key: "a", AllowStale: true }, "kvGet")), /No known Consul servers/);
});

test("a write goes out as its contract says and comes back decoded", async () => {
  const { backend, asked } = backendWith(new Uint8Array([0xc3]));
  assert.equal(await backend.write(endpointNamed("kvPut"), make(KVSRequest, {})), true);
  assert.equal(asked[0]!.method, "KVS.Apply");
  assert.equal(asked[0]!.isRead, false);
  assert.equal(WEB.name, "healthService");
});
