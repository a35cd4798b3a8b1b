import assert from "node:assert/strict";
import { test } from "node:test";
import { type Logger, silentLogger } from "../lib/log.ts";
import type { ChildEnd, ChildSpec } from "../process/child.ts";
import { tellReady } from "./systemd.ts";

async function told(env: Record<string, string>, { uid = 0, end = { kind: "exited", code: 0 } as ChildEnd } = {}) {
  const started: ChildSpec[] = [];
  const warnings: unknown[] = [];
  const logger: Logger = { ...silentLogger, warn: (message, fields) => warnings.push([message, fields?.error]) };
  const start = (spec: ChildSpec) => {
    started.push(spec);
    return { pid: 1, signal: () => true, ended: Promise.resolve(end) };
  };
  await tellReady({ start, env, uid, logger });
  return { args: started.map(({ args }) => args.join(" ")), warnings };
}

test("systemd is told only where it listens", async () => {
  assert.deepEqual(await told({}), { args: [], warnings: [] });
  assert.deepEqual(await told({ NOTIFY_SOCKET: "/run/s" }), { args: ["systemd-notify --ready"], warnings: [] });
});

test("what to do is said where systemd will not hear it", async () => {
  const env = { NOTIFY_SOCKET: "/run/s" };
  const { warnings } = await told(env, { uid: 1000 });
  assert.deepEqual(warnings, [["systemd listens to a child of this agent only if its unit says so", undefined]]);
  const failed = await told(env, { end: { kind: "notStarted", reason: "no such program" } });
  assert.deepEqual(failed.warnings, [["systemd notify failed", "no such program"]]);
});
