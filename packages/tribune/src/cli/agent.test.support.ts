import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestIo, type TestIoOptions, testIo } from "./io.test.support.ts";
import { runCli } from "./run.ts";
import { commandTree } from "./tree.ts";

const TREE = commandTree(() => Promise.reject(new Error("no agent in this test")));

/** An agent that answers `METHOD /path?query` as told, 404 otherwise, and remembers what it was asked. */
export async function pretendedAgent() {
  const answers = new Map<string, readonly [status: number, body: unknown]>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    void readAll(request).then((body) => {
      const line = `${request.method} ${request.url}`;
      asked.push(body === "" ? line : `${line} ${body}`);
      const [status, answer] = answers.get(line) ?? [404, ""];
      response.writeHead(status, { "X-Consul-Index": String(asked.length) });
      response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    answers,
    asked,
    address,
    stop(): void {
      server.closeAllConnections();
      server.close();
    },
    async run(words: readonly string[], options: TestIoOptions = {}) {
      const io: TestIo = testIo({ ...options, env: { CONSUL_HTTP_ADDR: address, ...options.env } });
      const code = await runCli("consul", TREE, words, io);
      return { code, out: io.out(), err: io.err() };
    },
    /** The command must fail with 1 and say exactly this. */
    async refuses(words: readonly string[], says: string) {
      const { code, err } = await this.run(words);
      assert.deepEqual([code, err.split("\n\nUsage:")[0]?.split("\nUsage:")[0]?.trimEnd()], [1, says], words.join(" "));
    },
  };
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
