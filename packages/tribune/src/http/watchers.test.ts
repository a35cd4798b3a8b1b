import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { Agent } from "../agent/agent.ts";
import type { ServerMode } from "../agent/server-mode.ts";
import { nodeMachine } from "../cli/node-machine.ts";
import { loadConfig } from "../config/load.ts";
import { silentLogger } from "../lib/log.ts";
import { noMetrics } from "../lib/metrics.ts";
import { nodeRuntime } from "../net/node-runtime.ts";

test("a watcher that goes away leaves the question it waited for", async (t) => {
  const loaded = loadConfig(
    { devMode: true, hcl: ['{"bind_addr":"127.0.0.1","ports":{"dns":-1,"serf_wan":-1}}'] },
    nodeMachine({}),
  );
  const { listen } = loaded.config;
  const any = { network: "tcp", host: "127.0.0.1", port: 0 } as const;
  const http = [any];
  const agent = new Agent(
    { ...loaded.config, listen: { ...listen, http, rpcBind: any, serfBindLan: any } },
    {
      runtime: nodeRuntime(),
      lockDir: () => assert.fail("dev mode keeps nothing"),
      logger: silentLogger,
      metrics: noMetrics,
      onFatal: assert.fail,
    },
  );
  await agent.start();
  t.after(() => agent.stop());
  await agent.mode.ready();
  const { engine } = (agent.mode as ServerMode).server;
  const { host, port } = agent.addresses.http[0]!;
  const index = (await fetch(`http://${host}:${port}/v1/kv/watched`)).headers.get("x-consul-index");
  const before = engine.waiting;
  const watcher = connect({ host, port });
  watcher.write(`GET /v1/kv/watched?index=${index} HTTP/1.1\r\nHost: x\r\n\r\n`);
  const until = async (waiting: number): Promise<void> => {
    const deadline = Date.now() + 60_000;
    while (engine.waiting !== waiting) {
      assert.ok(Date.now() < deadline, `${engine.waiting} wait instead of ${waiting}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await until(before + 1);
  watcher.destroy();
  await until(before);
});
