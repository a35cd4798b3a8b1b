import assert from "node:assert/strict";
import { test } from "node:test";
import { PORT, PoolSim, statuses } from "./pool.test.support.ts";

const OPTIONS = { resolveNameConflicts: true };

for (const seed of [1, 2, 3])
  test(`who comes with the name of a member that is there falls silent, and nobody else does (seed ${seed})`, async () => {
    const sim = new PoolSim(seed);
    await sim.cluster(3, OPTIONS);
    const late = await sim.add(4, { ...OPTIONS, name: "p2" });
    await sim.settle(late.pool.join([sim.hosts[0]!.address]));
    const said = (lines: readonly string[], pattern: RegExp): boolean => lines.some((line) => pattern.test(line));
    await sim.until("the late one gives up", () => said(late.lines, /give it a name of its own/));
    assert.ok(said(late.lines, /minority in name conflict resolution/));
    const before = sim.hosts.map(({ lines }) => lines.length);
    await sim.play(120_000);
    const [p1, p2, p3] = sim.hosts;
    for (const one of [p1!, p2!, p3!]) {
      assert.deepEqual(statuses(one), ["p1 alive", "p2 alive", "p3 alive"]);
      assert.equal(one.pool.members().find(({ name }) => name === "p2")?.host, "10.0.0.2");
      assert.ok(!said(one.lines, /minority/));
    }
    assert.equal(late.lines.length, before[3], "it says nothing more");
    await late.pool.leave();
    await late.pool.stop();
  });

for (const seed of [1, 2, 3])
  test(`who comes back at another address before it was missed stays, and is taken back (seed ${seed})`, async () => {
    const sim = new PoolSim(seed);
    await sim.cluster(4, OPTIONS);
    sim.hosts[3]!.host.crash();
    const moved = await sim.add(5, { ...OPTIONS, name: "p4" });
    await sim.settle(moved.pool.join([sim.hosts[0]!.address]));
    await sim.until("it is outvoted", () => moved.lines.some((line) => /minority in name conflict/.test(line)));
    const everybody = [...sim.hosts.slice(0, 3), moved];
    const placeOf = (one: (typeof everybody)[number]): string | undefined =>
      one.pool.members().find(({ name, status }) => name === "p4" && status === "alive")?.host;
    await sim.until("all know where it is", () => everybody.every((one) => placeOf(one) === moved.address), 180_000);
    assert.ok(
      moved.lines.some((line) => line === "nobody else answers by this agent's name at 10.0.0.4:8301: going on"),
    );
    assert.ok(!moved.lines.some((line) => /out of the pool/.test(line)));
    for (const one of [...sim.hosts.slice(0, 3), moved]) await sim.settle(one.pool.stop());
  });

for (const seed of [1, 2, 3])
  test(`who has its former address as well does not take itself for another (seed ${seed})`, async () => {
    const sim = new PoolSim(seed);
    await sim.cluster(4, OPTIONS);
    const moved = sim.hosts[3]!;
    moved.host.crash();
    const advertise = { host: "10.0.1.4", port: PORT };
    sim.internet.alias(advertise.host, moved.address);
    await sim.boot(moved, { ...OPTIONS, advertise });
    await sim.settle(moved.pool.join([sim.hosts[0]!.address]));
    await sim.until("it is outvoted", () => moved.lines.some((line) => /minority in name conflict/.test(line)));
    await sim.play(60_000);
    assert.ok(!moved.lines.some((line) => /out of the pool/.test(line)));
    assert.ok(moved.lines.includes("nobody else answers by this agent's name at 10.0.0.4:8301: going on"));
    assert.equal(statuses(sim.hosts[0]!).join(), "p1 alive,p2 alive,p3 alive,p4 alive");
    for (const one of sim.hosts) await sim.settle(one.pool.stop());
  });
