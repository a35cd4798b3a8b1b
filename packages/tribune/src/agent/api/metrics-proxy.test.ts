import assert from "node:assert/strict";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { UiConfig } from "../../config/types.ts";
import { silentLogger } from "../../lib/log.ts";
import { nodeRuntime } from "../../net/node-runtime.ts";
import { metricsProxy } from "./metrics-proxy.ts";

const asked: { readonly url: string; readonly headers: IncomingHttpHeaders }[] = [];
const backend = createServer((request, response) => {
  asked.push({ url: request.url ?? "", headers: request.headers });
  if (request.url?.startsWith("/base/moved")) response.writeHead(302, { Location: "http://127.0.0.1:1/" }).end();
  else if (request.url?.startsWith("/base/huge")) {
    const chunk = Buffer.alloc(1 << 20);
    response.on("error", () => {});
    for (let sent = 0; sent < 18; sent++) response.write(chunk);
    response.end();
  } else response.writeHead(422, { "Content-Type": "text/x" }).end("answer");
});
let base = "";
before(async () => {
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(backend.address() as AddressInfo).port}/base`;
});
after(() => {
  backend.closeAllConnections();
  backend.close();
});

function proxy(given: Partial<UiConfig["metricsProxy"]> = {}, ui: Partial<UiConfig> = {}) {
  const settings = { baseUrl: base, addHeaders: [], pathAllowlist: [], ...given };
  const config = { enabled: true, dir: "", metricsProxy: settings, ...ui } as unknown as UiConfig;
  return metricsProxy({ config: () => config, timers: nodeRuntime().timers, logger: silentLogger });
}

test("a question goes on with its query and the configured headers; status, type and body come back", async () => {
  const api = proxy({ addHeaders: [{ name: "X-Org", value: "1" }] });
  const answer = await api.ask("api/v1/query", "query=up", "text/y");
  assert.deepEqual(answer, {
    ...{ kind: "bytes", status: 422, contentType: "text/x" },
    body: Buffer.from("answer"),
  });
  const last = asked.at(-1);
  assert.equal(last?.url, "/base/api/v1/query?query=up");
  assert.equal(last?.headers["x-org"], "1");
  assert.equal(last?.headers.accept, "text/y");
});

test("only allowed paths are asked for, as they are once dots are resolved", async () => {
  const api = proxy({ pathAllowlist: ["/base/api/v1/query"] });
  const before = asked.length;
  assert.deepEqual(await api.ask("api/v1/labels", "", ""), { kind: "empty", status: 403 });
  assert.equal(asked.length, before);
  assert.equal((await api.ask("api/x/../v1/query", "", "")).kind, "bytes");
  assert.equal(asked.at(-1)?.url, "/base/api/v1/query");
});

test("nothing leads out of the base", async () => {
  const before = asked.length;
  for (const path of ["../secret", "%2e%2e/secret", "x/../../secret"])
    await assert.rejects(() => proxy().ask(path, "", ""), {
      kind: "badRequest",
      message: "Bad request: Invalid path.",
    });
  assert.equal(asked.length, before);
});

test("a redirect is handed on, not followed", async () => {
  const answer = await proxy().ask("moved", "", "");
  assert.equal("status" in answer ? answer.status : 0, 302);
});

test("without a page or a backend there is nothing; a backend that is gone or says too much is a bad gateway", async () => {
  await assert.rejects(() => proxy({}, { enabled: false }).ask("x", "", ""), { message: "UI is not enabled" });
  await assert.rejects(() => proxy({ baseUrl: "" }).ask("x", "", ""), { message: "Metrics proxy is not enabled" });
  const failed = async (asked: ReturnType<typeof proxy>, path: string): Promise<string> => {
    const answer = await asked.ask(path, "", "");
    assert.ok(answer.kind === "text" && answer.status === 502);
    return answer.text;
  };
  assert.match(await failed(proxy({ baseUrl: "http://127.0.0.1:1" }), "x"), /does not answer: (bad port|.*REFUSED)/);
  assert.match(await failed(proxy(), "huge"), /more than 16777216 bytes/);
});
