// What a shell is offered: Consul's commands, all of them ours, and more than its flags.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const program = join(dirname(fileURLToPath(import.meta.url)), "../../../packages/tribune/bin/tribune.js");
const consul = process.env.CONSUL_BIN ?? "consul";
const skip = isThere() ? false : "no consul 1.10 on PATH and none in CONSUL_BIN";
if (skip) console.log(`SKIPPED: ${skip}`);

function isThere() {
  try {
    return /^Consul v1\.10\./.test(execFileSync(consul, ["version"], { encoding: "utf8" }));
  } catch {
    return false; // none there: the test skips
  }
}

function offered(command, args, line) {
  const env = { ...process.env, COMP_LINE: line, COMP_POINT: String(line.length) };
  const said = execFileSync(command, args, { env, encoding: "utf8" });
  return said
    .split("\n")
    .map((word) => word.trim())
    .filter(Boolean)
    .sort();
}

/** Of Consul after 1.10. */
const LATER = new Set(["usage", "transfer-leader", "export", "exported-services", "decode"]);

const LINES = [
  ["", "k", "kv ", "kv g", "kv get a", "acl ", "acl token ", "catalog ", "config ", "connect ", "connect ca "],
  ["intention ", "operator ", "operator raft ", "operator autopilot ", "services ", "snapshot ", "tls ", "tls cert "],
  ["nothing ", "kv nothing ", "nothing kv ", "-", "-a", "acl policy c"],
].flat();

for (const words of LINES)
  test(`completion of "consul ${words}"`, { skip }, () => {
    const line = `consul ${words}`;
    const theirs = offered(consul, [], line);
    const ours = offered(process.execPath, [program], line).filter((word) => theirs.includes(word) || !LATER.has(word));
    assert.deepEqual(ours, theirs);
  });
