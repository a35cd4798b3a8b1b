// How long the event loop is held by the longest lists: node bench/list-delay.mjs [rows] [--keep DIR] [--only WORD]
// Each is asked as nobody asked it before (something in it was just written), again, with a filter, compressed, indented
// and by a blocking query that a write wakes. Then through a client agent: what the server's loop is held for, which
// encodes the reply, and what the client's, which reads it. Milliseconds of CPU that the longest turn of the loop took;
// with a star where a full collection of garbage fell into that time.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BOUND_MS, startWatched } from "./loop-watch.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { keep: { type: "string" }, only: { type: "string" } },
});
const rows = Number(positionals[0] ?? 10_000);
const dataDir = values.keep ?? mkdtempSync(join(tmpdir(), "tribune-lists-"));
const connections = new Agent({ keepAlive: true });

/** What is asked; a filter that suits it; what is written in between so that the answer is made anew. */
const LISTS = [
  ["/v1/catalog/nodes", 'Meta.zone == "a"', "node"],
  ["/v1/catalog/nodes?near=n7", 'Meta.zone == "a"', "node"],
  ["/v1/catalog/nodes?node-meta=zone:a", 'Meta.zone == "a"', "node"],
  ["/v1/catalog/services", 'ServiceMeta.zone == "a"', "service"],
  ["/v1/catalog/services?node-meta=zone:a", 'ServiceMeta.zone == "a"', "service"],
  ["/v1/catalog/service/wide", 'ServiceMeta.zone == "a"', "service"],
  ["/v1/catalog/service/wide?near=n7", 'ServiceMeta.zone == "a"', "service"],
  ["/v1/catalog/node/fat", 'Meta.zone == "a"', "fat"],
  ["/v1/catalog/node-services/fat", 'Meta.zone == "a"', "fat"],
  ["/v1/health/node/fat", 'Status == "passing"', "fat"],
  ["/v1/health/checks/wide", 'Status == "passing"', "service"],
  ["/v1/health/state/any", 'Status == "passing"', "service"],
  ["/v1/health/state/passing", 'Status == "passing"', "service"],
  ["/v1/health/service/wide", 'Service.Meta.zone == "a"', "service"],
  ["/v1/health/service/wide?passing&near=n7", 'Service.Meta.zone == "a"', "service"],
  ["/v1/internal/ui/nodes", 'Meta.zone == "a"', "node"],
  ["/v1/internal/ui/node/fat", undefined, "fat"],
  ["/v1/internal/ui/services", 'Service.Meta.zone == "a"', "service"],
  ["/v1/internal/ui/catalog-overview", undefined, "service"],
  ["/v1/session/list", undefined, "session"],
  ["/v1/session/node/fat", undefined, "session"],
  ["/v1/query", undefined, "query"],
  ["/v1/query/wide-query/execute", undefined, "service"],
  ["/v1/config/service-defaults", undefined, "config"],
  ["/v1/connect/intentions", 'Action == "allow"', "intention"],
  ["/v1/coordinate/nodes", undefined, "coordinate"],
  ["/v1/agent/services", 'Meta.zone == "a"', "agent"],
  ["/v1/agent/checks", 'Status == "passing"', "agent"],
  ["/v1/agent/health/service/name/local", undefined, "agent"],
  ["/v1/kv/list/?recurse", undefined, "key"],
  ["/v1/kv/list/?keys", undefined, "key"],
  ["/v1/history/recent", undefined, "service"],
  ["TXN /v1/txn", undefined, "key"],
];

/** What is asked through a client agent. */
const THROUGH_CLIENT = LISTS.filter(([path]) => !path.includes("/agent/"));

let { server, worst } = { server: await startWatched(dataDir), worst: 0 };
try {
  if (!existsSync(join(dataDir, "loaded"))) {
    console.log(`loading ${rows} of each kind`);
    await load();
    writeFileSync(join(dataDir, "loaded"), "");
    // What is asked first after a start is code that was never run.
    await server.stop();
    server = await startWatched(dataDir);
  }
  await measure();
  await measureThroughClient();
  console.log(`longest of all: ${worst.toFixed(1)} ms, bound ${BOUND_MS} ms`);
} finally {
  connections.destroy();
  await server.stop();
  if (values.keep === undefined) rmSync(dataDir, { recursive: true, force: true });
}
process.exitCode = worst <= BOUND_MS ? 0 : 1;

