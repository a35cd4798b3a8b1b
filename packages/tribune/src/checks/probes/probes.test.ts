import assert from "node:assert/strict";
import * as dgram from "node:dgram";
import * as http from "node:http";
import * as net from "node:net";
import { after, test } from "node:test";
import * as secure from "node:tls";
import type { HttpRequest, Probe, ProbeResult } from "../probe.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "./certificate.test.support.ts";
import { DockerProbe } from "./docker-probe.ts";
import { splitHostPort } from "./go-errors.ts";
import { nodeProbes } from "./index.ts";
import { closedPort, listen } from "./listen.test.support.ts";

const probes = nodeProbes();
const TLS = { skipVerify: false, serverName: "" };

function run<Request>(probe: Probe<Request>, request: Request): Promise<ProbeResult> {
  return new Promise((resolve) => probe.run(request, resolve));
}

function get(url: string, given: Partial<HttpRequest> = {}): Promise<ProbeResult> {
  const request = { url, method: "GET", headers: {}, body: "", followRedirects: true, tls: TLS, timeoutMs: 60_000 };
  return run(probes.http, { ...request, maxOutputBytes: 4096, ...given });
}

// ---- HTTP --------------------------------------------------------------------------------------------------

interface Seen {
  method: string;
  url: string;
  headers: string[];
  body: string;
}

const seen: Seen[] = [];
const server = http.createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const url = request.url ?? "";
    seen.push({
      method: request.method ?? "",
      url,
      headers: request.rawHeaders,
      body: Buffer.concat(chunks).toString(),
    });
    const [, kind = "", rest = ""] = /^\/(\w+)\/?(.*)$/.exec(url) ?? [];
    if (kind === "status") response.writeHead(Number(rest)).end("body");
    else if (kind === "redirect") response.writeHead(Number(rest), { location: "/landed" }).end("moved");
    else if (kind === "loop") response.writeHead(302, { location: url }).end();
    else if (kind === "nowhere") response.writeHead(Number(rest)).end();
    else if (kind === "long") response.end(`${"a".repeat(10_000)}the end`);
    else if (kind === "hangup") request.socket.destroy();
    else if (kind === "half") {
      response.writeHead(200, { "content-length": "100" });
      response.write("some");
      setImmediate(() => request.socket.destroy());
    } else if (kind !== "silent") response.end("ok");
  });
});
const base = `http://127.0.0.1:${await listen(server)}`;
after(() => {
  server.closeAllConnections();
  server.close();
});

test("the status decides: 2xx passes, 429 warns, the rest is critical", async () => {
  const cases = [
    [200, "passing", "200 OK"],
    [206, "passing", "206 Partial Content"],
    [429, "warning", "429 Too Many Requests"],
    [404, "critical", "404 Not Found"],
    [503, "critical", "503 Service Unavailable"],
  ] as const;
  for (const [code, status, text] of cases) {
    const url = `${base}/status/${code}`;
    assert.deepEqual(await get(url), { status, output: `HTTP GET ${url}: ${text} Output: body` });
  }
});

test("a request carries its method, headers and body, and says who asks", async () => {
  seen.length = 0;
  await get(`${base}/p?q=1`, {
    method: "POST",
    headers: { "X-A": ["1"], "X-B": ["2", "3"], Host: ["example.test"], Empty: null },
    body: "payload",
  });
  const [{ method, url, headers, body } = {} as Seen] = seen;
  assert.deepEqual([method, url, body], ["POST", "/p?q=1", "payload"]);
  assert.deepEqual(headers, [
    ...["X-A", "1", "X-B", "2", "X-B", "3", "Host", "example.test"],
    ...["User-Agent", "Consul Health Check", "Accept", "text/plain, text/*, */*"],
    ...["Content-Length", "7", "Connection", "close"],
  ]);
});

