import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

// The full loop is run by hand, with another seed each time: `node test/e2e/kill-9.mjs --kills 200`.
test("five kills under load lose nothing that was acknowledged", async () => {
  const script = fileURLToPath(new URL("kill-9.mjs", import.meta.url));
  const child = spawn(process.execPath, [script, "--kills", "5", "--seed", "1", "--address", "127.77.5.1"]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const code = await new Promise((resolve) => child.once("close", resolve));
  assert.equal(code, 0, output);
});