async function measure() {
  const forms = ["first", "again", "filter", "gzip", "pretty", "blocking"];
  console.log(`${"".padEnd(42)}${forms.map((form) => form.padStart(9)).join("")}     bytes`);
  for (const [path, filter, changes] of LISTS) {
    if (values.only !== undefined && !path.includes(values.only)) continue;
    const { method, url, body } = callOf(path);
    const also = (query) => `${url}${url.includes("?") ? "&" : "?"}${query}`;
    const held = [];
    let bytes = 0;
    const ask = async (target, headers = {}) => {
      const found = await server.during(async () => {
        bytes = Math.max(bytes, (await request(method, target, body, headers)).body.length);
      });
      held.push(shown(found));
    };
    await change(changes);
    await ask(url);
    await ask(url);
    if (filter === undefined) held.push("");
    else await ask(also(`filter=${encodeURIComponent(filter)}`));
    await change(changes);
    await ask(url, { "accept-encoding": "gzip" });
    await change(changes);
    await ask(also("pretty"));
    const index = method === "GET" ? (await request("GET", url)).headers["x-consul-index"] : undefined;
    if (index === undefined) held.push("");
    else {
      const waiting = request("GET", also(`index=${index}&wait=30s`));
      await change("nothing");
      const found = await server.during(async () => {
        await change(changes);
        await waiting;
      });
      held.push(shown(found));
    }
    console.log(`${path.padEnd(42)}${held.map((ms) => ms.padStart(9)).join("")} ${String(bytes).padStart(9)}`);
  }
}

function callOf(path) {
  if (!path.startsWith("TXN ")) return { method: "GET", url: path, body: undefined };
  const ops = Array.from({ length: 64 }, () => ({ KV: { Verb: "get-tree", Key: "list/1" } }));
  return { method: "PUT", url: path.slice(4), body: JSON.stringify(ops) };
}

function shown({ heldMs, isCollected }) {
  worst = Math.max(worst, heldMs);
  return heldMs.toFixed(1) + (isCollected ? "*" : " ");
}

async function measureThroughClient() {
  const clientDir = mkdtempSync(join(tmpdir(), "tribune-lists-client-"));
  const client = await startWatched(clientDir, server.lan);
  try {
    console.log(
      `${"\nthrough a client agent".padEnd(43)}${["server", "client", "again: server", "client"].join("    ")}`,
    );
    for (const [path, , changes] of THROUGH_CLIENT) {
      if (values.only !== undefined && !path.includes(values.only)) continue;
      const { method, url, body } = callOf(path);
      const held = [];
      for (const _ of [1, 2]) {
        await change(changes);
        let ofClient;
        const ofServer = await server.during(async () => {
          ofClient = await client.during(() => request(method, url, body, {}, client.url));
        });
        held.push(shown(ofServer), shown(ofClient));
      }
      console.log(`${path.padEnd(42)}${held.map((ms) => ms.padStart(9)).join(" ")}`);
    }
  } finally {
    connections.destroy();
    await client.stop();
    rmSync(clientDir, { recursive: true, force: true });
  }
}

/** Writes something that the list shows. */
async function change(what) {
  change.count = (change.count ?? 0) + 1;
  const { count } = change;
  const put = (path, body) => request("PUT", path, typeof body === "string" ? body : JSON.stringify(body));
  switch (what) {
    case "node":
      return put("/v1/catalog/register", { Node: "n3", Address: `10.1.${(count >> 8) & 255}.${count & 255}` });
    case "service":
      return put("/v1/catalog/register", {
        ...{ Node: "n3", SkipNodeUpdate: true, Service: { ...instance("wide", 3), Port: 1 + (count % 60_000) } },
        Check: { CheckID: "wide", ServiceID: "wide", Name: "c", Status: "passing", Output: String(count) },
      });
    case "fat":
      return put("/v1/catalog/register", {
        ...{ Node: "fat", SkipNodeUpdate: true, Service: { ...instance("f3", 3), Port: 1 + (count % 60_000) } },
        Check: { CheckID: "f3", ServiceID: "f3", Name: "c", Status: "passing", Output: String(count) },
      });
    case "session":
      return put("/v1/session/create", { Node: "fat", NodeChecks: [], Name: String(count) });
    case "query":
      return request("POST", "/v1/query", JSON.stringify({ Name: `extra${Date.now()}`, Service: { Service: "wide" } }));
    case "config":
      return put("/v1/config", { Kind: "service-defaults", Name: "d3", Protocol: count % 2 === 0 ? "http" : "grpc" });
    case "intention":
      return put("/v1/config", intention(3, count));
    case "coordinate":
      return put("/v1/coordinate/update", coordinate("n3", count));
    case "agent":
      return put("/v1/agent/service/register", local(3, count));
    case "key":
      return put("/v1/kv/list/1000", String(count));
    default:
      return undefined;
  }
}

