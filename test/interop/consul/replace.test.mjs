// A datacenter whose servers are replaced by the other program one by one, while clients write and read: no write that
// was acknowledged is lost, and what was read is a linearizable history. `CONSUL_REPLACE_RUNS` plays it more often.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { consulCommand, runProgram } from "../datacenter/datacenter.mjs";
import { TRIBUNE } from "./kinds.mjs";

const chaos = fileURLToPath(new URL("../../e2e/chaos.mjs", import.meta.url));
const consul = consulCommand();
const skip = consul === undefined ? "NO CONSUL: set CONSUL_BIN" : false;
const runs = process.env.CONSUL_REPLACE_RUNS ?? "1";

for (const [name, from, to] of [
  ["Consul's servers by ours", consul, TRIBUNE],
  ["ours by Consul's", TRIBUNE, consul],
])
  test(`${name}, one by one`, { skip }, async (t) => {
    const options = [
      "--fault",
      "replace",
      "--runs",
      "1",
      "--net",
      "41",
      "--from",
      from.join(" "),
      "--command",
      to.join(" "),
    ];
    for (let run = 0; run < Number(runs); run++) {
      const { code, output } = await runProgram(process.execPath, [chaos, ...options]);
      assert.equal(code, 0, output);
      t.diagnostic(output.split("\n")[0]);
    }
  });
