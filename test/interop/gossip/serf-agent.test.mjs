// A pool of ours and HashiCorp's serf agents in one cluster: each sees the other come, talk, change, leave and fail.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { ownPort } from "../../../packages/tribune/dist/ports.test.support.js";
import { startPool, statusOf, until } from "./pools.mjs";
import { hasSerf, startSerf } from "./serf-agent.mjs";

const skip = hasSerf() ? false : "NO serf: install the package serf to run this";
const KEYS = [1, 2].map((fill) => Buffer.alloc(32, fill).toString("base64"));
const text = (bytes) => Buffer.from(bytes).toString();

/** Everything that one suite starts, stopped at its end whatever happened. */
function started() {
  const all = [];
  after(async () => {
    for (const one of all.reverse()) await (one.stop ?? (() => one.pool.stop()))();
  });
  return {
    serf: async (...args) => all[all.push(await startSerf(...args)) - 1],
    pool: async (...args) => all[all.push(await startPool(...args)) - 1],
  };
}

describe("a plain pool", { skip }, () => {
  const start = started();
  let ours;
  let theirs;

  test("joins a serf agent, and both see both alive", async () => {
    ours = await start.pool("ours", "127.0.34.1", { tags: new Map([["role", "node"], ["dc", "dc1"]]) }); // biome-ignore format: one line
    theirs = await start.serf("theirs", "127.0.34.2", ["-profile=local", "-tag", "zone=a b"]);
    assert.equal(await ours.pool.join([theirs.address]), 1);
    await until("we see it", () => statusOf(ours.pool, "theirs") === "alive");
    await until("it sees us", async () => (await theirs.statusOf("ours")) === "alive");
    assert.deepEqual([...ours.pool.member("theirs").tags], [["zone", "a b"]]);
    const [seen] = (await theirs.members()).filter(({ name }) => name === "ours");
    assert.deepEqual(seen.tags, { role: "node", dc: "dc1" });
    assert.deepEqual(seen.protocol, { min: 2, max: 5, version: 4 });
    assert.equal(seen.addr, ours.address);
  });

  test("events go both ways, once each", async () => {
    await theirs.run("event", "-coalesce=false", "deploy", "v1");
    const event = await until("its event", () => ours.events.find(({ name }) => name === "deploy"));
    assert.equal(text(event.payload), "v1");
    assert.throws(
      () => ours.pool.userEvent("big", new Uint8Array(600), false),
      /exceeds configured limit of 512 bytes/,
    );
    ours.pool.userEvent("ours-says", Buffer.from("hello"), false);
    await until("our event", () => theirs.log().includes("Received event: user-event: ours-says"));
    assert.equal(ours.events.filter(({ name }) => name === "ours-says").length, 1);
    assert.equal(ours.events.filter(({ name }) => name === "deploy").length, 1);
  });

  test("queries go both ways, with acknowledgements, filters and relays", async () => {
    const stop = ours.pool.subscribe((event) => {
      if (event.type === "query") event.respond(Buffer.from(`${event.name} ${text(event.payload)} from us`));
    });
    const printed = await theirs.run("query", "-timeout=4s", "up", "since");
    assert.match(printed, /Ack from 'ours'/);
    assert.match(printed, /Response from 'ours': up since from us/);
    const relayed = await theirs.run("query", "-timeout=4s", "-relay-factor=1", "-node=ours", "near");
    assert.match(relayed, /Response from 'ours': near {2}from us/);
    assert.doesNotMatch(relayed, /Ack from 'theirs'/);
    const byTag = await theirs.run("query", "-timeout=4s", "-no-ack", "-tag", "dc=^dc[0-9]$", "tagged");
    assert.match(byTag, /Total Responses: 1/);
    const byOther = await theirs.run("query", "-timeout=1s", "-no-ack", "-tag", "dc=^dc2", "tagged");
    assert.match(byOther, /Total Responses: 0/);
    stop();
    const acks = [];
    await new Promise((onDone) => {
      ours.pool.query("anybody", {
        payload: new Uint8Array(0),
        wantAck: true,
        timeoutMs: 4_000,
        onAck: (from) => acks.push(from),
        onDone,
      });
    });
    assert.deepEqual(acks.sort(), ["ours", "theirs"]);
  });

  test("its reachability test finds us, and it estimates round trips to us", async () => {
    assert.match(await theirs.run("reachability"), /Successfully contacted all live nodes/);
    await until("a round trip", async () => {
      const printed = await theirs.run("rtt", "ours").catch(() => "");
      return /Estimated ours <-> theirs rtt: \d/.test(printed);
    });
    await until("its coordinate", () => ours.pool.coordinateOf("theirs"));
  });

  test("tags change on both sides", async () => {
    ours.pool.setTags(new Map([["role", "changed"]]));
    assert.equal(ours.pool.local.tags.get("role"), "changed");
    await until("it sees our tags", async () =>
      (await theirs.members()).some(({ name, tags }) => name === "ours" && tags.role === "changed"),
    );
    await theirs.run("tags", "-set", "zone=c");
    await until("we see its tags", () => ours.pool.member("theirs").tags.get("zone") === "c");
    assert.ok(ours.events.some(({ type, members }) => type === "update" && members[0].name === "theirs"));
  });

  test("an agent that joins us, is killed, and comes back", async () => {
    const flags = ["-profile=local", `-join=${ours.address}`];
    const other = await start.serf("other", "127.0.34.3", flags);
    await until("it is alive", () => statusOf(ours.pool, "other") === "alive");
    await other.kill("SIGKILL");
    await until("it failed for us", () => statusOf(ours.pool, "other") === "failed");
    await until("it failed for the other", async () => (await theirs.statusOf("other")) === "failed");
    const again = await start.serf("other", "127.0.34.3", flags);
    // Another port under the same name: taken for a conflict until the old record is gone.
    assert.ok(again.address !== other.address);
    await until("the conflict was noticed", () => ours.lines.some((line) => /conflict/i.test(line)));
    await again.stop();
  });

  test("a failed member is forced out, and pruned, from either side", async () => {
    await until("it failed", () => statusOf(ours.pool, "other") === "failed");
    ours.pool.forceLeave("other", false);
    assert.equal(statusOf(ours.pool, "other"), "left");
    await until("it left for the other", async () => (await theirs.statusOf("other")) === "left");
    await theirs.run("force-leave", "-prune", "other");
    await until("we have erased it", () => ours.pool.member("other") === undefined);
    assert.ok(ours.events.some(({ type, members }) => type === "reap" && members[0].name === "other"));
    assert.throws(() => ours.pool.forceLeave("other", false), /No node found with name 'other'/);
  });

  test("an agent leaves: left, not failed", async () => {
    const leaver = await start.serf("leaver", "127.0.34.4", ["-profile=local", `-join=${ours.address}`]);
    await until("it is alive", () => statusOf(ours.pool, "leaver") === "alive");
    await leaver.run("leave");
    await until("it left", () => statusOf(ours.pool, "leaver") === "left");
    assert.deepEqual(
      ours.events.filter(({ members }) => members?.[0].name === "leaver").map(({ type }) => type),
      ["join", "leave"],
    );
  });

  test("we leave: left, not failed; and a pool that just stops fails", async () => {
    const crasher = await start.pool("crasher", "127.0.34.5");
    await crasher.pool.join([theirs.address]);
    await until("it is alive", async () => (await theirs.statusOf("crasher")) === "alive");
    await ours.pool.leave();
    await until("it sees us left", async () => (await theirs.statusOf("ours")) === "left");
    await crasher.pool.stop();
    await until("it failed", async () => (await theirs.statusOf("crasher")) === "failed");
  });
});

