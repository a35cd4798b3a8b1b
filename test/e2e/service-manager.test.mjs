// What an agent and what started it on this machine tell each other: sockets in the file system, and systemd's readiness.
import assert from "node:assert/strict";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { test } from "node:test";
import { AgentProcess, put, serverProcess, socketDirectory, temporaryDirectory, until } from "./agent-process.mjs";

const SERVER = "127.77.45.1";
const CLIENT = "127.77.45.2";

const statusOver = (socketPath) =>
  new Promise((resolve, reject) => {
    request({ socketPath, path: "/v1/status/leader" }, (response) => resolve(response.resume().statusCode))
      .on("error", reject)
      .end();
  });

test("a socket has the mode that is configured, and one that a killed agent left is replaced", async (t) => {
  const dataDir = temporaryDirectory();
  const path = `${socketDirectory()}/http.sock`;
  // The socket comes first: an agent that answers at its address has opened it.
  const config = { addresses: { http: `unix://${path} ${SERVER}` }, unix_sockets: { mode: "0700" } };
  const start = () => {
    const agent = serverProcess({ address: SERVER, dataDir, config });
    t.after(() => agent.kill());
    return agent.ready();
  };
  const first = await start();
  assert.equal((statSync(path).mode & 0o777).toString(8), "700");
  assert.equal(await statusOver(path), 200);
  await first.kill();
  const second = await start();
  assert.equal(await statusOver(path), 200);
  const lines = [
    `[WARN]  agent: Replacing socket: path=${path}`,
    `Starting server: address=${path} network=unix protocol=http`,
  ];
  await until(
    () => lines.every((line) => second.output.includes(line)),
    () => `${second.output}\nnot printed: ${lines}`,
  );
});

test("a socket for somebody who is not there is refused in Consul's words", async (t) => {
  const dataDir = temporaryDirectory();
  const config = {
    addresses: { http: `unix://${socketDirectory()}/http.sock` },
    unix_sockets: { user: "nobody-here" },
  };
  const agent = serverProcess({ address: SERVER, dataDir, config });
  t.after(() => agent.kill());
  assert.equal((await agent.exitedWithin(60_000)).code, 1);
  assert.match(agent.output, /Failed setting up socket: failed to look up user nobody-here: user: unknown user/);
});

test("systemd is told once the agent has joined, and not before", async (t) => {
  const dataDir = temporaryDirectory();
  // In the place of systemd's own program, which says it to whoever listens at NOTIFY_SOCKET.
  const program = `${dataDir}/systemd-notify`;
  writeFileSync(program, `#!/bin/sh\necho "$@" to "$NOTIFY_SOCKET" >>"${dataDir}/told"\n`);
  chmodSync(program, 0o755);
  const client = new AgentProcess({
    address: CLIENT,
    args: [`-data-dir=${dataDir}/client`, `-retry-join=${SERVER}`, "-retry-interval=1s"],
    env: { NOTIFY_SOCKET: "/run/notify", PATH: `${dataDir}:${process.env.PATH}` },
  });
  t.after(() => client.kill());
  const told = () => readFileSync(`${dataDir}/told`, "utf8");
  await until(
    () => client.output.includes("Join cluster failed, will retry: cluster=LAN"),
    () => `never tried to join:\n${client.output}`,
  );
  assert.throws(told, /ENOENT/);
  const server = serverProcess({ address: SERVER, dataDir: `${dataDir}/server` });
  t.after(() => server.kill());
  await until(
    () => told() === "--ready to /run/notify\n",
    () => `systemd was not told:\n${client.output}`,
  );
});

test("leave is answered when the agent has left, not before", async (t) => {
  const dataDir = temporaryDirectory();
  const server = serverProcess({ address: SERVER, dataDir: `${dataDir}/server` });
  t.after(() => server.kill());
  await server.ready();
  const client = new AgentProcess({
    address: CLIENT,
    args: ["-node=c", `-data-dir=${dataDir}/client`, `-retry-join=${SERVER}`, "-log-level=debug"],
  });
  t.after(() => client.kill());
  await client.ready();
  assert.equal((await put(client, "/v1/agent/leave")).status, 200);
  assert.equal((await client.exitedWithin(60_000)).code, 0);
  const left = client.output.indexOf("serf: EventMemberLeave: c ");
  const answered = client.output.indexOf("Request finished: method=PUT url=/v1/agent/leave");
  assert.ok(0 < left && left < answered, client.output);
});

test("SIGQUIT ends an agent at once, with what it holds, and no secret, on standard error", async (t) => {
  const dataDir = temporaryDirectory();
  const encrypt = Buffer.alloc(32, 7).toString("base64");
  const agent = serverProcess({ address: SERVER, dataDir, config: { encrypt } });
  t.after(() => agent.kill());
  await agent.ready();
  agent.signal("SIGQUIT");
  assert.deepEqual(await agent.exitedWithin(60_000), { code: 2, signal: null });
  assert.match(agent.output, /^SIGQUIT: quit\nprocess: \d+, .*\ncpu: .*\nmemory: .*\nopen: .*TCPServerWrap/m);
  assert.ok(!agent.output.includes(encrypt));
  assert.ok(!agent.output.includes("Graceful"));
});
