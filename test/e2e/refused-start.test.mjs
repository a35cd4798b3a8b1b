// Why an agent does not start, in the words that scripts and alerts know from Consul: it says so, and ends with 1.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { serverProcess, temporaryDirectory } from "./agent-process.mjs";

const ADDRESS = "127.77.46.1";
const FREE = "127.77.46.2";

async function refusal(options) {
  const agent = serverProcess({ address: ADDRESS, dataDir: temporaryDirectory(), ...options });
  assert.equal((await agent.exitedWithin(30_000)).code, 1);
  return agent.output;
}

for (const [what, port] of [
  ["RPC", 8300],
  ["gossip", 8301],
  ["HTTP", 8500],
  ["DNS", 8600],
])
  test(`the port of ${what} is taken`, async (t) => {
    const taken = createServer();
    await new Promise((resolve) => taken.listen(port, ADDRESS, resolve));
    t.after(() => taken.close());
    const output = await refusal({});
    assert.match(output, /\[ERROR\] agent: Error starting agent: error=/);
    assert.ok(output.includes(`listen tcp ${ADDRESS}:${port}: bind: address already in use`), output);
  });

test("the address is none of this host", async () => {
  const output = await refusal({ address: "203.0.113.9", config: { addresses: { http: FREE, dns: FREE } } });
  assert.match(output, /listen tcp 203\.0\.113\.9:8300: bind: cannot assign requested address/);
});
