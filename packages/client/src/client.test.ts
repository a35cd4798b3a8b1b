import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ConsulClient } from "./client.ts";
import { RequestError, ResponseError } from "./errors.ts";
import { mergeOptions, optionsFromEnv, resolveToken } from "./options.ts";

const directory = mkdtempSync(join(tmpdir(), "tribune-client-"));
after(() => rmSync(directory, { recursive: true }));

/** Runs `use` against a server on the loopback or on a unix socket. */
async function withServer(
  listener: RequestListener,
  use: (address: string) => Promise<void>,
  socketPath?: string,
): Promise<void> {
  const server = createServer(listener);
  await new Promise<void>((resolve) =>
    socketPath === undefined ? server.listen(0, "127.0.0.1", resolve) : server.listen(socketPath, resolve),
  );
  try {
    const bound = server.address() as AddressInfo;
    await use(socketPath === undefined ? `127.0.0.1:${bound.port}` : `unix://${socketPath}`);
  } finally {
    server.close();
  }
}

test("the environment speaks, options given outright speak louder", () => {
  const env = {
    CONSUL_HTTP_ADDR: "10.0.0.1:8500",
    CONSUL_HTTP_TOKEN: "t",
    CONSUL_HTTP_SSL: "true",
    CONSUL_HTTP_SSL_VERIFY: "0",
    CONSUL_CACERT: "",
  };
  const options = optionsFromEnv(env);
  assert.deepEqual(options, { address: "10.0.0.1:8500", token: "t", ssl: true, sslVerify: false });
  assert.deepEqual(mergeOptions(options, { address: "b" }), { ...options, address: "b" });
  assert.deepEqual(mergeOptions({ tokenFile: "f" }, { token: "u" }), { token: "u" });
});

test("a token file counts before a token unless it is empty, as in Go's client", () => {
  const [full, empty] = [join(directory, "full"), join(directory, "empty")];
  writeFileSync(full, " secret \n");
  writeFileSync(empty, "\n");
  assert.equal(resolveToken({ token: "t", tokenFile: full }), "secret");
  assert.equal(resolveToken({ token: "t", tokenFile: empty }), "t");
  assert.equal(resolveToken({ token: "t", tokenFile: "" }), "t");
  const missing = join(directory, "missing");
  assert.throws(() => resolveToken({ tokenFile: missing }), {
    message: `Error loading token file: open ${missing}: no such file or directory`,
  });
});

test("requests carry token, authentication and defaults", async () => {
  const tokenFile = join(directory, "token");
  writeFileSync(tokenFile, " secret \n");
  const seen: unknown[] = [];
  await withServer(
    (request, response) => {
      seen.push([request.url, request.headers["x-consul-token"], request.headers.authorization]);
      response.end("[]");
    },
    async (address) => {
      const client = new ConsulClient({ address, tokenFile, auth: "u:p", datacenter: "dc 2", stale: true });
      await client.catalog.nodes({ nodeMeta: ["a:b", "c:d"], filter: 'Node == "x"' });
    },
  );
  const url = "/v1/catalog/nodes?dc=dc%202&stale&node-meta=a%3Ab&node-meta=c%3Ad&filter=Node%20%3D%3D%20%22x%22";
  assert.deepEqual(seen, [[url, "secret", "Basic dTpw"]]);
});

test("a unix socket serves as well", async () => {
  const path = join(directory, "http.sock");
  await withServer(
    (request, response) => void response.end(JSON.stringify([request.url])),
    async (address) => {
      assert.deepEqual(await new ConsulClient({ address }).catalog.datacenters(), ["/v1/catalog/datacenters"]);
    },
    path,
  );
  await assert.rejects(new ConsulClient({ address: `unix://${directory}/none` }).catalog.datacenters(), (error) => {
    assert.ok(error instanceof RequestError);
    assert.match(
      error.message,
      /^Get "http:\/\/%2F\S*none\/v1\/catalog\/datacenters": dial unix .*\/none: connect: no such/,
    );
    return true;
  });
});

test("refusals keep status and text; an answer cut short is no answer", async () => {
  await withServer(
    (request, response) => {
      if (request.url === "/v1/agent/checks") {
        response.writeHead(200, { "Content-Length": "100" }).write("{");
        response.destroy();
      } else {
        response.writeHead(500).end("No cluster leader");
      }
    },
    async (address) => {
      const client = new ConsulClient({ address });
      await assert.rejects(client.catalog.datacenters(), new ResponseError(500, "No cluster leader"));
      // Consul's own client keeps this one's text to itself.
      await assert.rejects(client.kv.list("a"), {
        message: "Unexpected response code: 500",
        body: "No cluster leader",
      });
      await assert.rejects(client.snapshot.save(), { status: 500, body: "No cluster leader" });
      await assert.rejects(client.agent.checks(), RequestError);
      assert.throws(() => new ConsulClient({ address: "ftp://x" }), /Unknown protocol scheme: ftp/);
    },
  );
});

test("a key that begins with a slash is refused before it is sent", async () => {
  const client = new ConsulClient({ address: "127.0.0.1:1" });
  await assert.rejects(client.kv.write({ key: "/a", value: Buffer.from("") }), /Key must not begin with a '\/': \/a/);
});
