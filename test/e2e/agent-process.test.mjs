import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentProcess } from "./agent-process.mjs";

test("an agent whose address another one has is not taken for ready", async (t) => {
  const options = { address: "127.97.14.1", args: ["-dev"] };
  const first = new AgentProcess(options);
  t.after(() => first.kill());
  await first.ready();
  const second = new AgentProcess(options);
  t.after(() => second.kill());
  await assert.rejects(second.ready(), /EADDRINUSE|address already in use/);
});
