import assert from "node:assert/strict";
import { test } from "node:test";
import { TribuneError } from "../lib/errors.ts";
import { silentLogger } from "../lib/log.ts";
import { noMetrics } from "../lib/metrics.ts";
import { seededRng } from "../lib/random.ts";
import { RpcRemoteError } from "../rpc/types.ts";
import { Simulator } from "../sim/simulator.ts";
import { LeaderCalls } from "./leader-calls.ts";

test("a leader that cannot write just now is tried again at the pace of its patience, without spinning", () => {
  const sim = new Simulator(1);
  const timers = { after: sim.after.bind(sim), soon: (run: () => void) => void sim.after(0, run) };
  const clock = { nowMs: () => sim.nowMs, wallMs: () => sim.nowMs };
  let tries = 0;
  const calls = new LeaderCalls(7_000, {
    leads: () => true,
    onLeader: (run) => {
      run(); // it leads
      return () => {};
    },
    leader: () => undefined,
    pool: { start: () => assert.fail("nobody else leads") },
    runtime: { clock, timers, rng: seededRng(1) },
    metrics: noMetrics,
    logger: silentLogger,
  });
  let outcome: unknown;
  calls.start(
    {
      method: "KVS.Apply",
      args: () => new Uint8Array(),
      isRead: false,
      here: (done) => {
        // Handing over takes a while.
        if (++tries > 5) done("written");
        else done(TribuneError.of("NO_LEADER"));
        return () => {};
      },
      remote: () => "",
    },
    (result) => {
      outcome = result;
    },
  );
  sim.runUntil(0);
  assert.equal(tries, 1);
  sim.runUntil(7_000);
  assert.equal(outcome, "written");
  assert.equal(tries, 6);
});

test("a call that found no leader is sent as soon as one is known, and only once", () => {
  const sim = new Simulator(1);
  const timers = { after: sim.after.bind(sim), soon: (run: () => void) => void sim.after(0, run) };
  const clock = { nowMs: () => sim.nowMs, wallMs: () => sim.nowMs };
  const waiting = new Set<() => void>();
  const sent: string[] = [];
  let leader: { name: string; host: string; port: number } | undefined;
  const calls = new LeaderCalls(7_000, {
    leads: () => false,
    onLeader: (run) => {
      waiting.add(run);
      return () => waiting.delete(run);
    },
    leader: () => leader,
    pool: {
      start: ({ name }) => {
        sent.push(name);
        return () => {};
      },
    },
    runtime: { clock, timers, rng: seededRng(1) },
    metrics: noMetrics,
    logger: silentLogger,
  });
  const call = {
    method: "KVS.Get",
    args: () => new Uint8Array(),
    isRead: true,
    here: () => () => {},
    remote: () => "",
  };
  calls.start(call, () => {});
  assert.equal(waiting.size, 1);
  leader = { name: "s2", host: "10.0.0.2", port: 8300 };
  for (const run of [...waiting]) run();
  sim.runUntil(0);
  assert.deepEqual([sent, waiting.size], [["s2"], 0]);
  sim.runUntil(7_000);
  assert.deepEqual(sent, ["s2"]);
});

test("who looks for what calls wait for finds why and how long, once for all that wait together", () => {
  const sim = new Simulator(1);
  const timers = { after: sim.after.bind(sim), soon: (run: () => void) => void sim.after(0, run) };
  const clock = { nowMs: () => sim.nowMs, wallMs: () => sim.nowMs };
  const said: unknown[] = [];
  const waiting = new Set<() => void>();
  let leads = false;
  const calls = new LeaderCalls(7_000, {
    leads: () => leads,
    onLeader: (run) => {
      waiting.add(run);
      return () => waiting.delete(run);
    },
    leader: () => ({ name: "s2", host: "10.0.0.2", port: 8300 }),
    pool: {
      start: (_target, _method, _args, done) => {
        done(new RpcRemoteError("No cluster leader"));
        return () => {};
      },
    },
    runtime: { clock, timers, rng: seededRng(1) },
    metrics: noMetrics,
    logger: { ...silentLogger, debug: (message, fields) => void said.push([message, fields]) },
  });
  const call = {
    method: "KVS.Apply",
    args: () => new Uint8Array(),
    isRead: false,
    here: (done: (outcome: string) => void) => {
      done("written");
      return () => {};
    },
    remote: () => "",
  };
  const outcomes: unknown[] = [];
  for (let at = 0; at < 2; at++) calls.start(call, (outcome) => void outcomes.push(outcome));
  calls.start(call, () => assert.fail("it was cancelled"))();
  sim.runUntil(3_000);
  const error = "rpc error making call: No cluster leader";
  assert.deepEqual(said, [["calls wait for a leader that answers", { method: "KVS.Apply", error }]]);
  leads = true;
  for (const run of [...waiting]) run();
  sim.runUntil(3_000);
  assert.deepEqual(outcomes, ["written", "written"]);
  assert.deepEqual(said.slice(1), [["no call waits for a leader any more", { milliseconds: 3_000, calls: 3 }]]);
});