describe("an encrypted pool", { skip }, () => {
  const start = started();
  let ours;
  let theirs;
  let keyringPath;
  const keyring = (path) => ({ key: KEYS[0], path, verifyIncoming: true, verifyOutgoing: true });

  test("joins with the right key only", async () => {
    theirs = await start.serf("theirs", "127.0.34.12", ["-profile=lan", `-encrypt=${KEYS[0]}`]);
    keyringPath = join(theirs.directory, "serf", "ours.keyring");
    ours = await start.pool("ours", "127.0.34.11", { keyring: keyring(keyringPath) });
    assert.equal(ours.pool.encrypted, true);
    assert.equal(statSync(keyringPath).mode & 0o777, 0o600);
    assert.equal(await ours.pool.join([theirs.address]), 1);
    await until("it sees us", async () => (await theirs.statusOf("ours")) === "alive");
    const plain = await start.pool("plain", "127.0.34.13");
    await assert.rejects(plain.pool.join([theirs.address]), /1 error occurred:\n\t\* Failed to join /);
    const wrong = await start.pool("wrong", "127.0.34.14", { keyring: { ...keyring(undefined), key: KEYS[1] } });
    await assert.rejects(wrong.pool.join([theirs.address]), /Failed to join/);
    assert.equal(await theirs.statusOf("plain"), undefined);
    assert.equal(await theirs.statusOf("wrong"), undefined);
  });

  test("is joined by a serf agent with the right key only", async () => {
    const join = (key, name, host) =>
      start.serf(name, host, ["-profile=lan", ...(key === "" ? [] : [`-encrypt=${key}`])]);
    const joiner = await join(KEYS[0], "joiner", "127.0.34.15");
    await joiner.run("join", ours.address);
    await until("we see it", () => statusOf(ours.pool, "joiner") === "alive");
    await until("it sees all", async () => (await joiner.members()).length === 3);
    for (const [key, name, host] of [
      ["", "plain-serf", "127.0.34.16"],
      [KEYS[1], "wrong-serf", "127.0.34.17"],
    ]) {
      const stranger = await join(key, name, host);
      await assert.rejects(stranger.run("join", ours.address), /Error joining the cluster/);
      assert.equal(statusOf(ours.pool, name), undefined);
    }
    await joiner.run("leave");
    await until("it left", () => statusOf(ours.pool, "joiner") === "left");
  });

  test("the key is changed from either side", async () => {
    const good = { members: 2, responses: 2, errors: 0 };
    const counts = ({ members, responses, errors }) => ({ members, responses, errors });
    assert.deepEqual(counts(await ours.pool.keyring("install", KEYS[1], 0)), good);
    assert.deepEqual(counts(await ours.pool.keyring("use", KEYS[1], 0)), good);
    const listed = await ours.pool.keyring("list", "", 0);
    assert.deepEqual(counts(listed), good);
    assert.deepEqual(Object.fromEntries(listed.keys), { [KEYS[0]]: 2, [KEYS[1]]: 2 });
    assert.deepEqual(Object.fromEntries(listed.primaryKeys), { [KEYS[1]]: 2 });
    const refused = await ours.pool.keyring("remove", KEYS[1], 0);
    assert.equal(refused.errors, 2);
    assert.equal(refused.messages.get("ours"), refused.messages.get("theirs"));
    assert.match(await theirs.run("keys", `-remove=${KEYS[0]}`), /Successfully removed/);
    assert.match(await theirs.run("keys", "-list"), /^AgICAg\S+ +\[2\/2\]$/m);
    assert.deepEqual(JSON.parse(readFileSync(keyringPath, "utf8")), [KEYS[1]]);
    await theirs.run("event", "after-rotation");
    await until("its event", () => ours.events.find(({ name }) => name === "after-rotation"));
  });
});

