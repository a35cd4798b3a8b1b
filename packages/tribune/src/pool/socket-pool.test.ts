import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeKeyringFile, keyOfBase64 } from "../codec/gossip-keyring.ts";
import { encodeMessage } from "../codec/memberlist-messages.ts";
import { encodePacket } from "../codec/memberlist-packet.ts";
import { encodeStream, StreamDecoder } from "../codec/memberlist-stream.ts";
import { gossipCipher } from "../net/gossip-crypto.ts";
import { simHost } from "../sim/sim-runtime.ts";
import { encryptionHint } from "./encryption-hint.ts";
import { lanMergeRules, wanMergeRules } from "./merge-rules.ts";
import { alive, KEY, OTHER_KEY, PORT, type PoolHost, PoolSim, statuses } from "./pool.test.support.ts";
import { STREAMS_MAX } from "./stream-limits.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const keyring = (key: string, path?: string) => ({ key, path, verifyIncoming: true, verifyOutgoing: true });
const userEvents = ({ heard }: PoolHost): string[] =>
  heard.flatMap((event) => (event.type === "user" ? [`${event.name} ${text(event.payload)}`] : []));

/** Ten encrypted pools come together, talk, and lose members in each way. @returns what happened */
async function story(seed: number): Promise<string> {
  const sim = new PoolSim(seed);
  const pools = await sim.cluster(10, { keyring: keyring(KEY) });

  pools[3]!.pool.userEvent("deploy", Buffer.from("v1"), false);
  await sim.until("the event is everywhere", () => pools.every((one) => userEvents(one).includes("deploy v1")));

  for (const { name, pool } of pools) {
    pool.subscribe((event) => event.type === "query" && event.respond(Buffer.from(`${text(event.payload)} ${name}`)));
  }
  const answers: string[] = [];
  const done = new Promise<void>((onDone) => {
    const onResponse = (from: string, payload: Uint8Array): void => void answers.push(`${from}: ${text(payload)}`);
    pools[0]!.pool.query("who", { payload: Buffer.from("I am"), onResponse, onDone });
  });
  await sim.settle(done);
  assert.deepEqual(answers.sort(), pools.map(({ name }) => `${name}: I am ${name}`).sort());

  pools[4]!.pool.setTags(new Map([["role", "changed"]]));
  await sim.until("the tags are everywhere", () =>
    pools.every(({ pool }) => pool.member("p5")?.tags.get("role") === "changed"),
  );

  await sim.settle(pools[9]!.pool.leave());
  await sim.settle(pools[9]!.pool.stop());
  pools[8]!.host.crash();
  const living = pools.slice(0, 8);
  await sim.until("one left and one failed", () =>
    living.every((one) => one.pool.member("p10")?.status === "left" && one.pool.member("p9")?.status === "failed"),
  );
  await sim.play(60_000);
  for (const one of living) {
    assert.equal(one.events.filter((line) => line.startsWith("failed")).join(), "failed p9", `seen by ${one.name}`);
    assert.equal(userEvents(one).length, 1, "once");
  }

  living[0]!.pool.forceLeave("p9", false);
  await sim.until("it is forced out", () => living.every(({ pool }) => pool.member("p9")?.status === "left"));
  living[7]!.pool.forceLeave("p9", true);
  await sim.until("it is pruned", () => living.every(({ pool }) => pool.member("p9") === undefined));
  return sim.sim.fingerprint();
}

test("ten pools: join, event, query, tags, leave, crash, force-leave; one seed is one run", async () => {
  const first = await story(1);
  assert.equal(await story(1), first);
  assert.notEqual(await story(2), first);
});

test("with a tenth of all packets lost, and some doubled and late, nobody is taken for failed", async () => {
  const sim = new PoolSim(3);
  const pools = await sim.cluster(8);
  sim.network.faults = { loss: 0.1, duplicate: 0.05, delayMinMs: 1, delayMaxMs: 30, straggle: 0.05 };
  await sim.play(180_000);
  for (const one of pools) assert.equal(one.events.filter((line) => line.startsWith("failed")).length, 0);
});

