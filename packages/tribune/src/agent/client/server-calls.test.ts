import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualTime } from "../../checks/virtual-time.test.support.ts";
import { TribuneError } from "../../lib/errors.ts";
import { silentLogger } from "../../lib/log.ts";
import { noMetrics } from "../../lib/metrics.ts";
import { RateLimit } from "../../lib/rate-limit.ts";
import { type RpcOutcome, RpcRemoteError, RpcTransportError } from "../../rpc/types.ts";
import { serverMember } from "./fakes.test.support.ts";
import { ServerCalls } from "./server-calls.ts";
import { ServerList } from "./server-list.ts";

const REPLY = new Uint8Array([0x80]);
const NO_LEADER = new RpcRemoteError("No cluster leader");
const REFUSED = new RpcTransportError("dial tcp 10.0.0.1:8300: connection refused", { sent: false, eof: false });
const EOF = new RpcTransportError("EOF", { sent: true, eof: true });

/** Servers whose answers come from a table: the last one of a server goes on for ever. */
function callsTo(answers: Readonly<Record<string, readonly RpcOutcome[]>>, limit = Number.POSITIVE_INFINITY) {
  const time = new VirtualTime();
  const asked: string[] = [];
  const servers = new ServerList({
    datacenter: "dc1",
    runtime: time,
    logger: silentLogger,
    nodes: () => 1,
    ping: () => Promise.resolve(true),
  });
  servers.poolEvent({ type: "join", members: Object.keys(answers).map((name) => serverMember(name)) });
  const turns = new Map<string, number>();
  const limits: (number | undefined)[] = [];
  const options = { holdMs: 7_000, answerMs: 60_000, waitDefaultMs: 300_000, waitMaxMs: 600_000 };
  const calls = new ServerCalls(options, {
    servers,
    runtime: time,
    limit: new RateLimit(limit, limit, time.clock),
    logger: silentLogger,
    metrics: noMetrics,
    pool: {
      start: ({ name }, _method, _args, done, { timeoutMs } = {}) => {
        asked.push(name);
        limits.push(timeoutMs);
        const turn = turns.get(name) ?? 0;
        turns.set(name, turn + 1);
        const own = answers[name]!;
        let cancelled = false;
        time.timers.soon(() => {
          if (!cancelled) done(own[Math.min(turn, own.length - 1)]!);
        });
        return () => {
          cancelled = true;
        };
      },
    },
  });
  const outcomes: (Uint8Array | TribuneError)[] = [];
  const start = (isRead: boolean, waitMs?: number) => {
    const call = { method: "KVS.Get", args: REPLY, isRead, ...(waitMs === undefined ? {} : { waitMs }) };
    return calls.start(call, (outcome) => outcomes.push(outcome));
  };
  return { time, servers, asked, limits, calls, options, start, outcomes };
}

const message = (outcome: Uint8Array | TribuneError | undefined): string =>
  outcome instanceof TribuneError ? outcome.message : "no error";

test("the active server is asked", async () => {
  const { time, asked, start, outcomes } = callsTo({ s1: [REPLY], s2: [REPLY] });
  start(true);
  assert.equal(outcomes.length, 0, "never before the call has returned");
  await time.advance(0);
  assert.deepEqual(outcomes, [REPLY]);
  assert.deepEqual(asked, ["s1"]);
});

test("a server that has too much to do is passed over, by writes too; one that says that only it can is not", async () => {
  const elsewhere = new RpcRemoteError("rate limit exceeded, try again later or against a different server");
  const one = callsTo({ s1: [elsewhere], s2: [REPLY] });
  one.start(false);
  await one.time.advance(7_000);
  assert.deepEqual(one.outcomes, [REPLY]);
  assert.deepEqual(one.asked, ["s1", "s2"]);

  const later = "rate limit exceeded for operation that can only be performed by the leader, try again later";
  const two = callsTo({ s1: [new RpcRemoteError(later)], s2: [REPLY] });
  two.start(false);
  await two.time.advance(7_000);
  assert.equal(message(two.outcomes[0]), `rpc error making call: ${later}`);
  assert.deepEqual(two.asked, ["s1"]);
});

