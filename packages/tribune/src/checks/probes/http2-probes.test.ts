import assert from "node:assert/strict";
import * as http2 from "node:http2";
import * as https from "node:https";
import * as net from "node:net";
import { after, test } from "node:test";
import * as tls from "node:tls";
import * as fc from "fast-check";
import type { Probe, ProbeResult, ProbeTls } from "../probe.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "./certificate.test.support.ts";
import { decodeHealthStatus, encodeHealthRequest, frameMessage } from "./grpc-health.ts";
import { nodeProbes } from "./index.ts";
import { closedPort, listen } from "./listen.test.support.ts";

const probes = nodeProbes();
const trusting = nodeProbes({ agentTls: () => ({ ca: TEST_CERTIFICATE, serverName: "good.test" }) });
const IDENTITY = { cert: TEST_CERTIFICATE, key: TEST_KEY };
const VERIFIED: ProbeTls = { skipVerify: false, serverName: "" };
const UNVERIFIED: ProbeTls = { skipVerify: true, serverName: "" };

function run<Request>(probe: Probe<Request>, request: Request): Promise<ProbeResult> {
  return new Promise((resolve) => probe.run(request, resolve));
}

/** What a gRPC health server says of each service. */
function answer(stream: http2.ServerHttp2Stream, path: string | undefined, body: Buffer): void {
  const service = body.length > 5 ? body.subarray(7).toString() : "";
  const statuses: Record<string, number> = { "": 1, well: 1, ill: 2 };
  if (service === "silent") return;
  if (service === "garbled") {
    const refusal = { "grpc-status": "14", "grpc-message": "caf%C3%A9 %FF 100%" };
    stream.respond({ ":status": 200, "content-type": "application/grpc", ...refusal }, { endStream: true });
    return;
  }
  if (service === "proxy") {
    stream.respond({ ":status": 503 }, { endStream: true });
    return;
  }
  const status = path === "/grpc.health.v1.Health/Check" ? statuses[service] : undefined;
  if (status === undefined) {
    const trailers = { "grpc-status": "5", "grpc-message": "unknown%20service" };
    stream.respond({ ":status": 200, "content-type": "application/grpc", ...trailers }, { endStream: true });
    return;
  }
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(frameMessage(Buffer.from([1 << 3, status])));
}

function serve(server: http2.Http2Server | http2.Http2SecureServer): Promise<number> {
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream: http2.ServerHttp2Stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => answer(stream, headers[":path"], Buffer.concat(chunks)));
  });
  after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return listen(server as unknown as net.Server);
}

const plainPort = await serve(http2.createServer());
const securePort = await serve(http2.createSecureServer(IDENTITY));

function grpc(
  port: number,
  service: string,
  given: { tls?: ProbeTls; probe?: typeof probes; timeoutMs?: number } = {},
) {
  const target = `127.0.0.1:${port}`;
  const label = service === "" ? target : `${target}/${service}`;
  const { probe = probes, tls, timeoutMs = 60_000 } = given;
  return run(probe.grpc, { target, service, label, tls, timeoutMs });
}

test("gRPC: a message that is no UTF-8 is quoted as far as it can be", async () => {
  assert.deepEqual(await grpc(plainPort, "garbled"), {
    status: "critical",
    output: "rpc error: code = Unavailable desc = caf\u00e9 \ufffd 100%",
  });
});

test("TLS: trusted roots that cannot be read are none, and end nothing", async () => {
  const before = process.env.SSL_CERT_FILE;
  process.env.SSL_CERT_FILE = "/nonexistent/roots.pem";
  try {
    const found = await grpc(securePort, "well", { tls: VERIFIED, probe: nodeProbes() });
    assert.equal(found.status, "critical");
    assert.match(found.output, /authentication handshake failed/);
    const trusted = await grpc(securePort, "well", { tls: UNVERIFIED, probe: nodeProbes() });
    assert.equal(trusted.status, "passing");
  } finally {
    if (before === undefined) delete process.env.SSL_CERT_FILE;
    else process.env.SSL_CERT_FILE = before;
  }
});

test("gRPC: only SERVING passes", async () => {
  const target = `127.0.0.1:${plainPort}`;
  assert.deepEqual(await grpc(plainPort, ""), { status: "passing", output: `gRPC check ${target}: success` });
  assert.deepEqual(await grpc(plainPort, "well"), { status: "passing", output: `gRPC check ${target}/well: success` });
  assert.deepEqual(await grpc(plainPort, "ill"), {
    status: "critical",
    output: `gRPC ${target}/ill serving status: NOT_SERVING`,
  });
});

test("gRPC: refusals and failures", async () => {
  const closed = await closedPort();
  const outputs = await Promise.all([
    grpc(plainPort, "unknown"),
    grpc(plainPort, "proxy"),
    grpc(plainPort, "silent", { timeoutMs: 50 }),
    grpc(closed, ""),
  ]);
  assert.deepEqual(
    outputs.map(({ status, output }) => [status, output]),
    [
      ["critical", "rpc error: code = NotFound desc = unknown service"],
      ["critical", "rpc error: code = Unavailable desc = unexpected HTTP status code received from server: 503"],
      ["critical", "rpc error: code = DeadlineExceeded desc = context deadline exceeded"],
      [
        "critical",
        'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing dial tcp ' +
          `127.0.0.1:${closed}: connect: connection refused"`,
      ],
    ],
  );
});