const noIpv6 = (await ownPort("::1").catch(() => undefined)) === undefined ? "NO IPv6: ::1 cannot be bound" : false;
describe("a pool over IPv6", { skip: skip || noIpv6 }, () => {
  const start = started();

  test("joins a serf agent and is joined by one, talks, and notices a failure", async () => {
    const port = await ownPort("::1");
    const theirs = await start.serf("theirs", "[::1]", ["-profile=local"], port);
    const ours = await start.pool("ours", "::1");
    assert.equal(await ours.pool.join([theirs.address]), 1);
    await until("it sees us", async () => (await theirs.statusOf("ours")) === "alive");
    const [seen] = (await theirs.members()).filter(({ name }) => name === "ours");
    assert.equal(seen.addr, `[::1]:${ours.pool.local.port}`);
    const joiner = await start.serf("joiner", "[::1]", ["-profile=local"], await ownPort("::1"));
    await joiner.run("join", `[::1]:${ours.pool.local.port}`);
    await until("we see it", () => statusOf(ours.pool, "joiner") === "alive");
    await joiner.run("event", "-coalesce=false", "over-six", "v6");
    const event = await until("its event", () => ours.events.find(({ name }) => name === "over-six"));
    assert.equal(text(event.payload), "v6");
    await joiner.kill("SIGKILL");
    await until("it failed", () => statusOf(ours.pool, "joiner") === "failed");
    await ours.pool.leave();
    await until("we left", async () => (await theirs.statusOf("ours")) === "left");
  });
});

