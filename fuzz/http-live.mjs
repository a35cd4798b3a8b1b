// Asks a real dev agent the most unreasonable things: every contract's route, with parameters and bodies mutated.
// Fails where a question gets no answer, an answer tells of a mistake of ours, the agent stalls, or grows.
//   node fuzz/http-live.mjs [--count 100000] [--seed N] [--only N] [--clients 16]
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as api from "@tribune/api";

const { values: options } = parseArgs({
  options: {
    count: { type: "string", default: "20000" },
    seed: { type: "string", default: String(Math.floor(Date.now() / 1000)) },
    only: { type: "string" },
    clients: { type: "string", default: "16" },
    "grow-mib": { type: "string", default: "300" },
  },
});
const SEED = Number(options.seed);
const STALL_MS = 1000;
const ANSWER_MS = 20_000;
/** What only a mistake of ours says. */
const OURS =
  /TypeError|RangeError|ReferenceError|SyntaxError: |InvariantError|invariant|Cannot (?:read|set|convert|mix)|is not (?:a function|iterable|defined|an object)|Invalid (?:string|array) length|call stack|\bat \S+ \(.*\.[jt]s:\d+|node:internal|ERR_[A-Z_]+|\[object \w+\]|undefined/;
/** They end the agent or turn it over, or go on for ever: each is tried by hand. */
const NOT_ASKED = /^(?:PUT \/v1\/agent\/(?:leave|force-leave\/)|GET \/v1\/agent\/monitor)/;

// ---- randomness: one stream for each input, so that any of them can be repeated alone ----

function mulberry32(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Chooser {
  constructor(number) {
    this.random = mulberry32(Math.imul(SEED, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
  }
  below(bound) {
    return Math.floor(this.random() * bound);
  }
  chance(part) {
    return this.random() < part;
  }
  of(list) {
    return list[this.below(list.length)];
  }
}

// ---- what is asked ----

const groups = Object.entries(api).filter(([name]) => name.endsWith("Contracts"));
const contracts = groups.flatMap(([, group]) => Object.values(group)).filter((one) => typeof one?.http === "string");

const NAMES = ["web", "db", "n1", "fuzz", "a/b", "consul", "serfHealth", "service:web", "_node_maintenance", "global"];
const ODD = [
  "",
  " ",
  "0",
  "-1",
  "1.5",
  "NaN",
  "true",
  "null",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "..",
  "%",
  "%zz",
  "%00",
  "%ff%fe",
  "%ed%a0%80",
  "\\",
  "'",
  '"',
  "<script>",
  "\u00e9",
  "\u{1f600}",
  "\n",
  "a".repeat(300),
  "18446744073709551615",
  "18446744073709551616",
  "9007199254740993",
  "1e309",
  "10s",
  "-10s",
  "0s",
  "9999999h",
  "1ns",
  "2562047h47m16s",
  "_agent",
  "_ip",
  "{{",
  "*",
  "/",
  "//",
  "./",
  "[]",
  "{}",
  "(",
  "a+",
  "\\p{L}",
  "*.consul",
];
const FILTERS = [
  "Node == n1",
  "ID matches `(a+)+$`",
  'Service.Tags contains "a"',
  "Meta is empty",
  "not (Node == a or Node == b)",
  "Service.Meta[`x`] == 1",
  "ServiceMeta.__proto__ == x",
  "Checks.Output matches `(`",
  "1 == 1",
  "a in b",
  "((((",
  "Node",
  "ServicePort != 0",
  "Node == ",
  "TaggedAddresses.lan.Address is not empty",
  "constructor == 1",
  "Service == `",
];
const QUERIES = [
  "index",
  "wait",
  "dc",
  "stale",
  "consistent",
  "cached",
  "near",
  "filter",
  "node-meta",
  "pretty",
  "raw",
  "keys",
  "recurse",
  "separator",
  "cas",
  "flags",
  "acquire",
  "release",
  "passing",
  "tag",
  "token",
  "ns",
  "partition",
  "hash",
  "format",
  "reason",
  "enable",
  "note",
  "ttl",
  "service",
  "node",
  "limit",
  "max_stale",
  "type",
  "name",
  "replace-existing-checks",
  "id",
  "address",
  "segment",
  "merge-central-config",
  "leader",
];

function text(c) {
  const kind = c.below(10);
  if (kind < 5) return c.of(NAMES);
  if (kind < 9) return c.of(ODD);
  return String.fromCharCode(...Array.from({ length: c.below(20) }, () => c.below(0x3000)));
}

function queryValue(c, name) {
  if (name === "filter" && c.chance(0.9)) return c.of(FILTERS);
  // A question that waits its ten minutes out would only fill the clients.
  if (name === "wait") return c.of(["1ms", "5ms", "x", "10ms"]);
  if (name === "index") return c.of(["0", "1", "5", "18446744073709551615", "18446744073709551616", "-1", "x", ""]);
  if (name === "dc" && c.chance(0.8)) return "dc1";
  return text(c);
}

const SCALARS = (c) =>
  c.of([0, -1, 1, 80, 65536, 1e21, 2 ** 53, 1.5, true, false, null, "", "x", "10s", "5", [], {}, [null], { a: null }]);

/** A value of the schema's shape, with something wrong in it now and then. */
function randomValue(c, schema, depth = 0) {
  if (schema === undefined || depth > 6 || c.chance(0.03)) return c.chance(0.5) ? SCALARS(c) : text(c);
  switch (schema.kind) {
    case "struct": {
      const value = {};
      for (const field of schema.fields ?? []) {
        if (c.chance(depth === 0 ? 0.5 : 0.7)) continue;
        const name = c.chance(0.05) ? field.name.toLowerCase() : field.name;
        value[name] = known(c, field.name) ?? randomValue(c, field.schema, depth + 1);
      }
      if (c.chance(0.05)) value[text(c)] = SCALARS(c);
      return value;
    }
    case "list":
      return Array.from({ length: c.below(4) }, () => randomValue(c, schema.of, depth + 1));
    case "map":
      return Object.fromEntries(
        Array.from({ length: c.below(4) }, () => [text(c), randomValue(c, schema.of ?? schema.value, depth + 1)]),
      );
    case "nullable":
      return c.chance(0.2) ? null : randomValue(c, schema.of, depth);
    case "bool":
      return c.chance(0.5);
    case "int":
    case "uint":
    case "float":
      return c.of([0, 1, 80, 1000, -1, 2 ** 31, 2 ** 53 - 1, 1e18]);
    case "text":
    case "string":
      return text(c);
    case "bytes":
      return Buffer.from(text(c)).toString("base64");
    default:
      return schema.of !== undefined && c.chance(0.5)
        ? randomValue(c, schema.of, depth)
        : c.chance(0.5)
          ? SCALARS(c)
          : text(c);
  }
}

/** Values that get past the first check often enough to see the second. */
function known(c, field) {
  if (c.chance(0.3)) return undefined;
  switch (field) {
    case "Node":
      return c.of(["n1", "n2"]);
    case "Address":
      return "10.0.0.1";
    case "Verb":
      return c.of([
        "set",
        "cas",
        "lock",
        "unlock",
        "get",
        "get-tree",
        "check-index",
        "check-session",
        "check-not-exists",
        "delete",
        "delete-tree",
        "delete-cas",
      ]);
    case "Status":
      return c.of(["passing", "warning", "critical"]);
    case "TTL":
    case "Interval":
    case "Timeout":
      return c.of(["10s", "1h", "5ns"]);
    case "Behavior":
      return c.of(["release", "delete"]);
    case "Datacenter":
      return "dc1";
    case "Kind":
      return c.of(["", "connect-proxy", "mesh-gateway", "service-defaults"]);
    case "HTTP":
    case "TCP":
    case "UDP":
    case "GRPC":
      return c.chance(0.05) ? "127.0.0.1:9" : undefined; // real probes would only make noise
    default:
      return undefined;
  }
}

function body(c, contract) {
  const parameter = Object.values(contract.parameters).find((one) => one.in === "body");
  const kind = c.below(20);
  if (kind === 0) return Buffer.from("[".repeat(c.of([10, 1000, 100_000])));
  if (kind === 1) return Buffer.from('{"a":'.repeat(c.of([10, 1000, 50_000])));
  if (kind === 2) return Buffer.from(Array.from({ length: c.below(64) }, () => c.below(256)));
  if (kind === 3) return Buffer.alloc(c.of([0, 1, 1 << 16, 1 << 19, (1 << 19) + 1]), 0x61);
  if (parameter === undefined && kind < 15) return undefined;
  if (parameter?.type === "bytes") return Buffer.from(text(c));
  const json = Buffer.from(JSON.stringify(randomValue(c, parameter?.schema)) ?? "");
  if (kind < 5 && json.length > 0) json[c.below(json.length)] = c.below(256);
  if (kind === 5) return json.subarray(0, c.below(json.length + 1));
  return json;
}

function encodePath(c, value) {
  return c.chance(0.8) ? encodeURIComponent(toWellFormed(value)) : value.replaceAll(/[^\x21-\x7e]|[#?]/g, "");
}
const toWellFormed = (value) => value.replaceAll(/[\ud800-\udfff]/g, "\ufffd");

function question(number) {
  const c = new Chooser(number);
  let contract = c.of(contracts);
  while (NOT_ASKED.test(contract.http)) contract = c.of(contracts);
  const [ownMethod, pattern] = contract.http.split(" ");
  let path = pattern.replace(/[:*]\w+/, () => encodePath(c, text(c)));
  if (c.chance(0.03)) path = path.replace(/\/[^/]*$/, `/${encodePath(c, text(c))}`);
  const pairs = [];
  const own = Object.entries(contract.parameters).filter(([, one]) => one.in === "query");
  for (const [property, one] of own) if (c.chance(0.4)) pairs.push(one.name ?? property);
  if (contract.when !== undefined) pairs.push(contract.when);
  for (let extra = c.below(3); extra > 0; extra--) pairs.push(c.of(QUERIES));
  // Never the agent's default wait of minutes.
  if (pairs.includes("index") || pairs.includes("hash")) pairs.unshift("wait");
  const query = pairs.map(
    (name) =>
      `${name}=${name === "filter" || c.chance(0.9) ? encodeURIComponent(toWellFormed(queryValue(c, name))) : encodePath(c, text(c))}`,
  );
  if (c.chance(0.002)) query.push(...Array.from({ length: 3000 }, (_, at) => `a${at}=${at}`));
  const method = c.chance(0.92) ? ownMethod : c.of(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH"]);
  const headers = {};
  if (c.chance(0.1)) headers["accept-encoding"] = "gzip";
  if (c.chance(0.05)) headers["x-consul-token"] = c.of(["t", "", "a".repeat(200)]);
  if (c.chance(0.05))
    headers["cache-control"] = c.of(["max-age=0", "max-age=x", "must-revalidate", "stale-if-error=9e9", ",,"]);
  if (c.chance(0.03)) headers["x-forwarded-for"] = c.of(["1.2.3.4", "x", "::1, 1.1.1.1", ","]);
  const content = method === "GET" || method === "HEAD" ? undefined : body(c, contract);
  // Node names the length of a body by itself only where it expects one.
  if (content !== undefined) headers["content-length"] = content.length;
  return { number, method, path: query.length > 0 ? `${path}?${query.join("&")}` : path, headers, content };
}

// ---- the agent ----

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

class Tried {
  #log = "";
  #process;
  #pool = new Agent({ keepAlive: true, maxSockets: 64 });

  async start() {
    this.port = await freePort();
    const dns = await freePort();
    const main = fileURLToPath(new URL("../packages/tribune/bin/tribune.js", import.meta.url));
    const flags = ["-dev", "-bind=127.0.0.1", "-client=127.0.0.1", `-http-port=${this.port}`, `-dns-port=${dns}`];
    const limits = "limits { http_max_conns_per_client = 10000 }";
    this.#process = spawn(process.execPath, [main, "agent", ...flags, "-hcl", limits, "-log-level=error"]);
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream.setEncoding("utf8").on("data", (chunk) => {
        this.#log = (this.#log + chunk).slice(-20_000);
      });
    this.exited = once(this.#process, "exit");
    for (let left = 100; left > 0; left--) {
      const answer = await this.ask({ method: "GET", path: "/v1/status/leader", headers: {} }).catch(() => undefined);
      if (answer?.status === 200 && answer.body !== '""') return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`the agent does not start:\n${this.#log}`);
  }

  get log() {
    return this.#log;
  }

  ask({ method, path, headers, content }) {
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: "127.0.0.1",
          port: this.port,
          agent: this.#pool,
          method,
          path,
          headers,
          timeout: ANSWER_MS,
          maxHeaderSize: 1 << 20,
        },
        (response) => {
          const chunks = [];
          response.on("data", (chunk) => chunks.push(chunk));
          response.on("end", () =>
            resolve({
              status: response.statusCode,
              headers: response.headers,
              body: Buffer.concat(chunks).toString("latin1"),
            }),
          );
          response.on("error", reject);
        },
      );
      sent.on("timeout", () => sent.destroy(new Error(`no answer within ${ANSWER_MS} ms`)));
      sent.on("error", reject);
      sent.end(content);
    });
  }

  residentMib() {
    const status = readFileSync(`/proc/${this.#process.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  }

  stop() {
    this.#pool.destroy();
    this.#process.kill("SIGKILL");
  }
}

// ---- the run ----

const described = ({ number, method, path, content }) =>
  `input ${number}: ${method} ${path.slice(0, 500)}${content === undefined ? "" : ` ${JSON.stringify(content.subarray(0, 600).toString("latin1"))}`}\n` +
  `  repeat with: node fuzz/http-live.mjs --seed ${SEED} --only ${number}`;

const agent = new Tried();
await agent.start();
const findings = new Map();
let asked = 0;
let dead = false;
const statuses = new Map();
void agent.exited.then(() => {
  dead = true;
});

function found(kind, input, text) {
  const name = `${kind} ${input === undefined ? "" : input.path.split("?")[0].split("/").slice(0, 5).join("/")}`;
  if (findings.has(name)) return;
  findings.set(name, text);
  console.error(`FOUND ${kind}: ${text}${input === undefined ? "" : `\n  ${described(input)}`}`);
}

async function tryOne(number) {
  const input = question(number);
  try {
    const { status, body: answer } = await agent.ask(input);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (status >= 500 && OURS.test(answer)) found("error of our own", input, `${status} ${answer.slice(0, 400)}`);
  } catch (error) {
    if (error.code === "ERR_UNESCAPED_CHARACTERS") return; // the client will not send it
    // It may have been sent on a connection that was being closed because of the question before.
    const second = await agent.ask(input).catch((again) => again);
    if (!(second instanceof Error)) return;
    found("no answer", input, `${error.message}; ${second.message}`);
  }
}

const from = options.only === undefined ? 0 : Number(options.only);
const end = options.only === undefined ? Number(options.count) : from + 1;
let next = from;
const startMib = agent.residentMib();
let slowestMs = 0;
let watching = true;
const watch = (async () => {
  while (watching && !dead) {
    const startedMs = performance.now();
    await agent.ask({ method: "GET", path: "/v1/status/leader", headers: {} }).catch(() => undefined);
    const tookMs = performance.now() - startedMs;
    slowestMs = Math.max(slowestMs, tookMs);
    if (tookMs > STALL_MS) found("stall", undefined, `${Math.round(tookMs)} ms around input ${next}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
})();
await Promise.all(
  Array.from({ length: Number(options.clients) }, async () => {
    while (next < end && !dead) {
      const number = next++;
      await tryOne(number);
      asked++;
    }
  }),
);
watching = false;
await watch;
if (dead) found("the agent died", undefined, `at about input ${next}:\n${agent.log}`);
else if (options.only !== undefined) console.log(await agent.ask(question(from)), agent.log.slice(-2000));
const grownMib = dead ? 0 : agent.residentMib() - startMib;
if (grownMib > Number(options["grow-mib"])) found("growth", undefined, `${Math.round(grownMib)} MiB`);
const counts = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
console.log(
  `${asked} questions about ${contracts.length} contracts, seed ${SEED}; ${counts.join(", ")}; slowest glance ` +
    `${Math.round(slowestMs)} ms; memory ${Math.round(startMib)} + ${Math.round(grownMib)} MiB; ${findings.size} findings`,
);
agent.stop();
process.exit(findings.size === 0 ? 0 : 1);