test("without servers there is nobody to ask", async () => {
  const { time, start, outcomes } = callsTo({});
  start(true);
  await time.advance(0);
  assert.equal(message(outcomes[0]), "No known Consul servers");
});

test("a server that cannot be reached is passed over, also by writes, and each is tried once", async () => {
  const one = callsTo({ s1: [REFUSED], s2: [REPLY] });
  one.start(false);
  await one.time.advance(0);
  assert.deepEqual(one.outcomes, [REPLY]);
  assert.equal(one.servers.active?.name, "s2");
  const none = callsTo({ s1: [REFUSED], s2: [REFUSED] });
  none.start(true);
  await none.time.advance(0);
  assert.deepEqual(none.asked, ["s1", "s2"]);
  assert.match(message(none.outcomes[0]), /^rpc error getting client: failed to get conn: dial tcp/);
});

test("an election is held out, by reads and writes, until patience ends", async () => {
  const elected = callsTo({ s1: [NO_LEADER, NO_LEADER, REPLY] });
  elected.start(false);
  await elected.time.advance(2000);
  assert.deepEqual(elected.outcomes, [REPLY]);
  assert.equal(elected.asked.length, 3);
  const lost = callsTo({ s1: [NO_LEADER], s2: [NO_LEADER] });
  lost.start(true);
  await lost.time.advance(6000);
  assert.equal(lost.outcomes.length, 0);
  await lost.time.advance(2000);
  assert.equal(message(lost.outcomes[0]), "rpc error making call: No cluster leader");
  assert.ok(lost.asked.includes("s1") && lost.asked.includes("s2"));
});

test("a stream that ended is taken up again by reads only", async () => {
  const read = callsTo({ s1: [EOF], s2: [REPLY] });
  read.start(true);
  await read.time.advance(1000);
  assert.deepEqual(read.outcomes, [REPLY]);
  const write = callsTo({ s1: [EOF], s2: [REPLY] });
  write.start(false);
  await write.time.advance(1000);
  assert.equal(message(write.outcomes[0]), "rpc error making call: EOF");
  assert.equal(write.servers.active?.name, "s2", "the next call goes elsewhere");
});

test("a refusal is passed on in the server's words and does not count against it", async () => {
  const { time, servers, start, outcomes } = callsTo({ s1: [new RpcRemoteError("Permission denied")], s2: [REPLY] });
  start(true);
  await time.advance(0);
  assert.equal(message(outcomes[0]), "rpc error making call: Permission denied");
  assert.equal((outcomes[0] as TribuneError).kind, "permissionDenied");
  assert.equal(servers.active?.name, "s1");
});

test("calls beyond the limit are refused, and a cancelled one says nothing", async () => {
  const limited = callsTo({ s1: [REPLY] }, 1);
  limited.start(true);
  limited.start(true);
  await limited.time.advance(0);
  assert.deepEqual(
    limited.outcomes.map((outcome) => message(outcome)).sort(),
    ["RPC rate limit exceeded", "no error"].sort(),
  );
  const gone = callsTo({ s1: [NO_LEADER] });
  const cancel = gone.start(true);
  await gone.time.advance(1000);
  cancel();
  await gone.time.advance(10_000);
  assert.equal(gone.outcomes.length, 0);
  assert.equal(gone.time.pendingTimers, 0);
});

test("an answer is waited for as long as rpc_client_timeout says, of a blocking query as long as it may take", async () => {
  const late = new RpcTransportError("i/o deadline reached", { sent: true, eof: false });
  const { time, asked, limits, calls, options, start, outcomes } = callsTo({ s1: [late], s2: [REPLY] });
  start(true);
  await time.advance(60_000);
  assert.equal(message(outcomes[0]), "rpc error making call: i/o deadline reached");
  assert.deepEqual(asked, ["s1"], "nobody else is asked for what has taken that long");
  start(true, 0);
  start(true, 16_000);
  start(true, 3_600_000);
  calls.configure({ ...options, answerMs: 0 });
  start(false);
  await time.advance(0);
  assert.deepEqual(asked.slice(1), ["s2", "s2", "s2", "s2"]);
  assert.deepEqual(limits, [60_000, 325_750, 24_000, 644_500, undefined]);
});
