import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeMachine } from "../cli/node-machine.ts";
import { loadConfig } from "../config/load.ts";
import { ProcessAgent } from "./process-agent.ts";

test("enable_syslog is refused before anything is opened", async () => {
  const machine = nodeMachine({});
  const load = () => loadConfig({ devMode: true, hcl: ['{"bind_addr":"127.0.0.1","enable_syslog":true}'] }, machine);
  await assert.rejects(
    ProcessAgent.create(load(), { writeLog: () => {}, loadConfig: load, machine }),
    /enable_syslog: syslog cannot be written to/,
  );
});

test("a reload says which keys took effect and which wait for a restart", async () => {
  const machine = nodeMachine({});
  const base = { bind_addr: "127.0.0.1", log_level: "info" };
  let file: object = { ...base, node_name: "one" };
  const load = () => loadConfig({ devMode: true, hcl: [JSON.stringify(file)] }, machine);
  const lines: string[] = [];
  const agent = await ProcessAgent.create(load(), { writeLog: (line) => lines.push(line), loadConfig: load, machine });
  // Nothing was started: what a reload hands on has nobody to take it.
  agent.agent.reload = () => {};
  try {
    file = { ...base, node_name: "two", log_level: "warn", telemetry: { prefix_filter: ["-consul.raft"] } };
    const first = await agent.reload();
    assert.deepEqual(first.applied, ["log_level", "telemetry.prefix_filter"]);
    assert.deepEqual(first.needsRestart, ["node_name"]);
    assert.ok(first.unchanged > 200);
    assert.ok(lines.some((line) => /\[WARN\].*wait for a restart: keys=node_name/.test(line)));
    // What waits is said again each time, until the restart.
    assert.deepEqual(await agent.reload(), {
      applied: [],
      needsRestart: ["node_name"],
      unchanged: first.unchanged + 2,
    });
    file = { ...base, node_name: "two", log_level: "loud", telemetry: { prefix_filter: ["-consul.raft"] } };
    assert.deepEqual((await agent.reload()).applied, [], "the level stays what it was");
    assert.ok(lines.some((line) => /\[WARN\].*Invalid log level in new configuration: level=loud/.test(line)));
    file = { ...base, no_such_key: 1 };
    await assert.rejects(async () => agent.reload());
  } finally {
    await agent.shutdown();
  }
});
