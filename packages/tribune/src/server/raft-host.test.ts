import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../lib/log.ts";
import { noMetrics } from "../lib/metrics.ts";
import type { ServerId } from "../raft/types.ts";
import { RaftHost, type RaftHostDependencies } from "./raft-host.ts";

/** A host whose core never answers, but for what `step` says. */
function hostOfSilence(step: RaftHostDependencies["core"]["step"] = () => []): RaftHost {
  return new RaftHost({
    core: {
      step,
      nextTickAt: () => undefined,
      status: () => assert.fail("nobody asks for it"),
      mayReadByLease: () => false,
      successionMs: () => Number.POSITIVE_INFINITY,
      configurationAt: () => assert.fail("nobody asks for it"),
      lastContactAtMs: undefined,
    },
    log: { append: () => Promise.resolve(), read: () => Promise.resolve([]) },
    stateMachine: { apply: () => undefined },
    runtime: {
      clock: { nowMs: () => 0, wallMs: () => 0 },
      timers: { after: () => () => {}, soon: (run) => void setImmediate(run) },
    },
    logger: silentLogger,
    metrics: noMetrics,
    onRole: () => {},
    onConfiguration: () => {},
    onContradicted: () => {},
    onFatal: (error) => assert.fail(error),
  });
}

const QUESTIONS: Readonly<Record<string, (host: RaftHost) => Promise<unknown>>> = {
  propose: (host) => host.propose(Uint8Array.of(0)),
  barrier: (host) => host.barrier(),
  verifyLeader: (host) => host.verifyLeader(),
  changeConfiguration: (host) => host.changeConfiguration({ type: "removeServer", id: "b" as ServerId }),
  transferLeadership: (host) => host.transferLeadership(),
};

for (const [name, ask] of Object.entries(QUESTIONS)) {
  test(`${name}: a host that stops leaves nobody waiting, and takes nothing on afterwards`, async () => {
    const host = hostOfSilence();
    const asked = ask(host).catch((error: Error) => error.message);
    host.stop();
    assert.match(String(await asked), /No cluster leader|leadership lost while committing log/);
    await assert.rejects(ask(host), /No cluster leader/);
  });
}

test("a leader that has too many reads under way says so, and not that there is none", async () => {
  const host = hostOfSilence((_nowMs, input) =>
    input.type === "readIndex" ? [{ type: "readReady", read: input.read, outcome: { error: "busy" } }] : [],
  );
  await assert.rejects(host.verifyLeader(), /RPC rate limit exceeded/);
  host.stop();
});
