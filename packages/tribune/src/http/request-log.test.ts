import assert from "node:assert/strict";
import { test } from "node:test";
import { startAgent } from "../index.ts";

test("every request is logged at DEBUG when it is done, and a token in its URL never", async () => {
  const lines: string[] = [];
  const agent = await startAgent({ config: { log_level: "DEBUG" }, onLog: (line) => void lines.push(line) });
  try {
    await (await fetch(`${agent.url}/v1/kv/logged?token=secret&raw`)).arrayBuffer();
  } finally {
    await agent.stop();
  }
  const finished = lines.filter((line) => line.includes("Request finished"));
  assert.equal(finished.length, 1);
  assert.match(
    finished[0]!,
    /agent\.http: Request finished: method=GET url=\/v1\/kv\/logged\?token=<hidden>&raw from=127/,
  );
  assert.ok(!lines.some((line) => line.includes("secret")));
});

test("a request that fails is logged at ERROR, with who asked for what", async () => {
  const lines: string[] = [];
  const agent = await startAgent({ config: { log_level: "INFO" }, onLog: (line) => void lines.push(line) });
  try {
    assert.equal(
      (await fetch(`${agent.url}/v1/kv/a?dc=elsewhere&token=secret`, { method: "PUT", body: "1" })).status,
      500,
    );
    assert.equal((await fetch(`${agent.url}/v1/kv/`)).status, 400);
  } finally {
    await agent.stop();
  }
  const failed = lines.filter((line) => line.includes("Request error"));
  assert.equal(failed.length, 1);
  assert.match(
    failed[0]!,
    /\[ERROR\] agent\.http: Request error: method=PUT url=\/v1\/kv\/a\?dc=elsewhere&token=<hidden> from=127\S+ error="No path to datacenter"\n/,
  );
});
