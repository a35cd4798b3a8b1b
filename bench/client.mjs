// What a call through @tribune/client costs over the same `fetch`: processor time of this process against a `fetch` that
// answers at once, so that nothing but the client is measured; then both ways against an agent in another process. Last,
// how big the client is in a page.
import { fork } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { createClient, fetchSend } from "../packages/client/dist/index.js";

/** Short, and many: what else the machine does then meets both ways alike, and leaves some rounds in peace. */
const ROUNDS = 1_500;
const CALLS = 20;
const packages = fileURLToPath(new URL("../packages", import.meta.url));

if (process.argv[2] === "--serve") {
  const { startAgent } = await import("../packages/tribune/dist/index.js");
  const agent = await startAgent();
  process.on("disconnect", () => agent.stop());
  process.send(agent.url);
} else {
  await withoutAgent();
  await withAgent();
  await size();
}

async function withoutAgent() {
  const body = JSON.stringify([
    { LockIndex: 0, Key: "a/b", Flags: 0, Value: "dGV4dA==", CreateIndex: 10, ModifyIndex: 20 },
  ]);
  const headers = { "content-type": "application/json", "x-consul-index": "20", "x-consul-knownleader": "true" };
  const answering = async () => new Response(body, { headers });
  const client = createClient({ send: fetchSend("http://agent", answering) });
  await compare(`a call, no agent`, ROUNDS, CALLS, {
    raw: async () => (await answering("http://agent/v1/kv/a/b", { method: "GET" })).json(),
    client: () => client.kvGet({ key: "a/b" }),
  });
}

async function withAgent() {
  const child = fork(fileURLToPath(import.meta.url), ["--serve"]);
  const url = await new Promise((resolve) => child.once("message", resolve));
  const client = createClient({ url });
  await client.kv.set("a/b", "text");
  await compare("a read, one after the other", ROUNDS, CALLS, {
    raw: async () => (await fetch(`${url}/v1/kv/a/b`)).json(),
    client: () => client.kvGet({ key: "a/b" }),
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.disconnect();
  await ended;
}

/** Both in turn, so that what else the machine does meets both: the median of the rounds, and their quietest tenth. */
async function compare(title, rounds, calls, ways) {
  const names = Object.keys(ways);
  const taken = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -200; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const started = process.cpuUsage();
      for (let call = 0; call < calls; call++) await ways[name]();
      const { user, system } = process.cpuUsage(started);
      if (round >= 0) taken[name].push((user + system) / calls);
    }
  }
  const at = (list, share) => list.toSorted((a, b) => a - b)[Math.floor(list.length * share)];
  const [raw, client] = names.map((name) => at(taken[name], 0.1));
  const over = taken.client.map((us, round) => us - taken.raw[round]);
  console.log(
    `${title}: fetch ${raw.toFixed(1)} us, client ${client.toFixed(1)} us, ${(client - raw).toFixed(1)} us more ` +
      `(quietest tenth; in the middle ${at(over, 0.5).toFixed(1)} us more)`,
  );
}

async function size() {
  const { outputFiles } = await build({
    entryPoints: [join(packages, "client/dist/browser.js")],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    write: false,
  });
  const [{ contents }] = outputFiles;
  const packed = gzipSync(contents, { level: 9 }).length;
  console.log(
    `in a page: ${(contents.length / 1e3).toFixed(1)} kB minified, ${(packed / 1e3).toFixed(1)} kB with gzip`,
  );
}