function instance(name, at) {
  return { Service: name, ID: name, Port: 8_000, Tags: ["a", `t${at % 7}`], Meta: { zone: at % 5 === 0 ? "a" : "b" } };
}

function local(at, version = 0) {
  const Meta = { zone: at % 5 === 0 ? "a" : "b", version: String(version) };
  return { Name: "local", ID: `l${at}`, Port: 9_000, Meta, Check: { TTL: "10h", Status: "passing" } };
}

function intention(at, version = 0) {
  const Sources = [{ Name: "web", Action: "allow", Description: String(version) }];
  return { Kind: "service-intentions", Name: `d${at}`, Sources };
}

function coordinate(Node, version = 0) {
  return { Node, Coord: { Vec: new Array(8).fill(0.001 * version), Error: 1, Adjustment: 0, Height: 1e-5 } };
}

async function load() {
  const put = (path, body) => request("PUT", path, JSON.stringify(body));
  const each = async (count, one) => {
    let next = 0;
    const worker = async () => {
      while (next < count) await one(next++);
    };
    await Promise.all(Array.from({ length: 64 }, worker));
  };
  const check = (Node, id) => ({
    Check: { Verb: "set", Check: { Node, CheckID: id, ServiceID: id, Name: "c", Status: "passing", Output: "fine" } },
  });
  const service = (Node, name, at) => ({ Service: { Verb: "set", Node, Service: instance(name, at) } });
  await put("/v1/catalog/register", { Node: "fat", Address: "10.0.0.2" });
  const nodeOps = (at) => [
    {
      Node: {
        Verb: "set",
        Node: {
          ...{ Node: `n${at}`, Address: `10.0.${(at >> 8) & 255}.${at & 255}` },
          ...{ Meta: { zone: at % 5 === 0 ? "a" : "b" }, TaggedAddresses: { lan: "10.0.0.1", wan: "10.0.0.1" } },
        },
      },
    },
    ...[service(`n${at}`, "wide", at), check(`n${at}`, "wide")],
    ...[service(`n${at}`, `s${at}`, at), check(`n${at}`, `s${at}`)],
    ...[service("fat", `f${at}`, at), check("fat", `f${at}`)],
  ];
  const BATCH = 9;
  await each(Math.ceil(rows / BATCH), (batch) =>
    put(
      "/v1/txn",
      Array.from({ length: Math.min(BATCH, rows - batch * BATCH) }, (_, at) => nodeOps(batch * BATCH + at)).flat(),
    ),
  );
  await each(rows, (at) => put(`/v1/kv/list/${at}`, "x".repeat(100)));
  await each(rows, () => put("/v1/session/create", { Node: "fat", NodeChecks: [] }));
  await each(rows, (at) => put("/v1/config", { Kind: "service-defaults", Name: `d${at}`, Protocol: "http" }));
  await each(rows, (at) => put("/v1/config", intention(at)));
  await each(rows, (at) => put("/v1/coordinate/update", coordinate(`n${at}`, at)));
  await each(rows, (at) =>
    request("POST", "/v1/query", JSON.stringify({ Name: `q${at}`, Service: { Service: "wide" } })),
  );
  await request("POST", "/v1/query", JSON.stringify({ Name: "wide-query", Service: { Service: "wide" } }));
  await each(rows, (at) => put("/v1/agent/service/register", local(at)));
}

function request(method, path, body = undefined, headers = {}, base = server.url) {
  return new Promise((resolve, reject) => {
    const target = new URL(base + path);
    const asked = httpRequest(target, { method, headers, agent: connections }, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => {
        const whole = Buffer.concat(chunks);
        // A service whose check is critical is answered by 503, and with all its rows.
        const isAnswer = answer.statusCode < 300 || path.includes("/agent/health/");
        if (!isAnswer) reject(new Error(`${method} ${path}: ${answer.statusCode} ${whole.subarray(0, 200)}`));
        else resolve({ headers: answer.headers, body: whole });
      });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}