describe("the snapshot file", { skip }, () => {
  const start = started();

  test("brings a pool back to the members of its last life, and no old events", async () => {
    const theirs = await start.serf("theirs", "127.0.34.22", ["-profile=local"]);
    const snapshotPath = join(theirs.directory, "serf", "local.snapshot");
    const port = await ownPort("127.0.34.21");
    const options = { snapshotPath, bind: { host: "127.0.34.21", port } };
    const first = await startPool("ours", "127.0.34.21", options);
    await first.pool.join([theirs.address]);
    await theirs.run("event", "old");
    await until("its event", () => first.events.find(({ name }) => name === "old"));
    await first.pool.stop();
    assert.match(readFileSync(snapshotPath, "utf8"), /^alive: theirs 127\.0\.34\.22:\d+$/m);
    const second = await start.pool("ours", "127.0.34.21", options);
    await until("it is back", () => statusOf(second.pool, "theirs") === "alive");
    await theirs.run("event", "new");
    await until("its event", () => second.events.find(({ name }) => name === "new"));
    assert.equal(
      second.events.find(({ name }) => name === "old"),
      undefined,
    );
    await second.pool.leave();
    await second.pool.stop();
    const third = await start.pool("ours", "127.0.34.21", options);
    const fresh = readFileSync(snapshotPath, "utf8");
    assert.doesNotMatch(fresh, /^alive: theirs/m);
    assert.match(fresh, /^event-clock: 0$/m);
    // How far we were ourselves outlives a leave: whoever knows of it only believes what is later.
    assert.match(fresh, /^clock: [1-9]/m);
    assert.match(fresh, /^#incarnation: [1-9]/m);
    assert.equal(third.pool.members().length, 1);
  });

  test("is one that a serf agent and a pool of ours take over from each other", async () => {
    const other = await start.serf("other", "127.0.34.23", ["-profile=local"]);
    const directory = mkdtempSync(join(tmpdir(), "tribune-snapshot-"));
    after(() => rmSync(directory, { recursive: true, force: true }));
    const snapshotPath = join(directory, "snapshot");
    // One address for all, or each would be taken for another node with the same name.
    const port = await ownPort("127.0.34.24");
    const options = { snapshotPath, bind: { host: "127.0.34.24", port } };
    const first = await startPool("taker", "127.0.34.24", options);
    await first.pool.join([other.address]);
    await until("it is a member", async () => (await other.statusOf("taker")) === "alive");
    await first.pool.stop();
    await until("it failed", async () => (await other.statusOf("taker")) === "failed");

    const flags = ["-profile=local", `-snapshot=${snapshotPath}`];
    const agent = await start.serf("taker", "127.0.34.24", flags, port);
    await until("the agent is back by our file", async () => (await other.statusOf("taker")) === "alive");
    assert.doesNotMatch(agent.log(), /Unrecognized snapshot line/);
    await agent.kill("SIGKILL");
    await until("it failed", async () => (await other.statusOf("taker")) === "failed");
    const second = await start.pool("taker", "127.0.34.24", options);
    await until("we are back by its file", () => statusOf(second.pool, "other") === "alive");
  });
});

describe("a name that two claim", { skip }, () => {
  const start = started();
  const VOTES = { resolveNameConflicts: true };
  let witness;
  let ours;

  test("a serf agent that comes with our name is voted out", async () => {
    witness = await start.serf("witness", "127.0.34.21", ["-profile=local"]);
    ours = await start.pool("ours", "127.0.34.22", VOTES);
    assert.equal(await ours.pool.join([witness.address]), 1);
    await until("the witness knows us", async () => (await witness.statusOf("ours")) === "alive");
    const late = await start.serf("ours", "127.0.34.23", ["-profile=local"]);
    // One that has already quit answers no command any more.
    await late.run("join", witness.address).catch(() => undefined);
    await until("it gives up", () => late.log().includes("minority in name conflict resolution"), 60_000);
    const [seen] = (await witness.members()).filter(({ name }) => name === "ours");
    assert.equal(seen.addr, ours.address);
    assert.ok(!ours.lines.some((line) => line.includes("minority")));
  });

  test("and so are we with its name", async () => {
    const late = await start.pool("witness", "127.0.34.24", VOTES);
    await late.pool.join([ours.address]);
    const quits = () => late.lines.some((line) => line.includes("minority in name conflict resolution, quiting [0 / "));
    await until("we give up", quits, 60_000);
    await until("we are still known", async () => (await witness.statusOf("ours")) === "alive");
    assert.equal(ours.pool.member("witness").host, "127.0.34.21");
  });
});
