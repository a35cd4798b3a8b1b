// Programs that an agent starts: handlers of configured watches, and remote jobs.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { program, put, serverProcess, temporaryDirectory, until } from "./agent-process.mjs";

const run = promisify(execFile);

test("a watch of the configuration runs its script for every change", async (t) => {
  const directory = temporaryDirectory();
  const seen = join(directory, "seen");
  const watches = [
    { type: "key", key: "switch", args: ["sh", "-c", `cat > "${seen}.new" && mv "${seen}.new" "${seen}"`] },
  ];
  const agent = serverProcess({ address: "127.77.14.1", dataDir: join(directory, "data"), config: { watches } });
  t.after(() => agent.kill());
  await agent.ready();
  for (const value of ["on", "off"]) {
    await put(agent, "/v1/kv/switch", value);
    await until(
      () => existsSync(seen) && JSON.parse(readFileSync(seen, "utf8"))?.Value === btoa(value),
      () => `${agent.output}\nthe handler did not see ${value}`,
    );
  }
});

test("exec runs a command on the agents that allow it", async (t) => {
  const directory = temporaryDirectory();
  const agents = [];
  t.after(() => Promise.all(agents.map((agent) => agent.kill())));
  const start = async (address, allowed) => {
    const config = { disable_remote_exec: !allowed };
    const agent = serverProcess({ address, dataDir: join(directory, address), config });
    agents.push(agent);
    await agent.ready();
  };
  await start("127.77.14.2", true);
  await start("127.77.14.3", false);
  // Who says nothing for this long is not waited for any more.
  const exec = (address) =>
    run(process.execPath, [program, "exec", `-http-addr=http://${address}:8500`, "-wait=10s", "echo made-here"]);
  const [{ stdout }, refused] = await Promise.all([exec("127.77.14.2"), exec("127.77.14.3").catch((error) => error)]);
  assert.match(stdout, /made-here/);
  assert.match(stdout, /1 \/ 1 node\(s\) completed \/ acknowledged/);
  assert.match(refused.stdout, /0 \/ 0 node\(s\) completed \/ acknowledged/);
});
