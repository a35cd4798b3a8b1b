// Plays the recorded command-line suite across the border: our commands against Consul's agents, and Consul's commands
// against ours. A `consul` 1.10 on PATH, or CONSUL_BIN, is needed; the tests say so and skip where there is none.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const suite = join(here, "../../conformance-cli");
const tribune = [process.execPath, join(here, "../../../packages/tribune/bin/tribune.js")];
const consul = [process.env.CONSUL_BIN ?? "consul"];
const version = consulVersion();
const skip = version === undefined ? "no consul on PATH and none in CONSUL_BIN" : false;
if (skip) console.log(`SKIPPED: ${skip}`);

/** Our commands, with Consul's agents behind them. */
export function playOurCommands(names) {
  for (const name of names)
    test(`our commands, Consul's agent: ${name}`, { skip }, (t) => play(t, name, { agent: consul, command: tribune }));
}

export function playOurAgents(names) {
  for (const name of names)
    test(`Consul's commands, our agent: ${name}`, { skip }, (t) => play(t, name, { agent: tribune, command: consul }));
}

/** Plays a recorded scenario; every step must be as recorded. */
async function play(t, name, programs) {
  let { failed, said } = await playOnce(name, programs);
  // The suite gives each command twelve or twenty seconds, which a busy machine may take to start it.
  if (failed.length > 0 && ranOutOfTime(said)) {
    t.diagnostic(`played once more, for ${failed[0]} ran out of time`);
    ({ failed, said } = await playOnce(name, programs));
  }
  assert.deepEqual(failed, [], said);
}

/** Whether the first step that failed did so for want of time; the others may only follow from it. */
function ranOutOfTime(said) {
  const [, first = ""] = said.split(/^FAIL /m);
  return first.slice(first.indexOf("\n  got ")).includes('"exit": "still running"');
}

async function playOnce(name, { agent, command }) {
  const directory = mkdtempSync(join(tmpdir(), "tribune-interop-"));
  try {
    const results = join(directory, "results.json");
    const bin = `${process.execPath} ${join(here, "mixed.mjs")}`;
    const args = [
      join(suite, "run.mjs"),
      "--bin",
      bin,
      "--bind",
      "127.77.2.10",
      "--scenario",
      `=${name}`,
      "--json",
      results,
    ];
    const env = { ...process.env, AGENT_PROGRAM: JSON.stringify(agent), COMMAND_PROGRAM: JSON.stringify(command) };
    const said = await output(spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] }));
    const steps = JSON.parse(readFileSync(results, "utf8"));
    assert.ok(steps.length > 0, said);
    return { failed: steps.filter(({ ok }) => !ok).map(({ id }) => id), said };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function output(child) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", () => resolve(Buffer.concat(chunks).toString()));
  });
}

function consulVersion() {
  try {
    const said = execFileSync(consul[0], ["version"], { encoding: "utf8" });
    return /^Consul v1\.10\./.test(said) ? said : undefined;
  } catch {
    return undefined; // none there: the tests skip
  }
}