test("redirects are followed as Go's client does", async () => {
  const cases = [
    [301, "GET", ""],
    [302, "GET", ""],
    [303, "GET", ""],
    [307, "PUT", "b"],
    [308, "PUT", "b"],
  ] as const;
  for (const [code, method, body] of cases) {
    seen.length = 0;
    const url = `${base}/redirect/${code}`;
    const result = await get(url, { method: "PUT", body: "b" });
    assert.deepEqual(result, { status: "passing", output: `HTTP PUT ${url}: 200 OK Output: ok` });
    assert.deepEqual([seen[1]?.method, seen[1]?.url, seen[1]?.body], [method, "/landed", body]);
  }
  const stays = await get(`${base}/redirect/302`, { followRedirects: false });
  assert.deepEqual([stays.status, stays.output.slice(-10)], ["critical", "put: moved"]);
  const loop = await get(`${base}/loop`);
  assert.equal(loop.output, `Get "${base}/loop": stopped after 10 redirects`);
  const lost = await get(`${base}/nowhere/302`);
  assert.equal(lost.output, `Get "${base}/nowhere/302": 302 response missing Location header`);
  assert.match((await get(`${base}/nowhere/307`)).output, /^HTTP GET .* 307 Temporary Redirect Output: $/);
});

test("secrets do not follow a redirect to another host", async () => {
  const other = http.createServer((request, response) => {
    response.end(`${request.headers.authorization} ${request.headers["x-a"]}`);
  });
  const port = await listen(other);
  const first = http.createServer((_, response) => {
    response.writeHead(302, { location: `http://localhost:${port}/` }).end();
  });
  const firstPort = await listen(first);
  const headers = { Authorization: ["secret"], "X-A": ["kept"] };
  const { output } = await get(`http://127.0.0.1:${firstPort}/`, { headers });
  assert.match(output, /Output: undefined kept$/);
  other.close();
  first.close();
});

test("the end of a long body is kept; a body that breaks off counts as far as it came", async () => {
  const long = await get(`${base}/long`, { maxOutputBytes: 20 });
  assert.match(long.output, /Output: a{13}the end$/);
  const half = await get(`${base}/half`);
  assert.deepEqual([half.status, half.output.slice(-12)], ["passing", "Output: some"]);
});

