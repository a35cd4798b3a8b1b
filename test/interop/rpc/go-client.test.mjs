// HashiCorp's yamux and RPC codec as a client of our port.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startServer } from "./server.mjs";

const run = promisify(execFile);

/** @returns {Promise<string | undefined>} the program, or undefined where it cannot be built. */
async function build(directory) {
  cpSync(fileURLToPath(new URL("./go-client", import.meta.url)), directory, { recursive: true });
  const program = join(directory, "client");
  const options = { cwd: directory, env: { ...process.env, GOFLAGS: "-mod=mod" }, timeout: 240_000 };
  try {
    await run("go", ["build", "-o", program, "."], options);
    return program;
  } catch (error) {
    console.error(`cannot build the Go client: ${error.stderr || error.message}`);
    return undefined;
  }
}

test("a client made of HashiCorp's own modules calls, blocks and fails as with Consul", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "tribune-go-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const program = await build(directory);
  if (program === undefined) return t.skip("go, or a module it needs, is not here");
  const server = await startServer("127.0.36.11");
  t.after(() => server.stop());
  const { stdout } = await run(program, [`${server.host}:${server.port}`], { timeout: 60_000 }).catch((error) => {
    throw new Error(`${error.stdout}\n${server.lines.join("\n")}`);
  });
  assert.equal(stdout.trim().split("\n").at(-1), "ok");
});
