// Three servers of both kinds in one quorum. Needs a real Consul (`CONSUL_BIN`, or `consul` on the PATH).
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Fatal, put, until } from "../../e2e/agent-process.mjs";
import { complete, consulCommand, json, startDatacenter } from "../datacenter/datacenter.mjs";
import { TRIBUNE } from "./kinds.mjs";

const net = "127.0.41";
const consul = consulCommand();
/** Without a Consul each suite is one skipped test, so that the closing count says it. */
const suite = (name, body) =>
  consul === undefined ? test(name, { skip: "NO CONSUL: set CONSUL_BIN" }, () => {}) : describe(name, body);
/** Snapshots soon, and few entries behind them, so that a server that was away needs one. */
const config = { raft_snapshot_threshold: 100, raft_snapshot_interval: "1s", raft_trailing_logs: 10 };
const ELECTIONS_MAX = 20;

for (const [name, kinds] of [
  ["one Consul and two Tribune servers", ["consul", "tribune", "tribune"]],
  ["two Consul servers and one Tribune server", ["consul", "consul", "tribune"]],
]) {
  suite(name, () => {
    const begin = async (t) => {
      const commands = Object.fromEntries(kinds.map((kind, at) => [at + 1, kind === "consul" ? consul : TRIBUNE]));
      const cluster = await startDatacenter({ net, clients: 0, commands, config });
      t.after(() => cluster.stop());
      return new Mixed(cluster);
    };

    test("each elects, replicates, leads, is killed while it leads, and comes back", async (t) => {
      const mixed = await begin(t);
      for (const kind of ["tribune", "consul"]) {
        const leader = await mixed.lead(kind);
        const written = new Map();
        for (const server of mixed.cluster.servers) await mixed.write(server, `${kind}/${server.number}`, 20, written);
        for (const server of mixed.cluster.servers) await mixed.has(server, `${kind}/`, written);
        await mixed.cluster.kill(leader.number);
        await mixed.cluster.writable();
        const others = mixed.cluster.servers.filter(({ process }) => process !== undefined);
        for (const server of others) await mixed.write(server, `${kind}/after-${server.number}`, 20, written);
        mixed.cluster.startAgent(leader.number);
        await complete(mixed.cluster);
        for (const server of mixed.cluster.servers) await mixed.has(server, `${kind}/`, written);
      }
    });

    test("what would end a Consul that follows, or be missing there, is refused", async (t) => {
      const mixed = await begin(t);
      const leader = await mixed.lead("tribune");
      for (const [entry, refusal] of [
        [{ Kind: "proxy-defaults", Name: "global", Config: { a: [{ b: null }] } }, /"Config with a null"/],
        [{ Kind: "ingress-gateway" }, /object missing primary index/],
        [{ Kind: "terminating-gateway" }, /serviceName is required/],
      ]) {
        const { status, text } = await put(leader, "/v1/config", entry);
        assert.equal(status, 500, text);
        assert.match(text, refusal);
      }
      const written = new Map();
      for (const server of mixed.cluster.servers) await mixed.write(server, `all/${server.number}`, 5, written);
      for (const server of mixed.cluster.servers) await mixed.has(server, "all/", written);
    });

    for (const [leads, receives] of [
      ["tribune", "consul"],
      ["consul", "tribune"],
    ])
      test(`a ${receives} server that was away gets the snapshot of a ${leads} server`, async (t) => {
        const mixed = await begin(t);
        const leader = await mixed.lead(leads);
        const away = mixed.cluster.servers.find((server) => server !== leader && mixed.kind(server) === receives);
        await mixed.cluster.kill(away.number);
        await mixed.cluster.writable();
        const before = await mixed.raftOf(leader);
        const written = new Map();
        await mixed.write(leader, "snapshot", 300, written);
        await until(
          async () => (await mixed.raftOf(leader)).last_snapshot_index > before.last_log_index,
          () => `the leader took no snapshot:\n${mixed.cluster.outputs(2000)}`,
          60_000,
        );
        mixed.cluster.startAgent(away.number);
        await mixed.has(away, "snapshot", written);
        await until(
          async () => (await mixed.raftOf(away)).last_snapshot_index > before.last_log_index,
          () => `it came entry by entry:
${mixed.cluster.outputs(2000)}`,
        );
        // And goes on from it.
        await complete(mixed.cluster);
        await mixed.write(away, "behind", 20, written);
        for (const server of mixed.cluster.servers) await mixed.has(server, "behind", subset(written, "behind"));
      });
  });
  const subset = (written, prefix) => new Map([...written].filter(([key]) => key.startsWith(prefix)));

  class Mixed {
    constructor(cluster) {
      this.cluster = cluster;
    }
    kind(server) {
      return kinds[server.number - 1];
    }

    /** Stops leaders until one of this kind leads. A leader of ours is asked to hand over first: the next is often ours, too. */
    async lead(kind) {
      for (let election = 0; election < ELECTIONS_MAX; election++) {
        await this.cluster.writable();
        const leader = this.cluster.agents.get(await this.cluster.leader());
        if (leader !== undefined && this.kind(leader) === kind) return leader;
        if (leader === undefined) continue;
        if (election % 2 === 0 && this.kind(leader) === "tribune" && (await this.handOver(leader, kind))) continue;
        await this.cluster.kill(leader.number);
        await this.cluster.writable();
        this.cluster.startAgent(leader.number);
        await complete(this.cluster);
      }
      throw new Error(`no ${kind} server leads after ${ELECTIONS_MAX} elections`);
    }

    /** @returns whether the leader says that a server of this kind has taken over. */
    async handOver(leader, kind) {
      const { Servers } = await json(`${leader.url}/v1/operator/raft/configuration`);
      const next = this.cluster.servers.find((server) => this.kind(server) === kind);
      const id = Servers.find(({ Address }) => Address.startsWith(`${next.address}:`))?.ID;
      const { status } = await fetch(`${leader.url}/v1/operator/raft/transfer-leader?id=${id}`, { method: "POST" });
      return status === 200;
    }

    async write(server, prefix, count, written) {
      for (let n = 0; n < count; n++) {
        const value = `${prefix}=${n}`;
        // On a busy machine one of them may be elected anew between two writes.
        let said;
        await until(
          async () => {
            const { status, text } = await put(server, `/v1/kv/${prefix}/${n}`, value);
            said = `${status} ${text.trim()}`;
            if (said !== "200 true" && !(status === 500 && /leader|rpc error/i.test(text))) throw new Fatal(said);
            return said === "200 true";
          },
          () => `agent ${server.number} takes no write: ${said}\n${this.cluster.outputs(2000)}`,
        );
        written.set(`${prefix}/${n}`, value);
      }
    }

    /** The server's own state has all of it, and nothing else. */
    async has(server, prefix, written) {
      let found;
      await until(
        async () => {
          const rows = await json(`${server.url}/v1/kv/${prefix}?recurse&stale`);
          found = new Map(rows.map(({ Key, Value }) => [Key, atob(Value)]));
          return found.size === written.size && [...written].every(([key, value]) => found.get(key) === value);
        },
        () => `agent ${server.number} has ${found?.size} of ${written.size}:\n${this.cluster.outputs(2000)}`,
        60_000,
      );
    }

    async raftOf(server) {
      const { Stats } = await json(`${server.url}/v1/agent/self`);
      const { last_snapshot_index, last_log_index } = Stats.raft;
      return { last_snapshot_index: Number(last_snapshot_index), last_log_index: Number(last_log_index) };
    }
  }
}