test("a partition that heals: failed on both sides, then found again", async () => {
  const sim = new PoolSim(4);
  const pools = await sim.cluster(6);
  const cut = (on: boolean): void => {
    for (const one of pools.slice(0, 3)) {
      for (const other of pools.slice(3)) {
        for (const link of [`${one.address}>${other.address}`, `${other.address}>${one.address}`]) {
          if (on) sim.network.blocked.add(link);
          else sim.network.blocked.delete(link);
        }
      }
    }
  };
  cut(true);
  const failed = (one: PoolHost): number => statuses(one).filter((line) => line.endsWith("failed")).length;
  await sim.until("each side has lost the other", () => pools.every((one) => failed(one) === 3), 120_000);
  cut(false);
  await sim.until("they are one again", () => pools.every((one) => failed(one) === 0), 180_000);
});

test("a machine that comes back rejoins by its snapshot, and hears no old events", async () => {
  const sim = new PoolSim(5);
  const snapshot = { snapshotPath: "/data/serf/local.snapshot" };
  const pools = await sim.cluster(3, snapshot);
  pools[0]!.pool.userEvent("old", new Uint8Array(0), false);
  await sim.until("it was heard", () => userEvents(pools[2]!).length === 1);
  await sim.settle(pools[2]!.pool.stop());
  pools[2]!.host.crash();
  await sim.until("it failed", () => pools[0]!.pool.member("p3")?.status === "failed");
  await sim.boot(pools[2]!, snapshot);
  await sim.until("it is back", () => pools.every(({ pool }) => pool.member("p3")?.status === "alive"));
  pools[0]!.pool.userEvent("new", new Uint8Array(0), false);
  await sim.until("it hears", () => userEvents(pools[2]!).includes("new "));
  assert.deepEqual(userEvents(pools[2]!), ["old ", "new "], "each once, over both lives");

  await sim.settle(pools[2]!.pool.leave());
  await sim.settle(pools[2]!.pool.stop());
  await sim.boot(pools[2]!, snapshot);
  await sim.play(30_000);
  assert.equal(pools[2]!.pool.members().length, 1, "who has left does not come back by itself");
});

test("who left and came back is not taken for gone again by one who remembers the leave", async () => {
  const sim = new PoolSim(11);
  const snapshot = { snapshotPath: "/data/serf/local.snapshot" };
  const [forgetful, mindful, leaver] = (await sim.cluster(3, snapshot)) as [PoolHost, PoolHost, PoolHost];
  for (let step = 0; step < 5; step++) leaver.pool.setTags(new Map([["step", String(step)]]));
  await sim.settle(leaver.pool.leave().then(() => leaver.pool.stop()));
  await sim.until("the leave is known", () => mindful.pool.member("p3")?.status === "left");
  forgetful.host.crash();
  await sim.boot(forgetful); // without its file: it has forgotten both
  leaver.host.crash(); // with its file, of which the last lines may be lost
  forgetful.events.length = 0;
  await sim.boot(leaver, snapshot);
  await sim.settle(leaver.pool.join([forgetful.address]));
  await sim.settle(mindful.pool.join([forgetful.address])); // a push/pull, as comes by itself sooner or later
  await sim.until("all see all", () => sim.hosts.every((one) => statuses(one).join() === alive(3)), 120_000);
  assert.deepEqual(
    forgetful.events.filter((line) => line.endsWith("p3")),
    ["join p3", "update p3"],
  );
});

