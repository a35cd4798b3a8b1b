import assert from "node:assert/strict";
import { test } from "node:test";
import { testConfig } from "../config/config.test.support.ts";
import { silentLogger } from "../lib/log.ts";
import { type AgentHandle, type AgentSignal, agentCommand, runAgent } from "./agent-command.ts";
import { testIo } from "./io.test.support.ts";
import { runCli } from "./run.ts";
import { commandTree } from "./tree.ts";

/** An agent that notes what is done to it. */
function fakeAgent(over: Partial<AgentHandle> = {}) {
  const calls: string[] = [];
  const note = (name: string) => async () => void calls.push(name);
  const agent: AgentHandle = {
    nodeId: "11111111-2222-3333-4444-555555555555",
    logger: { ...silentLogger, info: (message) => void calls.push(message) },
    start: note("start"),
    reload: note("reload"),
    leave: note("leave"),
    shutdown: note("shutdown"),
    ended: new Promise(() => {}),
    ...over,
  };
  return { agent, calls };
}

/** Delivers signals one by one, each once the agent has dealt with the one before. */
function script(...signals: readonly AgentSignal[]) {
  let cancelled = false;
  return {
    onSignal: (run: (signal: AgentSignal) => void) => {
      let wait = 0;
      for (const signal of signals) {
        // A few turns of the event loop: start and reload of the fake agent need one or two.
        const step = (left: number): void => void setImmediate(() => (left === 0 ? run(signal) : step(left - 1)));
        wait += 5;
        step(wait);
      }
      return () => {
        cancelled = true;
      };
    },
    cancelled: () => cancelled,
  };
}

const SIGNALS: readonly (readonly [
  name: string,
  hcl: string,
  signals: readonly AgentSignal[],
  code: number,
  left: boolean,
])[] = [
  ["servers stay in the cluster on SIGINT", "", ["SIGINT"], 1, false],
  ["servers stay on SIGTERM", "", ["SIGTERM"], 1, false],
  ["servers leave if told so", "skip_leave_on_interrupt = false", ["SIGINT"], 0, true],
  ["clients leave on SIGTERM", "server = false", ["SIGTERM"], 0, true],
  ["clients stay if told so", "server = false leave_on_terminate = false", ["SIGTERM"], 1, false],
  ["SIGHUP reloads and goes on", "", ["SIGHUP", "SIGHUP", "SIGINT"], 1, false],
];

test("signals", async (t) => {
  for (const [name, hcl, signals, code, left] of SIGNALS) {
    await t.test(name, async () => {
      const { agent, calls } = fakeAgent();
      const source = script(...signals);
      assert.equal(await runAgent(agent, testConfig(hcl), source.onSignal), code);
      assert.equal(calls.includes("leave"), left);
      assert.equal(calls.filter((call) => call === "reload").length, signals.filter((one) => one === "SIGHUP").length);
      assert.equal(calls.at(-1), "shutdown");
      assert.ok(source.cancelled());
    });
  }
});

test("a second signal ends a leave that takes too long", async () => {
  const { agent, calls } = fakeAgent({ leave: () => new Promise(() => {}) });
  assert.equal(await runAgent(agent, testConfig("server = false"), script("SIGINT", "SIGINT").onSignal), 1);
  assert.ok(calls.includes("Caught second signal, Exiting"));
});

test("a signal while starting, a failed start, an agent that ends by itself", async () => {
  const stuck = fakeAgent({ start: () => new Promise(() => {}) });
  assert.equal(await runAgent(stuck.agent, testConfig(), script("SIGHUP", "SIGTERM").onSignal), 1);
  assert.equal(stuck.calls.at(-1), "shutdown");
  const failing = fakeAgent({ start: () => Promise.reject(new Error("port in use")) });
  assert.equal(await runAgent(failing.agent, testConfig(), script().onSignal), 1);
  const leaving = fakeAgent({ ended: Promise.resolve("left") });
  assert.equal(await runAgent(leaving.agent, testConfig(), script().onSignal), 0);
  const broken = fakeAgent({ ended: Promise.resolve("failed") });
  assert.equal(await runAgent(broken.agent, testConfig(), script().onSignal), 1);
});

async function agentCli(...words: readonly string[]) {
  const { agent } = fakeAgent({ ended: Promise.resolve("left") });
  const io = testIo();
  const seen: string[] = [];
  const tree = commandTree(async () =>
    agentCommand({
      createAgent: async (loaded, host) => {
        host.writeLog("early line\n");
        seen.push(loaded.config.nodeName, ...loaded.config.join.retryLan, loaded.config.nodeMeta.k ?? "");
        return agent;
      },
      onSignal: script().onSignal,
      endOnQuit: () => {},
    }),
  );
  const code = await runCli("consul", tree, ["agent", ...words], io);
  return { code, out: io.out(), err: io.err(), seen };
}

test("the banner comes before the log, flags reach the configuration", async () => {
  const { code, out, seen } = await agentCli(
    "-dev",
    "-node",
    "n1",
    "-retry-join=a",
    "-retry-join",
    "b",
    "-node-meta=k:v",
  );
  assert.equal(code, 0);
  assert.deepEqual(seen, ["n1", "a", "b", "v"]);
  assert.equal(
    out,
    `==> Starting Consul agent...
           Version: '1.10.11'
           Node ID: '11111111-2222-3333-4444-555555555555'
         Node name: 'n1'
        Datacenter: 'dc1' (Segment: '<all>')
            Server: true (Bootstrap: false)
       Client Addr: [127.0.0.1] (HTTP: 8500, HTTPS: -1, gRPC: 8502, DNS: 8600)
      Cluster Addr: 127.0.0.1 (LAN: 8301, WAN: 8302)
           Encrypt: Gossip: false, TLS-Outgoing: false, TLS-Incoming: false, Auto-Encrypt-TLS: false

==> Log data will now stream in as it occurs:

early line
`,
  );
});

test("an agent that cannot be configured says why", async () => {
  const cases: readonly (readonly [words: readonly string[], err: string])[] = [
    [["-bind=127.0.0.1"], "==> data_dir cannot be empty\n"],
    [["-dev", "extra", "more"], "==> Unexpected extra arguments: [extra more]\n"],
    [["-dev", "-config-format=yaml"], "==> config: -config-format must be either 'hcl' or 'json'\n"],
  ];
  for (const [words, err] of cases) {
    const result = await agentCli(...words);
    assert.deepEqual([result.code, result.err], [1, err]);
  }
});
