// What can go wrong with a datacenter. Each fault breaks something, waits until its effect must show, and mends it.
import { program, until } from "../agent-process.mjs";

const OURS = [process.execPath, program];

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const NAMESPACED = new Set(["partition-leader", "partition-follower", "lossy-network"]);

const DISKS = new Map([
  ...["disk-full-leader", "disk-full-follower"].map((name) => [name, "memory"]),
  ...["disk-stall-leader", "disk-stall-follower", "disk-fail-leader", "disk-fail-follower"].map((name) => [
    name,
    "file",
  ]),
]);

export const needsNamespaces = (name) => NAMESPACED.has(name);
/** Whether every server must be run with a wall clock that can be set. */
export const needsClocks = (name) => name === "clock-jump";
/** @returns {"memory" | "file" | undefined} the kind of disk that the fault breaks */
export const disksFor = (name) => DISKS.get(name);

export const FAULTS = {
  async "kill-leader"(cluster) {
    const leader = await leaderOf(cluster);
    await cluster.kill(leader);
    await cluster.writable();
    cluster.startAgent(leader);
    await caughtUp(cluster, leader);
  },

  async "kill-follower"(cluster) {
    const follower = await followerOf(cluster);
    await cluster.kill(follower);
    await sleep(2000);
    cluster.startAgent(follower);
    await caughtUp(cluster, follower);
  },

  /** All of them at once, as in a power cut. */
  async "kill-all"(cluster) {
    await Promise.all(cluster.servers.map(({ number }) => cluster.kill(number)));
    for (const { number } of cluster.servers) cluster.startAgent(number);
    await cluster.writable();
  },

  /** The leader stands still: others must take over, and it must not answer from the past when it wakes. */
  async "stop-leader"(cluster) {
    const leader = await leaderOf(cluster);
    const { process } = cluster.agents.get(leader);
    process.signal("SIGSTOP");
    await sleep(8000);
    process.signal("SIGCONT");
    await sleep(1000);
  },

  async "stop-leader-briefly"(cluster) {
    const { process } = cluster.agents.get(await leaderOf(cluster));
    process.signal("SIGSTOP");
    await sleep(700);
    process.signal("SIGCONT");
    await sleep(500);
  },

  async "partition-leader"(cluster, { hosts }) {
    const leader = await leaderOf(cluster);
    hosts.cut(leader);
    await sleep(12_000);
    hosts.mend(leader);
    await caughtUp(cluster, leader);
  },

  async "partition-follower"(cluster, { hosts }) {
    const follower = await followerOf(cluster);
    hosts.cut(follower);
    await sleep(8000);
    hosts.mend(follower);
    await caughtUp(cluster, follower);
  },

  async "lossy-network"(cluster, { hosts }) {
    for (const { number } of cluster.servers) hosts.lose(number, 0.05);
    await sleep(10_000);
    for (const { number } of cluster.servers) hosts.repair(number);
  },

  async "disk-full-leader"(cluster, { disks }) {
    await fullDisk(cluster, disks, await leaderOf(cluster));
  },
  async "disk-full-follower"(cluster, { disks }) {
    await fullDisk(cluster, disks, await followerOf(cluster));
  },

  /** Nothing that is written comes to its end for a while. */
  async "disk-stall-leader"(cluster, { disks }) {
    const leader = await leaderOf(cluster);
    disks.freeze(leader);
    await cluster.writable();
    await until(
      async () => ![undefined, leader].includes(await cluster.leader()),
      () => `${cluster.outputs(3000)}\nnobody took over from a leader whose disk stands still`,
      60_000,
    );
    await cluster.writable();
    disks.thaw(leader);
    await caughtUp(cluster, leader);
  },
  async "disk-stall-follower"(cluster, { disks }) {
    const follower = await followerOf(cluster);
    disks.freeze(follower);
    await sleep(8000);
    disks.thaw(follower);
    await caughtUp(cluster, follower);
  },

  async "disk-fail-leader"(cluster, { disks }) {
    await failedDisk(cluster, disks, await leaderOf(cluster));
  },
  async "disk-fail-follower"(cluster, { disks }) {
    await failedDisk(cluster, disks, await followerOf(cluster));
  },

  /**
   * The wall clock of one server after the other jumps an hour ahead, an hour back, and is set right. What counts time
   * counts on: nobody loses leadership, no session ends before its time, and one that is not renewed does end.
   */
  async "clock-jump"(cluster, { clocks }) {
    const leader = await leaderOf(cluster);
    const url = cluster.agents.get(await followerOf(cluster)).url;
    const session = await createSession(url, "900s"); // ends after twice that, and an hour is more
    if (!(await acquire(url, "clock-jump/lock", session))) throw new Error("the lock was not to be had");
    const dying = await createSession(url, "10s");
    for (const [number, seconds] of [leader, await followerOf(cluster)].flatMap((each) =>
      [3600, -3600, 0].map((jump) => [each, jump]),
    )) {
      clocks.set(number, seconds);
      await until(
        async () => Math.abs((await wallClockOf(cluster.agents.get(number).url)) - Date.now() / 1000 - seconds) < 60,
        () => `the clock of agent ${number} does not jump by ${seconds} s`,
      );
      await sleep(1500);
      const now = await leaderOf(cluster);
      if (now !== leader)
        throw new Error(`with ${number}'s clock off by ${seconds} s ${now} leads instead of ${leader}`);
      if ((await sessionsOf(url, session)) !== 1) throw new Error(`a session ended with a clock off by ${seconds} s`);
    }
    await until(
      async () => (await sessionsOf(url, dying)) === 0,
      () => "a session that is not renewed does not end",
      60_000,
    );
    await fetch(`${url}/v1/session/destroy/${session}`, { method: "PUT" });
  },

  /** Each server is told to end and started again, followers first, as for an upgrade. */
  async "rolling-restart"(cluster) {
    await replaceAll(cluster, undefined, "SIGTERM");
  },

  /** The same with leave: its place is given up and taken again. */
  async "rolling-leave"(cluster) {
    await replaceAll(cluster, undefined, "SIGINT");
  },

  /** Another program takes over on the same addresses, with empty data directories, server by server. */
  async replace(cluster, { command }) {
    await replaceAll(cluster, command ?? OURS, "SIGINT", true);
  },
};

