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
