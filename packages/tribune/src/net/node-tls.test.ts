import assert from "node:assert/strict";
import { test } from "node:test";
import { TEST_CERTIFICATE, TEST_KEY } from "../checks/probes/certificate.test.support.ts";
import type { Stream } from "../lib/runtime.ts";
import { nodeNetwork } from "./node-network.ts";
import { type NodeTlsOptions, nodeTls } from "./node-tls.ts";

const certificate = Buffer.from(TEST_CERTIFICATE);
const OPTIONS: NodeTlsOptions = {
  ca: [certificate],
  cert: certificate,
  key: Buffer.from(TEST_KEY),
  verifyIncoming: true,
  verifyOutgoing: true,
  verifyServerHostname: false,
  datacenter: "dc1",
  domain: "consul",
  minVersion: "TLSv1.2",
  ciphers: [],
  protocols: ["consul/rpc-multi"],
};

/** Connects two ends, with the handshake of each; a rejection is its message. */
async function meet(server: Partial<NodeTlsOptions>, client: Partial<NodeTlsOptions>, how: "mutual" | "insecure") {
  const accepting = nodeTls({ ...OPTIONS, ...server });
  let arrived!: (stream: Stream) => void;
  const arrival = new Promise<Stream>((resolve) => (arrived = resolve));
  const listener = await nodeNetwork.listenTcp("127.0.36.1", 0, (stream) => arrived(stream));
  const { host, port } = listener.address;
  const raw = await nodeNetwork.connectTcp(host, port, 5_000);
  const outcome = (promise: Promise<{ stream: Stream }>): Promise<Stream | string> =>
    promise.then(
      ({ stream }) => stream,
      (error: Error) => error.message,
    );
  const near = await arrival;
  const accepted = outcome(accepting.accept(near, new Uint8Array(0), how));
  const connected = outcome(nodeTls({ ...OPTIONS, ...client }).connect(raw, "dc1"));
  await listener.close();
  return { server: accepted, client: connected };
}

async function exchange(server: Stream, client: Stream): Promise<string> {
  const got: string[] = [];
  const done = new Promise<void>((resolve) => (client.onEnd = resolve));
  server.onData = (chunk) => got.push(Buffer.from(chunk).toString());
  // Half-closed by the client, answered by the server: what a snapshot's restore does.
  server.onEnd = () => {
    server.write(Buffer.from("answer"));
    server.end();
  };
  client.onData = (chunk) => got.push(Buffer.from(chunk).toString());
  client.write(Buffer.from("question"));
  client.end();
  await done;
  return got.join(" ");
}

test("both sides show certificates of one authority, and each direction ends by itself", async () => {
  const ends = await meet({}, {}, "mutual");
  const [server, client] = [await ends.server, await ends.client];
  assert.ok(typeof server !== "string" && typeof client !== "string", `${server} ${client}`);
  assert.equal(await exchange(server, client), "question answer");
});

test("a client without a certificate is refused, unless the port is the one that gives them out", async () => {
  const refused = await meet({}, { cert: undefined, key: undefined }, "mutual");
  assert.match(String(await refused.server), /certificate/);
  const client = await refused.client;
  if (typeof client !== "string") client.destroy(); // TLS 1.3: the client hears of it later
  const ends = await meet({}, { cert: undefined, key: undefined }, "insecure");
  const [server, other] = [await ends.server, await ends.client];
  assert.ok(typeof server !== "string" && typeof other !== "string");
  assert.equal(await exchange(server, other), "question answer");
});

test("verify_server_hostname wants server.dc1.consul in the certificate", async () => {
  const ends = await meet({}, { verifyServerHostname: true }, "mutual");
  assert.match(String(await ends.client), /server\.dc1\.consul/);
  const server = await ends.server;
  if (typeof server !== "string") server.destroy();
});

test("a server of another authority is refused", async () => {
  const ends = await meet({}, { ca: [] }, "mutual");
  assert.match(String(await ends.client), /certificate|self/);
  const server = await ends.server;
  if (typeof server !== "string") server.destroy();
});
