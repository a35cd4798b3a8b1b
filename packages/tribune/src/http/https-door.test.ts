import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { get } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { TEST_CERTIFICATE, TEST_KEY } from "../checks/probes/certificate.test.support.ts";
import { startAgent } from "../index.ts";

/** A port that was free a moment ago: 0 stands for "no such door" in a configuration. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

test("ports.https answers with the certificate of cert_file, and is refused without one", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "tribune-https-"));
  t.after(() => rm(directory, { recursive: true }));
  const [cert_file, key_file] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  await writeFile(cert_file, TEST_CERTIFICATE);
  await writeFile(key_file, TEST_KEY);
  const port = await freePort();
  const agent = await startAgent({ config: { cert_file, key_file, ports: { https: port } } });
  t.after(() => agent.stop());
  const where = { host: "127.0.0.1", port, path: "/v1/status/leader", ca: TEST_CERTIFICATE, agent: false as const };
  const [trusted] = await once(get({ ...where, servername: "good.test" }), "response");
  assert.equal(trusted.statusCode, 200);
  assert.match(await text(trusted), /^"127\.0\.0\.1:\d+"\n?$/);
  await assert.rejects(once(get({ ...where, servername: "evil.test" }), "response"), /Hostname\/IP does not match/);
  await assert.rejects(startAgent({ config: { ports: { https: port } } }), /HTTPS port needs cert_file/);
});