test("keys are rotated over the whole pool, kept in files, and a lost file is said so", async () => {
  const sim = new PoolSim(6);
  const path = "/data/serf/local.keyring";
  const pools = await sim.cluster(4, { keyring: keyring(KEY, path) });
  const change = async (operation: "install" | "use" | "remove" | "list", key: string) => {
    const { members, responses, errors, ...rest } = await sim.settle(pools[0]!.pool.keyring(operation, key, 0));
    assert.deepEqual([members, responses], [4, 4], operation);
    return { errors, ...rest };
  };
  for (const operation of ["install", "use"] as const) assert.equal((await change(operation, OTHER_KEY)).errors, 0);
  const refused = await change("remove", OTHER_KEY);
  assert.equal(refused.errors, 4);
  assert.equal(refused.messages.get("p3"), "Removing the primary key is not allowed");
  assert.equal((await change("remove", KEY)).errors, 0);
  const listed = await change("list", "");
  assert.deepEqual([...listed.keys], [[OTHER_KEY, 4]]);
  assert.deepEqual([...listed.primaryKeys], [[OTHER_KEY, 4]]);
  const short = await change("install", "AAAA");
  assert.equal(short.errors, 4);
  assert.equal(short.messages.get("p3"), "key size must be 16, 24 or 32 bytes");
  const file = await sim.settle(pools[2]!.host.runtime().disk.readFile(path));
  assert.deepEqual(decodeKeyringFile(text(file!)).primary, keyOfBase64(OTHER_KEY));
  await sim.play(60_000);
  for (const one of pools) assert.equal(one.events.filter((line) => line.startsWith("failed")).length, 0);
});

test("a file of keys wins over the key of the configuration; without either a pool is plain", async () => {
  const sim = new PoolSim(7);
  const path = "/keys";
  const one = await sim.add(1, { keyring: keyring(KEY, path) });
  assert.equal(one.pool.encrypted, true);
  await sim.settle(one.pool.stop());
  await sim.boot(one, { keyring: keyring(OTHER_KEY, path) });
  const { primaryKeys } = await sim.settle(one.pool.keyring("list", "", 0));
  assert.deepEqual([...primaryKeys], [[KEY, 1]]);
  const plain = await sim.add(2, { keyring: keyring("", "/none") });
  assert.equal(plain.pool.encrypted, false);
  const outcome = await sim.settle(plain.pool.keyring("install", KEY, 0));
  assert.equal(outcome.messages.get("p2"), "No keyring to modify (encryption not enabled)");
});

test("a join says what went wrong with each address", async () => {
  const sim = new PoolSim(8);
  const one = await sim.add(1);
  await assert.rejects(sim.settle(one.pool.join(["10.0.0.9", "p/10.0.0.8:99", "/x", "host", "10.0.0.7:99999"])), {
    message: [
      "5 errors occurred:",
      "\t* Failed to join 10.0.0.9:8301: dial tcp 10.0.0.9:8301: connect: connection refused",
      "\t* Failed to join 10.0.0.8:99: dial tcp 10.0.0.8:99: connect: connection refused",
      "\t* Failed to resolve /x: empty node name provided",
      "\t* Failed to resolve host: names are not resolved here",
      "\t* Failed to resolve 10.0.0.7:99999: address 10.0.0.7:99999: invalid port",
      "\n",
    ].join("\n"),
  });
  const two = await sim.add(2);
  assert.equal(await sim.settle(two.pool.join(["10.0.0.9", "10.0.0.1"])), 1, "one of two is enough");
});

test("keys keep strangers out, and tell them nothing", async () => {
  const sim = new PoolSim(9);
  const one = await sim.add(1, { keyring: keyring(KEY) });
  const others = [await sim.add(2), await sim.add(3, { keyring: keyring(OTHER_KEY) })];
  for (const { pool } of others) await assert.rejects(sim.settle(pool.join([one.address])), /1 error occurred/);
  assert.equal(one.pool.members().length, 1);

  // A plaintext stream is answered with an error under the pool's key.
  const connecting = simNetworkOf(sim).connectTcp(one.address, PORT, 1_000);
  const stream = await sim.settle(connecting);
  const encryption = { cipher: gossipCipher, keyring: decodeKeyringFile(JSON.stringify([KEY])), rng: sim.sim.rng };
  const decoder = new StreamDecoder({
    dialling: true,
    encryption: { ...encryption, verifyIncoming: true, verifyOutgoing: true, version: 1 },
  });
  let answer: unknown;
  stream.onData = (chunk) => {
    answer ??= decoder.push(chunk);
  };
  const request = { type: "pushPull", join: true, nodes: [], userState: new Uint8Array(0) } as const;
  stream.write(encodeStream(request, { compress: true, dialling: true }));
  await sim.play(100);
  assert.deepEqual(answer, {
    type: "error",
    error: "Encryption is configured but remote state is not encrypted",
  });
});