async function createSession(url, TTL) {
  const body = JSON.stringify({ TTL, LockDelay: "0s" });
  return (await (await fetch(`${url}/v1/session/create`, { method: "PUT", body })).json()).ID;
}

async function acquire(url, key, session) {
  const response = await fetch(`${url}/v1/kv/${key}?acquire=${session}`, { method: "PUT", body: "held" });
  return (await response.text()).trim() === "true";
}

async function sessionsOf(url, session) {
  return (await (await fetch(`${url}/v1/session/info/${session}?consistent`)).json()).length;
}

/** Unix seconds, as the agent's own answers say. */
async function wallClockOf(url) {
  const response = await fetch(`${url}/v1/agent/host`);
  const { Host } = await response.json();
  const started = Host.bootTime + Host.uptime;
  const date = Date.parse(response.headers.get("date") ?? "") / 1000;
  return Number.isNaN(date) ? started : date;
}

async function fullDisk(cluster, disks, number) {
  disks.fill(number);
  await endsSaying(cluster, number, /ENOSPC/, /room/);
  await cluster.writable();
  disks.empty(number);
  cluster.startAgent(number);
  await caughtUp(cluster, number);
}

async function failedDisk(cluster, disks, number) {
  disks.break(number);
  await endsSaying(cluster, number, /EROFS|EIO|ESHUTDOWN/, /disk/);
  await cluster.writable();
  disks.repair(number);
  cluster.startAgent(number);
  await caughtUp(cluster, number);
}

/** Its process ends by itself while values are written, and names the file, what happened to it and what to do. */
async function endsSaying(cluster, number, ...said) {
  const { process } = cluster.agents.get(number);
  let exit;
  void process.exited.then((code) => {
    exit = code;
  });
  let at = 0;
  await until(
    async () => {
      for (const server of cluster.servers) {
        if (exit !== undefined) return true;
        const body = "x".repeat(30_000);
        const url = `${server.url}/v1/kv/large-${at++ % 50}`;
        await fetch(url, { method: "PUT", body, signal: AbortSignal.timeout(2000) }).catch(() => undefined);
      }
      return false;
    },
    () => `${process.output.slice(-3000)}\nagent ${number} goes on with a disk that takes nothing`,
    60_000,
  );
  cluster.agents.get(number).process = undefined;
  for (const what of [/\.wal|snapshots/, ...said])
    if (!what.test(process.output)) throw new Error(`${process.output.slice(-2000)}\nit did not say ${what}`);
  if (exit.code !== 1) throw new Error(`it ended with ${JSON.stringify(exit)}`);
}

async function replaceAll(cluster, command, signal, fresh = false) {
  const leader = await leaderOf(cluster);
  const order = [...cluster.servers.map(({ number }) => number).filter((number) => number !== leader), leader];
  for (const number of order) {
    await cluster.kill(number, signal);
    if (fresh) cluster.forget(number);
    cluster.startAgent(number, command);
    await caughtUp(cluster, number);
    await votersAre(cluster, cluster.servers.length);
  }
}

async function leaderOf(cluster) {
  let leader;
  await until(
    async () => {
      leader = await cluster.leader();
      return leader !== undefined;
    },
    () => `${cluster.outputs(3000)}\nno leader`,
    30_000,
  );
  return leader;
}

async function followerOf(cluster) {
  const leader = await leaderOf(cluster);
  return cluster.servers.find(({ number, process }) => number !== leader && process !== undefined).number;
}

/** The server answers by itself what was written a moment ago elsewhere. */
async function caughtUp(cluster, number) {
  const agent = cluster.agents.get(number);
  const mark = `mark-${Date.now()}`;
  await until(
    async () => {
      for (const other of cluster.servers) {
        if (other.process === undefined) continue;
        const put = await fetch(`${other.url}/v1/kv/mark`, {
          method: "PUT",
          body: mark,
          signal: AbortSignal.timeout(2000),
        }).catch(() => undefined);
        if (put?.ok) break;
      }
      const response = await fetch(`${agent.url}/v1/kv/mark?raw&stale`, { signal: AbortSignal.timeout(2000) });
      return (await response.text()) === mark;
    },
    () => `${cluster.outputs(4000)}\nserver ${number} does not catch up`,
    60_000,
  );
}

async function votersAre(cluster, count) {
  await until(
    async () => {
      const response = await fetch(`${cluster.servers[0].url}/v1/operator/raft/configuration`, {
        signal: AbortSignal.timeout(2000),
      });
      const { Servers } = await response.json();
      return Servers.filter((server) => server.Voter).length === count;
    },
    () => `${cluster.outputs(4000)}\nthere are not ${count} voters`,
    90_000,
  );
}