test("a probe that is over before it is connected asks nothing, and ends nobody's process", async () => {
  const target = `127.0.0.1:${plainPort}`;
  const given = { target, service: "", label: target, tls: undefined, timeoutMs: 60_000 };
  process.nextTick(probes.grpc.run(given, () => assert.fail("a result after cancel")));
  // This one is connected after it.
  assert.equal((await grpc(plainPort, "")).status, "passing");
});

test("gRPC with TLS: verified unless told otherwise, by the agent's own settings where they are to be used", async () => {
  const refused = await grpc(securePort, "", { tls: VERIFIED });
  assert.match(refused.output, /authentication handshake failed: x509: certificate signed by unknown authority/);
  assert.equal((await grpc(securePort, "", { tls: UNVERIFIED })).status, "passing");
  assert.equal((await grpc(securePort, "", { tls: VERIFIED, probe: trusting })).status, "passing");
  const misnamed = await grpc(securePort, "", { tls: { skipVerify: false, serverName: "bad.test" }, probe: trusting });
  assert.match(misnamed.output, /x509: certificate is valid for good.test, localhost, not bad.test/);
});

test("H2PING: TLS, HTTP/2 and an answer", async () => {
  const ping = (port: number, tls: ProbeTls): Promise<ProbeResult> =>
    run(probes.h2ping, { target: `127.0.0.1:${port}`, tls, timeoutMs: 60_000 });
  assert.deepEqual(await ping(securePort, UNVERIFIED), { status: "passing", output: "HTTP2 ping was successful" });
  assert.deepEqual(await ping(securePort, VERIFIED), {
    status: "critical",
    output: `Failed to dial to 127.0.0.1:${securePort}: x509: certificate signed by unknown authority`,
  });
  const closed = `127.0.0.1:${await closedPort()}`;
  const refused = await run(probes.h2ping, { target: closed, tls: VERIFIED, timeoutMs: 60_000 });
  assert.equal(refused.output, `Failed to dial to ${closed}: dial tcp ${closed}: connect: connection refused`);
  assert.equal((await ping(plainPort, UNVERIFIED)).status, "critical");
});

test("H2PING: why it failed, where TLS or HTTP/2 is not spoken", async () => {
  const outputOf = async (server: net.Server) => {
    after(() => server.close());
    const target = `127.0.0.1:${await listen(server)}`;
    const { output } = await run(probes.h2ping, { target, tls: UNVERIFIED, timeoutMs: 30_000 });
    return output.replaceAll(target, "TARGET");
  };
  const endsWith = (bytes: string) => (socket: net.Socket) => void socket.on("error", () => {}).end(bytes);
  const h2 = { ...IDENTITY, ALPNProtocols: ["h2"] };
  assert.equal(
    await outputOf(net.createServer(endsWith("HTTP/1.1 400 Bad Request\r\n\r\n"))),
    "Failed to dial to TARGET: tls: first record does not look like a TLS handshake",
  );
  assert.equal(
    await outputOf(https.createServer(IDENTITY)),
    "Failed to dial to TARGET: remote error: tls: no application protocol",
  );
  assert.equal(await outputOf(tls.createServer(h2, endsWith(""))), "HTTP2 ping failed: EOF");
  assert.equal(
    await outputOf(tls.createServer(h2, endsWith("HTTP/1.1 400 Bad Request\r\n\r\n"))),
    "HTTP2 ping failed: Protocol error",
  );
});

test("HTTPS: the same rules", async () => {
  const server = https.createServer(IDENTITY, (_, response) => response.end("ok"));
  const port = await listen(server);
  const get = (tls: ProbeTls, probe = probes): Promise<ProbeResult> => {
    const request = { url: `https://127.0.0.1:${port}/`, method: "GET", headers: {}, body: "", followRedirects: true };
    return run(probe.http, { ...request, tls, timeoutMs: 60_000, maxOutputBytes: 100 });
  };
  assert.equal(
    (await get(VERIFIED)).output,
    `Get "https://127.0.0.1:${port}/": x509: certificate signed by unknown authority`,
  );
  assert.equal((await get(UNVERIFIED)).status, "passing");
  assert.equal((await get(VERIFIED, trusting)).status, "passing");
  assert.equal((await get({ skipVerify: false, serverName: "localhost" }, trusting)).status, "passing");
  server.closeAllConnections();
  server.close();
  const request = {
    url: `https://127.0.0.1:${plainPort}/`,
    method: "GET",
    headers: {},
    body: "",
    followRedirects: true,
  };
  assert.equal(
    (await run(probes.http, { ...request, tls: UNVERIFIED, timeoutMs: 60_000, maxOutputBytes: 100 })).output,
    `Get "https://127.0.0.1:${plainPort}/": http: server gave HTTP response to HTTPS client`,
  );
});

test("health messages: known bytes, and any bytes are read or refused", () => {
  assert.deepEqual([...encodeHealthRequest("web")], [0x0a, 3, 0x77, 0x65, 0x62]);
  assert.equal(encodeHealthRequest("").length, 0);
  assert.equal(encodeHealthRequest("x".repeat(200))[1], 0xc8);
  assert.equal(decodeHealthStatus(frameMessage(new Uint8Array(0))), "UNKNOWN");
  assert.equal(decodeHealthStatus(frameMessage(Uint8Array.of(0x08, 1))), "SERVING");
  assert.equal(decodeHealthStatus(frameMessage(Uint8Array.of(0x12, 1, 0x41, 0x08, 2))), "NOT_SERVING");
  assert.equal(decodeHealthStatus(frameMessage(Uint8Array.of(0x08))), undefined);
  void fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
      decodeHealthStatus(bytes);
      decodeHealthStatus(frameMessage(bytes));
    }),
  );
});