test("the log says what to do where one has a gossip key and the other has none, or another one", async () => {
  const sim = new PoolSim(12);
  const one = await sim.add(1, { keyring: keyring(KEY) });
  const plain = await sim.add(2);
  const other = await sim.add(3, { keyring: keyring(OTHER_KEY) });
  const says = ({ name, lines }: PoolHost, text: RegExp) =>
    sim.until(`${name} says ${text}`, () => lines.some((line) => text.test(line)));
  await assert.rejects(sim.settle(plain.pool.join([one.address])));
  await says(one, /remote state is not encrypted from=10.0.0.2\S* .*"the other agent has no gossip key/);
  await assert.rejects(sim.settle(other.pool.join([one.address])));
  await says(one, /No installed keys could decrypt the message from=10.0.0.3\S* .*"the other agent has another/);
  await assert.rejects(sim.settle(one.pool.join([plain.address])));
  await says(plain, /encryption is not configured from=10.0.0.1\S* .*"the sender has a gossip key/);
});

test("what the other agent says of us is not taken for what is wrong with it", async () => {
  const sim = new PoolSim(14);
  const strict = await sim.add(1, { keyring: keyring(KEY) });
  const open = await sim.add(2, { keyring: { ...keyring(KEY), verifyIncoming: false } });
  const silent = await sim.add(3, { keyring: { ...keyring(KEY), verifyOutgoing: false } });
  const plain = await sim.add(4);
  const hint = (from: PoolHost, to: PoolHost) =>
    sim.settle(
      from.pool.join([to.address]).then(
        () => "joined",
        (error: Error) => encryptionHint(error.message).hint ?? error.message,
      ),
    );
  assert.match(await hint(open, plain), /^the other agent has no gossip key and this one has/);
  assert.match(await hint(silent, strict), /^the other agent takes only encrypted gossip/);
});

test("a member that comes back without the pool's key is told by the packets it gets", async () => {
  const sim = new PoolSim(13);
  const [one, back] = await sim.cluster(2, { keyring: keyring(KEY) });
  back!.host.crash();
  await sim.boot(back!);
  const packet =
    /Decrypt packet failed: .*encryption is not configured from=10.0.0.1\S* .*"the sender has a gossip key/;
  await sim.until("it says so", () => back!.lines.some((line) => packet.test(line)));
  await sim.settle(one!.pool.stop());
});

test("allow lists by address", async () => {
  const sim = new PoolSim(10);
  const one = await sim.add(1, { allowedCidrs: ["10.0.0.1/32", "10.0.0.4/30"] });
  const inside = await sim.add(5);
  const outside = await sim.add(9);
  await sim.settle(inside.pool.join([one.address]));
  await sim.settle(outside.pool.join([one.address]).catch(() => 0));
  await sim.play(10_000);
  assert.equal(one.pool.member("p5")?.status, "alive");
  assert.equal(one.pool.member("p9"), undefined);
});

test("merge rules keep another datacenter out", async () => {
  const sim = new PoolSim(11);
  const options = (datacenter: string, number: number, nodeId = `id-${number}`) => ({
    tags: new Map([["role", "node"], ["dc", datacenter], ["id", nodeId], ["build", "1.10.11:"]]), // biome-ignore format: one line
    merge: lanMergeRules({ datacenter, nodeId, nodeName: `p${number}`, segment: "" }),
  });
  const one = await sim.add(1, options("dc1", 1));
  const two = await sim.add(2, options("dc1", 2));
  const three = await sim.add(3, options("dc2", 3));
  const twin = await sim.add(4, options("dc1", 4, "id-2"));
  await sim.settle(two.pool.join([one.address]));
  await assert.rejects(sim.settle(three.pool.join([one.address])), /Member 'p[12]' part of wrong datacenter 'dc1'/);
  assert.ok(
    one.lines.some((line) =>
      /^memberlist: Failed push\/pull merge: Member 'p3' part of wrong .* from=10\.0\.0\.3:/.test(line),
    ),
    "the one that was asked says it, too",
  );
  await assert.rejects(sim.settle(twin.pool.join([one.address])), /Member 'p2' has conflicting node ID 'id-2'/);
  await sim.play(10_000);
  assert.equal(one.pool.member("p3"), undefined);
  const servers = await sim.add(5, { merge: wanMergeRules() });
  await assert.rejects(sim.settle(servers.pool.join([one.address])), /Member 'p[124]' is not a server/);
});

test("streams that say nothing are closed in time, and there is an end to how many there are", async () => {
  const sim = new PoolSim(12);
  const one = await sim.add(1);
  let open = 0;
  for (let count = 0; count < STREAMS_MAX + 10; count++) {
    const stream = await sim.settle(simNetworkOf(sim).connectTcp(one.address, PORT, 1_000));
    open++;
    stream.onClose = () => open--;
  }
  await sim.play(100);
  assert.ok(open <= STREAMS_MAX, `${open} streams are open`);
  await sim.play(15_000);
  assert.equal(open, 0);
  const two = await sim.add(2);
  assert.equal(await sim.settle(two.pool.join([one.address])), 1);
});

test("garbage on either socket changes nothing", async () => {
  const sim = new PoolSim(13);
  const [one] = await sim.cluster(3);
  const network = simNetworkOf(sim);
  const udp = await network.bindUdp("10.9.9.9", 0, () => {});
  for (let round = 0; round < 200; round++) {
    udp.send(sim.sim.rng.bytes(round), PORT, one!.address);
    if (round % 10 > 0) continue;
    const stream = await sim.settle(network.connectTcp(one!.address, PORT, 1_000));
    stream.write(sim.sim.rng.bytes(1 + round));
    stream.end();
  }
  await sim.play(20_000);
  assert.deepEqual(statuses(one!), ["p1 alive", "p2 alive", "p3 alive"]);
});

test("what a pool cannot be built from", async () => {
  const sim = new PoolSim(14);
  const build = (changes: object) =>
    sim.add(1, changes).then(
      () => "built",
      (error: Error) => error.message,
    );
  await Promise.all(
    (
      [
        [{ tags: new Map([["a", "x".repeat(600)]]) }, /Encoded length of tags exceeds limit of 512 bytes/],
        [{ bind: { host: "0.0.0.0", port: 1 } }, /0\.0\.0\.0 cannot be advertised/],
        [{ bind: { host: "host", port: 1 } }, /host is not an IP address/],
        [{ allowedCidrs: ["10.0.0.0/33"] }, /invalid CIDR address: 10\.0\.0\.0\/33/],
      ] as const
    ).map(async ([changes, message]) => assert.match(await build(changes), message)),
  );
});

test("a pool that is not running says so, and can be stopped as often as one likes", async () => {
  const sim = new PoolSim(15);
  const one = await sim.add(1);
  assert.equal(one.pool.local.name, "p1");
  await sim.settle(one.pool.stop());
  await sim.settle(one.pool.stop());
  await assert.rejects(one.pool.join([]), /the gossip pool is not running/);
  assert.throws(() => one.pool.userEvent("e", new Uint8Array(0), false), /the gossip pool is not running/);
});

/** The network as a machine of no pool sees it. */
function simNetworkOf(sim: PoolSim) {
  return sim.internet.attach("10.9.9.9");
}

test("the name in a stranger's packet is no line of the log", async () => {
  const sim = new PoolSim(1);
  const [one] = (await sim.cluster(2)) as [PoolHost, PoolHost];
  const stranger = simHost(sim.internet, "10.0.0.9").runtime();
  const socket = await stranger.network.bindUdp("10.0.0.9", 9_999, () => {});
  const node = "x'\n2026-01-02T15:04:05.000Z [ERROR] agent: forged\r";
  const ping = { type: "ping", seqNo: 1, node, sourceAddr: new Uint8Array(0), sourcePort: 0, sourceNode: "" } as const;
  socket.send(encodePacket([encodeMessage(ping)], { compress: false, crc: false }), PORT, one.address);
  await sim.until("it is logged", () => one.lines.some((line) => line.includes("forged")));
  for (const line of one.lines) assert.doesNotMatch(line, /[\n\r]/);
});
