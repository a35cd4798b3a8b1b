// How long the event loop is held while a server does its largest pieces of work: node bench/loop-delay.mjs [keys]
// Long lists of the catalog and of the other tables are in list-delay.mjs.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BOUND_MS, startWatched } from "./loop-watch.mjs";

await measure(Number(process.argv[2] ?? 100_000));

async function measure(keys) {
  const dataDir = mkdtempSync(join(tmpdir(), "tribune-loop-"));
  const server = await startWatched(dataDir);
  const { url, startMs } = server;
  let worst = 0;
  const during = async (what, run) => {
    const { tookMs, heldMs, maxMs, cpuMaxMs, p99Ms, rssMb } = await server.during(run);
    worst = Math.max(worst, heldMs);
    console.log(
      `${what.padEnd(46)} ${tookMs.toFixed(0).padStart(7)} ms   loop held at most ${maxMs.toFixed(1).padStart(6)} ms, p99 ${p99Ms.toFixed(1)} ms; of CPU ${cpuMaxMs.toFixed(1)} ms   rss ${rssMb.toFixed(0)} MB`,
    );
  };
  const request = async (path, method = "GET", body = undefined) => {
    const response = await fetch(url + path, { method, ...(body === undefined ? {} : { body }) });
    const bytes = await response.arrayBuffer();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${Buffer.from(bytes).toString()}`);
    return bytes;
  };
  const value = Buffer.alloc(100, "v").toString("base64");
  const load = async (prefix, count) => {
    for (let from = 0; from < count; from += 64) {
      const ops = Array.from({ length: Math.min(64, count - from) }, (_, at) => ({
        KV: { Verb: "set", Key: `${prefix}/${from + at}`, Value: value },
      }));
      await request("/v1/txn", "PUT", JSON.stringify(ops));
    }
  };
  const register = async (count) => {
    const one = (at) =>
      request(
        "/v1/catalog/register",
        "PUT",
        JSON.stringify({
          Node: `n${at}`,
          Address: "10.0.0.1",
          Service: {
            Service: "wide",
            ID: `w${at}`,
            Port: at,
            Tags: ["a", "b"],
            Meta: { zone: at % 5 === 0 ? "a" : "b" },
          },
          Check: { CheckID: `c${at}`, ServiceID: `w${at}`, Name: "c", Status: "passing" },
        }),
      );
    for (let from = 0; from < count; from += 32)
      await Promise.all(Array.from({ length: Math.min(32, count - from) }, (_, at) => one(from + at)));
  };
  try {
    console.log(`start, in this process's child, until it leads: ${startMs.toFixed(0)} ms`);
    await during(`load ${keys} keys in transactions of 64`, () => load("load", keys));
    await during("register 2,000 instances of one service", () => register(2_000));
    await during("health of 2,000 instances", () => request("/v1/health/service/wide?passing"));
    await during("the same with a filter", () => request('/v1/health/service/wide?filter=Service.Meta.zone=="a"'));
    await during(`GET ?recurse of ${keys} keys`, () => request("/v1/kv/load/?recurse"));
    await during(`GET ?keys of ${keys} keys`, () => request("/v1/kv/load/?keys"));
    let archive;
    await during("snapshot save", async () => {
      archive = await request("/v1/snapshot");
    });
    await during("snapshot restore", () => request("/v1/snapshot", "PUT", archive));
    await during(`delete ${keys} keys by prefix`, () => request("/v1/kv/load/?recurse", "DELETE"));
    console.log(
      worst <= BOUND_MS ? `never above ${BOUND_MS} ms` : `ABOVE THE BOUND of ${BOUND_MS} ms: ${worst.toFixed(1)} ms`,
    );
  } finally {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
  process.exitCode = worst <= BOUND_MS ? 0 : 1;
}