test("failures read as Go's", async () => {
  const port = await closedPort();
  assert.deepEqual(await get(`http://127.0.0.1:${port}/x`), {
    status: "critical",
    output: `Get "http://127.0.0.1:${port}/x": dial tcp 127.0.0.1:${port}: connect: connection refused`,
  });
  assert.equal((await get(`${base}/hangup`)).output, `Get "${base}/hangup": EOF`);
  assert.equal(
    (await get(`${base}/silent`, { timeoutMs: 50 })).output,
    `Get "${base}/silent": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
  );
  assert.equal((await get("ftp://h/")).output, 'Get "ftp://h/": unsupported protocol scheme "ftp"');
  assert.match((await get(base, { method: "BAD METHOD" })).output, /^Bad method ".*": /);
  assert.equal((await get(base, { headers: { "bad header": ["x"] } })).status, "critical");
});

test("a cancelled run says nothing and leaves no connection", async () => {
  const closed = new Promise((resolve) => server.once("connection", (socket) => socket.once("close", resolve)));
  const cancel = probes.http.run(
    {
      url: `${base}/silent`,
      method: "GET",
      headers: {},
      body: "",
      followRedirects: true,
      tls: TLS,
      timeoutMs: 60_000,
      maxOutputBytes: 1,
    },
    () => assert.fail("a result after cancel"),
  );
  await new Promise((resolve) => server.once("request", resolve));
  cancel();
  await closed;
});

// ---- TCP and UDP ---------------------------------------------------------------------------------------------

test("TCP: connected or not", async () => {
  const listener = net.createServer((socket) => socket.destroy());
  const target = `127.0.0.1:${await listen(listener)}`;
  assert.deepEqual(await run(probes.tcp, { target, timeoutMs: 60_000 }), {
    status: "passing",
    output: `TCP connect ${target}: Success`,
  });
  await new Promise((resolve) => listener.close(resolve));
  assert.deepEqual(await run(probes.tcp, { target, timeoutMs: 60_000 }), {
    status: "critical",
    output: `dial tcp ${target}: connect: connection refused`,
  });
  assert.equal(
    (await run(probes.tcp, { target: "nowhere", timeoutMs: 60_000 })).output,
    "dial tcp: address nowhere: missing port in address",
  );
});

test("TCP with TLS: only whom its certificate is for", async () => {
  const listener = secure.createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, (socket) => socket.destroy());
  listener.on("tlsClientError", () => {});
  const target = `127.0.0.1:${await listen(listener)}`;
  const trusting = nodeProbes({ agentTls: () => ({ ca: TEST_CERTIFICATE, serverName: "" }) }).tcp;
  const tls = { skipVerify: false, serverName: "good.test" };
  assert.equal((await run(trusting, { target, tls, timeoutMs: 60_000 })).status, "passing");
  const other = await run(trusting, { target, tls: { ...tls, serverName: "evil.test" }, timeoutMs: 60_000 });
  assert.equal(other.status, "critical");
  await new Promise((resolve) => listener.close(resolve));
});

test("TLS: a file of authorities that is not there makes no check throw", async (t) => {
  const before = process.env.SSL_CERT_FILE;
  t.after(() => {
    if (before === undefined) delete process.env.SSL_CERT_FILE;
    else process.env.SSL_CERT_FILE = before;
  });
  process.env.SSL_CERT_FILE = "/no/such/file";
  const { h2ping, tcp } = nodeProbes();
  const request = { target: `127.0.0.1:${await closedPort()}`, timeoutMs: 60_000, tls: TLS };
  for (const probe of [h2ping, tcp]) assert.match((await run(probe, request)).output, /connection refused/);
});

test("addresses are split as Go splits them", () => {
  assert.deepEqual(splitHostPort("[::1]:80"), { host: "::1", port: 80 });
  assert.deepEqual(splitHostPort(":80"), { host: "", port: 80 });
  for (const bad of ["::1:80", "h:99999", "h:http-x", "a b:80", "h", ""])
    assert.ok("problem" in splitHostPort(bad), bad);
});

test("UDP: an answer or silence passes, a refusal does not", async () => {
  const echo = dgram.createSocket("udp4");
  echo.on("message", (_, from) => echo.send("pong", from.port, from.address));
  await new Promise<void>((resolve) => echo.bind(0, "127.0.0.1", resolve));
  const target = `127.0.0.1:${echo.address().port}`;
  const passing = { status: "passing", output: `UDP connect ${target}: Success` };
  assert.deepEqual(await run(probes.udp, { target, timeoutMs: 60_000 }), passing);
  echo.removeAllListeners("message");
  assert.deepEqual(await run(probes.udp, { target, timeoutMs: 50 }), passing);
  await new Promise<void>((resolve) => echo.close(resolve));
  const refused = await run(probes.udp, { target, timeoutMs: 60_000 });
  assert.equal(refused.status, "critical");
  assert.match(refused.output, /connection refused$/);
  const nowhere = await run(probes.udp, { target: "127.0.0.1:0", timeoutMs: 60_000 });
  assert.equal(nowhere.status, "critical");
});

// ---- commands --------------------------------------------------------------------------------------------------

function script(
  args: readonly string[],
  given: { timeoutMs?: number; maxOutputBytes?: number } = {},
): Promise<ProbeResult> {
  return run(probes.script, { args, timeoutMs: 60_000, maxOutputBytes: 4096, ...given });
}

test("scripts: the exit code decides, both streams are kept", async () => {
  const shell = (code: string): Promise<ProbeResult> => script(["/bin/sh", "-c", code]);
  assert.deepEqual(await shell("echo out; echo err >&2"), { status: "passing", output: "out\nerr\n" });
  assert.equal((await shell("exit 1")).status, "warning");
  assert.equal((await shell("exit 2")).status, "critical");
  assert.equal((await shell("kill -9 $$")).status, "critical");
  const cut = await script(["/bin/sh", "-c", "printf 0123456789"], { maxOutputBytes: 4 });
  assert.equal(cut.output, "Captured 4 of 10 bytes\n...\n6789");
});

test("a script that takes too long ends with all its children", async () => {
  const result = await script(["/bin/sh", "-c", "echo begun; sleep 60 & sleep 60; wait"], { timeoutMs: 6_000 });
  assert.deepEqual(result, { status: "critical", output: "Timed out (6s) running check\n\nbegun\n" });
});

test("commands that cannot be started", async () => {
  assert.equal(
    (await script(["no-such-command-xyz"])).output,
    'exec: "no-such-command-xyz": executable file not found in $PATH',
  );
  assert.equal((await script(["/no/such/file"])).output, "fork/exec /no/such/file: no such file or directory");
  assert.equal((await script([""])).status, "critical");
  // Node throws these, as the system refuses them before there is a process.
  assert.equal((await script(["/etc/passwd/check"])).output, "fork/exec /etc/passwd/check: not a directory");
  const long = await script(["/bin/true", "x".repeat(1 << 22)]);
  assert.equal(long.output, "fork/exec /bin/true: argument list too long");
});

test("a command is critical where no file descriptor is left for it", async () => {
  const probe = new URL("script-probe.js", import.meta.url).href;
  const code = `
    import { openSync } from "node:fs";
    import { scriptProbe } from ${JSON.stringify(probe)};
    const run = (done) => scriptProbe.run({ args: ["/bin/true"], timeoutMs: 60_000, maxOutputBytes: 4096 }, done);
    run((first) => {
      process.stdout.write(first.status + "\\n");
      try {
        for (;;) openSync("/dev/null");
      } catch {}
      run(({ status, output }) => process.stdout.write(status + ": " + output));
    });`;
  const shell = 'ulimit -n 100; exec "$0" --input-type=module -e "$1"';
  const { output } = await script(["/bin/sh", "-c", shell, process.execPath, code]);
  assert.equal(output, "passing\ncritical: fork/exec /bin/true: too many open files");
});

test("a script that has become another user's times out like any other", async (t) => {
  const kill = process.kill.bind(process);
  t.mock.method(process, "kill", (pid: number, signal: NodeJS.Signals) => {
    kill(pid, signal);
    throw Object.assign(new Error("kill EPERM"), { code: "EPERM" });
  });
  const result = await script(["/bin/sh", "-c", "sleep 60"], { timeoutMs: 1 });
  assert.deepEqual(result, { status: "critical", output: "Timed out (1ms) running check" });
});

test("a timeout of months is not over at once", async () => {
  const timeoutMs = 2 ** 31; // what Node's own timers make 1 ms of
  assert.equal((await script(["/bin/sh", "-c", "sleep 0.1"], { timeoutMs })).status, "passing");
  const late = http.createServer((_, response) => void setTimeout(() => response.end("late"), 100));
  try {
    const url = `http://127.0.0.1:${await listen(late)}/`;
    assert.equal((await get(url, { timeoutMs })).status, "passing");
  } finally {
    late.close();
  }
});

