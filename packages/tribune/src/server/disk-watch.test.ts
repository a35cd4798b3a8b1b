import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../lib/log.ts";
import { noMetrics } from "../lib/metrics.ts";
import type { RaftStatus, Role } from "../raft/types.ts";
import { SimInternet } from "../sim/sim-internet.ts";
import { CALM_NETWORK, SimNetwork } from "../sim/sim-network.ts";
import { simRuntime } from "../sim/sim-runtime.ts";
import { Simulator } from "../sim/simulator.ts";
import { DiskWatch } from "./disk-watch.ts";

const STALL_MS = 2_000;

/** A leader whose flush has been under way since the start. */
class StalledLeader {
  readonly sim = new Simulator(1);
  role: Role = "leader";
  successionMs = 5;
  fails = false;
  readonly handedOverAtMs: number[] = [];
  readonly watch: DiskWatch;

  constructor() {
    const { sim } = this;
    this.watch = new DiskWatch(
      { stallMs: STALL_MS },
      {
        host: {
          status: () => ({ role: this.role }) as RaftStatus,
          successionMs: () => this.successionMs,
          transferLeadership: async () => {
            this.handedOverAtMs.push(sim.nowMs);
            if (this.fails) throw new Error("leadership transfer timeout");
            this.role = "follower";
          },
        },
        log: {
          get pendingSyncMs() {
            return sim.nowMs;
          },
        },
        runtime: simRuntime(new SimInternet(sim, new SimNetwork(sim, CALM_NETWORK))),
        logger: silentLogger,
        metrics: noMetrics,
      },
    );
    this.watch.start();
  }

  async until(ms: number): Promise<number> {
    await this.sim.play(ms);
    return this.handedOverAtMs.length;
  }
}

test("a leader whose disk stalls hands over, once", async () => {
  const leader = new StalledLeader();
  assert.equal(await leader.until(STALL_MS - 1), 0);
  assert.equal(await leader.until(STALL_MS + 1_000), 1);
  assert.equal(await leader.until(60_000), 1, "it leads no more");
});

test("it leads on while the others' disks are slow, too, as long as its own is not much slower", async () => {
  const leader = new StalledLeader();
  leader.successionMs = 1_000;
  assert.equal(await leader.until(7_900), 0);
  assert.equal(await leader.until(9_000), 1);
  const needed = new StalledLeader();
  needed.successionMs = Number.POSITIVE_INFINITY;
  assert.equal(await needed.until(600_000), 0, "nobody could go on without it");
});

test("where nobody takes over it leads on, and tries again after as long as a stall", async () => {
  const leader = new StalledLeader();
  leader.fails = true;
  await leader.until(60_000);
  assert.ok(leader.handedOverAtMs.length > 5);
  for (const [at, ms] of leader.handedOverAtMs.entries())
    if (at > 0) assert.ok(ms - leader.handedOverAtMs[at - 1]! >= STALL_MS);
});
