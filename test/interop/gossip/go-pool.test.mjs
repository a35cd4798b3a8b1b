// Twelve members of HashiCorp's libraries, as Consul 1.10 runs them, and eight of ours in one encrypted pool.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { buildPeers, startPeers } from "./go-peers.mjs";
import { startPool, statusOf, until } from "./pools.mjs";

const KEYS = [3, 4].map((fill) => Buffer.alloc(16, fill).toString("base64"));
const THEIRS = 12;
const OURS = 8;
const ALL = THEIRS + OURS;
const { program, remove, reason } = buildPeers();
if (reason !== undefined) console.error(reason);

describe("a pool of twenty", { skip: reason ?? false }, () => {
  const pools = [];
  let peers;
  after(async () => {
    await Promise.all(pools.map(({ pool }) => pool.stop()));
    await peers?.stop();
    remove?.();
  });

  const ours = (at) => pools[at].pool;
  const names = [
    ...Array.from({ length: THEIRS }, (_, at) => `go-${at}`),
    ...Array.from({ length: OURS }, (_, at) => `ours-${at}`),
  ];
  /** Every living member agrees on what `expected` says of each name. */
  const agree = async (expected, livingGo, livingOurs) => {
    const matches = (found) => Object.entries(expected).every(([name, status]) => (found[name] ?? "none") === status);
    for (const at of livingOurs) {
      if (
        !matches(
          Object.fromEntries(
            ours(at)
              .members()
              .map(({ name, status }) => [name, status]),
          ),
        )
      )
        return false;
    }
    for (const at of livingGo) if (!matches(await peers.ask(at, "members"))) return false;
    return true;
  };
  const go = (count) => Array.from({ length: count }, (_, at) => at);

  test("all twenty see all twenty alive, each having joined one other", async () => {
    peers = await startPeers(program, "127.0.34.31", THEIRS, KEYS[0]);
    for (let at = 0; at < OURS; at++) {
      const keyring = { key: KEYS[0], path: undefined, verifyIncoming: true, verifyOutgoing: true };
      pools.push(await startPool(`ours-${at}`, `127.0.34.${40 + at}`, { keyring }));
    }
    // A chain of both kinds, so that most is learnt by gossip. Each joins one that is in the pool already: pools that
    // are merged later may need a push/pull until all know all, theirs like ours.
    for (let at = 0; at < THEIRS; at++) {
      if (at > 0) assert.equal(await peers.ask(at, "join", pools[Math.min(at, OURS) - 1].address), 1);
      if (at < OURS) assert.equal(await ours(at).join([peers.addresses[at]]), 1);
    }
    const everyone = Object.fromEntries(names.map((name) => [name, "alive"]));
    await until("all are alive for all", () => agree(everyone, go(THEIRS), go(OURS)), 60_000);
    assert.equal(ours(0).members().length, ALL);
    assert.equal(ours(7).member("go-11").tags.get("at"), "11");
  });

  test("an event of either kind reaches everybody once", async () => {
    await peers.ask(5, "event", "from-go", "one");
    ours(3).userEvent("from-ours", Buffer.from("two"), false);
    for (const name of ["from-go", "from-ours"]) {
      await until(`${name} reaches theirs`, () => peers.events.filter(({ event }) => event === name).length === THEIRS);
      await until(`${name} reaches ours`, () => pools.every(({ events }) => events.some((one) => one.name === name)));
      for (const { events } of pools) assert.equal(events.filter((one) => one.name === name).length, 1);
    }
    assert.equal(peers.events.filter(({ event }) => event === "from-ours").length, THEIRS);
  });

  test("a query of either kind is answered by everybody", async () => {
    for (const { pool, events } of pools) {
      assert.ok(events.length > 0);
      pool.subscribe((event) => {
        if (event.type === "query") event.respond(Buffer.from(`${event.name} from ${pool.local.name}`));
      });
    }
    const asked = await peers.ask(2, "query", "who", "payload");
    assert.deepEqual(Object.keys(asked).sort(), [...names].sort());
    assert.equal(asked["ours-4"], "who from ours-4");
    const answered = new Map();
    await new Promise((onDone) => {
      ours(4).query("who", {
        payload: Buffer.from("payload"),
        timeoutMs: 5_000,
        onResponse: (from, payload) => answered.set(from, Buffer.from(payload).toString()),
        onDone,
      });
    });
    assert.deepEqual([...answered.keys()].sort(), [...names].sort());
    assert.equal(answered.get("go-7"), "who payload from go-7");
  });

  test("the key is changed from ours to theirs and back", async () => {
    const counts = ({ members, responses, errors }) => ({ members, responses, errors });
    const good = { members: ALL, responses: ALL, errors: 0 };
    assert.deepEqual(counts(await ours(0).keyring("install", KEYS[1], 0)), good);
    assert.deepEqual(counts(await ours(1).keyring("use", KEYS[1], 2)), good);
    await peers.ask(0, "key", "remove", KEYS[0]);
    const listed = await peers.ask(1, "key", "list");
    assert.deepEqual(listed.Keys, { [KEYS[1]]: ALL });
    assert.equal(listed.NumResp, ALL);
    await assert.rejects(peers.ask(1, "key", "use", KEYS[0]), /20\/20 nodes reported failure/);
    const seen = await ours(2).keyring("list", "", 0);
    assert.deepEqual(counts(seen), good);
    assert.deepEqual(Object.fromEntries(seen.primaryKeys), { [KEYS[1]]: ALL });
  });

  test("tags change, and coordinates are there on both sides", async () => {
    await peers.ask(3, "tags", "role=changed");
    ours(5).setTags(new Map([["role", "changed too"]]));
    await until("ours see theirs", () => pools.every(({ pool }) => pool.member("go-3").tags.get("role") === "changed"));
    await until("theirs see ours", async () => (await peers.ask(9, "tags-of"))["ours-5"].role === "changed too");
    await until("a coordinate of theirs", () => names.some((name) => /^go/.test(name) && ours(0).coordinateOf(name)));
    await until("a coordinate of ours", async () => {
      const known = await Promise.all(go(OURS).map((at) => peers.ask(4, "rtt", `ours-${at}`).catch(() => undefined)));
      return known.some((seconds) => seconds > 0);
    });
  });

  test("members that leave and members that fail are told apart by all, and failed ones can be forced out", async () => {
    await peers.ask(11, "leave");
    await ours(7).leave();
    await ours(7).stop();
    await peers.ask(10, "crash");
    await ours(6).stop();
    const expected = { "go-11": "left", "ours-7": "left", "go-10": "failed", "ours-6": "failed", "go-0": "alive" };
    await until("all agree", () => agree(expected, go(10), go(6)), 60_000);
    ours(0).forceLeave("go-10", false);
    await peers.ask(0, "prune", "ours-6");
    await until("all agree again", () => agree({ "go-10": "left", "ours-6": "none" }, go(10), go(6)));
    for (const at of go(6)) assert.equal(statusOf(ours(at), "ours-6"), undefined);
  });
});