test("OS services: whatever this machine has, a unit that does not exist is critical", async () => {
  const result = await run(probes.osService, { service: "no-such-unit-xyz", timeoutMs: 60_000 });
  assert.equal(result.status, "critical");
});

// ---- Docker ------------------------------------------------------------------------------------------------------

test("Docker: a host that cannot be read is told by the check, and ends nothing", async () => {
  const probe = new DockerProbe({ host: () => "tcp://" });
  const request = { container: "c", args: ["true"], timeoutMs: 60_000, maxOutputBytes: 100 };
  const { status, output } = await run(probe, request);
  assert.equal(status, "critical");
  assert.match(output, /unable to parse docker host/);
});

test("Docker: create, start, inspect; its refusals in Consul's words", async () => {
  const calls: string[] = [];
  let exitCode = 0;
  const docker = http.createServer((request, response) => {
    calls.push(`${request.method} ${request.url}`);
    request.resume();
    if (request.url === "/containers/web/exec") response.writeHead(201).end('{"Id":"e1"}');
    else if (request.url === "/containers/paused/exec") response.writeHead(409).end();
    else if (request.url === "/exec/e1/start") response.end("output");
    else if (request.url === "/exec/e1/json")
      response.end(JSON.stringify({ ExitCode: exitCode, Padding: "x".repeat(9_000) }));
    else response.writeHead(404).end();
  });
  const port = await listen(docker);
  const probe = new DockerProbe({ host: () => `tcp://127.0.0.1:${port}` });
  const ask = (container: string): Promise<ProbeResult> =>
    run(probe, { container, args: ["check"], timeoutMs: 60_000, maxOutputBytes: 4096 });
  assert.deepEqual(await ask("web"), { status: "passing", output: "output" });
  assert.deepEqual(calls, ["POST /containers/web/exec", "POST /exec/e1/start", "GET /exec/e1/json"]);
  exitCode = 1;
  assert.equal((await ask("web")).status, "warning");
  exitCode = 7;
  assert.equal((await ask("web")).status, "critical");
  assert.equal((await ask("none")).output, "create exec failed for unknown container none");
  assert.equal((await ask("paused")).output, "create exec failed since container paused is paused or stopped");
  docker.close();
  docker.closeAllConnections();
});
