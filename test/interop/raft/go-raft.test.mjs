// Tribune servers and hashicorp/raft in one peer set: 1.3.6 is what Consul 1.10 is built from, the newer one knows
// pre-vote and more header fields.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { buildGoPeer, PeerSet, until } from "./peers.mjs";

/** What either side says when it does not lead, leads no more, or had no time to listen: a busy machine is enough for that. */
const LEADS_NO_MORE = /leader|timed out enqueuing/i;

for (const version of ["1.3.6", "1.7.3"]) {
  const { program, remove, reason } = buildGoPeer(version);
  after(() => remove?.());
  describe(`hashicorp/raft ${version}`, { skip: reason }, () => {
    /** One that is started with a first peer set, which is all of `members`. */
    const begin = async (t, kinds, options = {}, members = kinds.length) => {
      const set = await PeerSet.create(kinds, program, options);
      t.after(() => set.stop());
      const known = set.peers.slice(0, members);
      for (const peer of known) await set.start(peer, known);
      const founder = known.find(({ kind }) => kind === "go");
      await set.ask(founder, "bootstrap");
      await until(() => set.leader(), "somebody leads");
      return set;
    };
    const lead = (set, wanted) =>
      until(
        async () => {
          const leader = await set.leader();
          if (leader === wanted) return true;
          if (leader === undefined) return false;
          await set.ask(leader, "transfer", `${wanted.id}=${wanted.address}`).catch(() => {}); // looked at here
          return until(async () => (await set.leader()) === wanted, "the transfer", 5_000).catch(() => false);
        },
        `${wanted.kind} leads`,
        120_000,
      );
    /** Does what only a leader does: on a machine that stands still for half a second every leader loses its lead. */
    const asLeader = (set, peer, command, argument) => {
      let why;
      return until(
        async () => {
          try {
            await set.ask(peer, command, argument);
            return true;
          } catch (error) {
            // Anything else is wrong, however seldom it happens.
            if (!LEADS_NO_MORE.test(error.message)) throw error;
            why = error;
          }
          await lead(set, peer);
          return false;
        },
        () => `${peer.kind} does ${command}: ${why}`,
      );
    };

    test("either side leads, the logs converge, leadership goes both ways", async (t) => {
      const set = await begin(t, ["go", "tribune", "tribune"]);
      const [go, first, second] = set.peers;
      for (const [at, leader] of [go, first, go, second, first].entries()) {
        await lead(set, leader);
        for (let count = 0; count < 100; count++) await asLeader(set, leader, "apply", `key-${at}-${count}`);
        await set.converged(`key-${at}-99`);
      }
    });

    test("either leader is killed: the others go on, and it catches up", async (t) => {
      const set = await begin(t, ["go", "tribune", "tribune"]);
      const [go, tribune] = set.peers;
      for (const [at, victim] of [tribune, go].entries()) {
        await lead(set, victim);
        await asLeader(set, victim, "apply", `before-${at}`);
        await set.converged(`before-${at}`);
        await set.kill(victim);
        const startedMs = performance.now();
        const next = await until(() => set.leader(), "another leads");
        const tookMs = Math.round(performance.now() - startedMs);
        t.diagnostic(`${victim.kind} leader killed, ${next.kind} leads after ${tookMs} ms`);
        await asLeader(set, next, "apply", `after-${at}`);
        // The Go server keeps nothing on a disk: it comes back without a memory, like a new machine.
        await set.start(victim);
        await set.converged(`after-${at}`);
      }
    });

    test("snapshots are installed both ways", async (t) => {
      const set = await begin(t, ["go", "tribune", "tribune"], { trailing: 4 });
      const [go, first, second] = set.peers;
      const long = "x".repeat(20_000);
      await lead(set, go);
      await set.kill(second);
      for (let count = 0; count < 60; count++) await asLeader(set, go, "apply", `go-${count}-${long}`);
      await set.ask(go, "snapshot");
      await asLeader(set, go, "apply", "behind-the-snapshot");
      await set.start(second);
      await set.converged("behind-the-snapshot");
      assert.ok((await set.ask(second, "status")).snapshot > 50, "it came as a snapshot");
      await lead(set, first);
      await set.kill(go);
      const { last } = await set.ask(first, "status");
      for (let count = 0; count < 60; count++) await asLeader(set, first, "apply", `tribune-${count}-${long}`);
      await until(async () => (await set.ask(first, "status")).snapshot > last, "the leader took a snapshot");
      await asLeader(set, first, "apply", "behind-ours");
      await set.start(go);
      await set.converged("behind-ours");
      await lead(set, go);
      await asLeader(set, go, "apply", "at-last");
      await set.converged("at-last");
    });

    test("a server joins and is removed", async (t) => {
      const set = await begin(t, ["go", "tribune", "tribune"], {}, 2);
      const [go, first, late] = set.peers;
      await lead(set, go);
      await set.start(late);
      await asLeader(set, go, "add", `${late.id}=${late.address}`);
      await asLeader(set, go, "apply", "three");
      await set.converged("three");
      await lead(set, first);
      await asLeader(set, first, "remove", late.id);
      assert.equal((await set.ask(first, "status")).voters, 2);
      await asLeader(set, first, "apply", "two");
      await until(
        async () => (await set.ask(go, "entries")).length === (await set.ask(first, "entries")).length,
        "two",
      );
    });
  });
}
