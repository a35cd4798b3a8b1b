import assert from "node:assert/strict";
import { test } from "node:test";
import { TribuneError } from "../lib/errors.ts";
import { noMetrics } from "../lib/metrics.ts";
import { seededRng } from "../lib/random.ts";
import { Simulator } from "../sim/simulator.ts";
import { LeaderCalls } from "./leader-calls.ts";

test("a leader that cannot write just now is tried again at the pace of its patience, without spinning", () => {
  const sim = new Simulator(1);
  const timers = { after: sim.after.bind(sim), soon: (run: () => void) => void sim.after(0, run) };
  const clock = { nowMs: () => sim.nowMs, wallMs: () => sim.nowMs };
  let tries = 0;
  const calls = new LeaderCalls(7_000, {
    leads: () => true,
    onLeading: (run) => {
      run(); // it leads
      return () => {};
    },
    leader: () => undefined,
    pool: { start: () => assert.fail("nobody else leads") },
    runtime: { clock, timers, rng: seededRng(1) },
    metrics: noMetrics,
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
