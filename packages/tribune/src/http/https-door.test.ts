import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, get, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { TEST_CERTIFICATE, TEST_KEY } from "../checks/probes/certificate.test.support.ts";
import { startAgent } from "../index.ts";
import { ownPort } from "../ports.test.support.ts";

test("ports.https answers with the certificate of cert_file, and is refused without one", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "tribune-https-"));
  t.after(() => rm(directory, { recursive: true }));
  const [cert_file, key_file] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  await writeFile(cert_file, TEST_CERTIFICATE);
  await writeFile(key_file, TEST_KEY);
  const port = await ownPort(); // 0 stands for "no such door"
  const agent = await startAgent({ config: { cert_file, key_file, ports: { https: port } } });
  t.after(() => agent.stop());
  const where = { host: "127.0.0.1", port, path: "/v1/status/leader", ca: TEST_CERTIFICATE, agent: false as const };
  const [trusted] = await once(get({ ...where, servername: "good.test" }), "response");
  assert.equal(trusted.statusCode, 200);
  assert.match(await text(trusted), /^"127\.0\.0\.1:\d+"\n?$/);
  // On one connection: a request that the plain door takes, one that it leaves to Node, and one after that.
  const one = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => one.destroy());
  const asked = async (method: string, path: string, pieces: readonly string[] = []): Promise<string> => {
    const sent = request({ ...where, servername: "good.test", agent: one, method, path });
    for (const piece of pieces) sent.write(piece); // without a length: in chunks
    sent.end();
    const [answer] = await once(sent, "response");
    return text(answer);
  };
  assert.match(await asked("GET", "/v1/status/leader"), /^"127/);
  assert.equal((await asked("PUT", "/v1/kv/chunked", ["a".repeat(50), "b"])).trim(), "true");
  assert.equal(await asked("GET", "/v1/kv/chunked?raw"), `${"a".repeat(50)}b`);
  await assert.rejects(once(get({ ...where, servername: "evil.test" }), "response"), /Hostname\/IP does not match/);
  await assert.rejects(startAgent({ config: { ports: { https: port } } }), /HTTPS port needs cert_file/);
});
