// What a server has seen happen outlives it, though its snapshots, which are Consul's, do not hold it.
import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { put, serverProcess, temporaryDirectory, until } from "./agent-process.mjs";

const ADDRESS = "127.77.39.1";
const config = { raft_snapshot_threshold: 100, raft_snapshot_interval: "1s", raft_trailing_logs: 10 };

test("history goes back beyond the newest snapshot after kill -9, and begins there without its file", async (t) => {
  const dataDir = join(temporaryDirectory(), "data");
  const snapshots = join(dataDir, "raft/snapshots");
  let agent;
  const start = async () => {
    agent = await serverProcess({ address: ADDRESS, dataDir, config }).ready();
  };
  t.after(() => agent?.kill());
  await start();
  const becomes = (status, output) =>
    put(agent, "/v1/catalog/register", {
      Node: "n1",
      Address: "10.0.0.1",
      Service: { ID: "web1", Service: "web", Port: 80 },
      Check: { Node: "n1", CheckID: "c", Name: "C", ServiceID: "web1", Status: status, Output: output },
    });
  const history = async (of) => (await fetch(`${agent.url}/v1/history/${of}`)).json();
  const newest = () =>
    readdirSync(snapshots)
      .filter((name) => /^\d+-\d+-\d+$/.test(name))
      .sort((a, b) => Number(b.split("-")[1]) - Number(a.split("-")[1]))[0];
  const indexOf = (snapshot) => Number(snapshot?.split("-")[1] ?? 0);
  /** Writes until there is a snapshot of all that was before. */
  const snapshot = async () => {
    const before = Number((await fetch(`${agent.url}/v1/kv/none`)).headers.get("x-consul-index"));
    for (let at = 0; at < 120; at++) await put(agent, `/v1/kv/fill/${at}`, "v");
    await until(
      () => indexOf(newest()) > before && existsSync(join(snapshots, newest(), "history.ndjson")),
      () => `no snapshot with a history behind ${before}: ${readdirSync(snapshots)}`,
    );
  };

  await becomes("passing", "");
  await becomes("critical", "connection refused");
  const first = await history("check/n1/c");
  assert.deepEqual(
    first.Transitions.map(({ From, To }) => `${From}>${To}`),
    ["passing>critical", ">passing"],
  );
  await snapshot();
  await becomes("warning", "slow");
  const whole = await history("recent");
  await agent.kill();
  await start();
  // The same, word for word; what the restart itself brought about comes on top.
  const again = await history("recent");
  assert.deepEqual(again.Since, whole.Since);
  const known = again.Transitions.filter(({ Index }) => Index <= whole.Transitions[0].Index);
  assert.deepEqual(known, whole.Transitions);
  const [last] = (await history("check/n1/c")).Transitions;
  assert.equal(`${last.From}>${last.To}`, "critical>warning");

  // Damaged or gone it is missed by nobody: history begins at the snapshot, and says so.
  await snapshot();
  await agent.kill();
  writeFileSync(join(snapshots, newest(), "history.ndjson"), '{"version":1');
  await start();
  const after = await history("check/n1/c");
  assert.deepEqual(after.Transitions, []);
  assert.ok(after.Since.Index > whole.Transitions[0].Index, JSON.stringify(after));
  assert.match(agent.output, /the history beside the newest snapshot cannot be read/);
  await agent.kill();
  rmSync(join(snapshots, newest(), "history.ndjson"));
  await start();
  assert.deepEqual((await history("check/n1/c")).Transitions, []);
  assert.equal((await fetch(`${agent.url}/v1/kv/fill/0`)).status, 200);
});
