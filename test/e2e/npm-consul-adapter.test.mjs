// Calls made through npm's `consul` and through our adapter of its names: the requests, what comes of the answers, and the
// errors must be the same. Skipped where npm's client is not installed.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Consul as Ours } from "../../packages/client/dist/consul/index.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const modules = process.env.CLIENT_MODULES ?? join(root, ".scratch/clients/node_modules");
const Theirs = installed();

function installed() {
  const require = createRequire(import.meta.url);
  try {
    return require(require.resolve("consul", { paths: [modules, root] }));
  } catch {
    return undefined;
  }
}

const json = (value, status = 200) => ({ status, type: "application/json", body: JSON.stringify(value) });
const words = (text, status) => ({ status, type: "text/plain", body: text });
const PAIR = { Key: "k", Value: Buffer.from("grün").toString("base64"), Flags: 0, ModifyIndex: 7 };

/** What is called, and what the agent answers. */
const CALLS = [
  ["kv.get", ["a b/c"], json([PAIR])],
  ["kv.get", [{ key: "k", recurse: true, index: "4", wait: "1s", dc: "east", token: "t" }], json([PAIR, PAIR])],
  ["kv.get", [{ key: "k", buffer: true, consistent: true, stale: true }], json([PAIR])],
  ["kv.get", [{ key: "k", raw: true }], { status: 200, type: "text/plain", body: "grün" }],
  ["kv.get", ["k"], { status: 404, type: "text/plain", body: "" }],
  ["kv.get", ["k"], words("No cluster leader", 500)],
  ["kv.get", ["k"], json([{ ...PAIR, Value: null }])],
  ["kv.keys", ["k"], json(["k/a", "k/b"])],
  ["kv.keys", [{ key: "k", separator: "/" }], words("", 404)],
  ["kv.set", ["k", "grün"], json(true)],
  ["kv.set", ["k", null], json(true)],
  ["kv.set", ["k", Buffer.from([0, 255])], json(true)],
  ["kv.set", ["k", "v", { flags: 5, cas: "0", acquire: "s" }], json(false)],
  ["kv.set", [{ key: "k" }], json(true)],
  ["kv.set", [{ key: "", value: "v" }], json(true)],
  ["kv.set", ["k", 5], json(true)],
  ["kv.set", ["k", { a: 1 }], json(true)],
  ["kv.del", ["k"], json(true)],
  ["kv.delete", [{ key: "k", recurse: true, cas: "4" }], json(true)],
  ["agent.self", [], json({ Config: {} })],
  ["agent.members", [{ wan: true }], json([])],
  ["agent.checks", [], json({})],
  ["agent.services", [], json({})],
  ["agent.reload", [], words("", 200)],
  ["agent.maintenance", [true], words("", 200)],
  ["agent.maintenance", [{ enable: false, reason: "why not" }], words("", 200)],
  ["agent.maintenance", [{}], words("", 200)],
  ["agent.join", [{ address: "10.0.0.1", wan: true }], words("", 200)],
  ["agent.forceLeave", ["n"], words("Permission denied", 403)],
  ["agent.check.list", [{ filter: 'Name == "x"' }], json({})],
  ["agent.check.register", [{ name: "c", ttl: "10s", notes: "n", service_id: "s", id: "i" }], words("", 200)],
  [
    "agent.check.register",
    [{ name: "c", http: "http://x", interval: "10s", tlsSkipVerify: true, header: { a: ["b"] } }],
    words("", 200),
  ],
  ["agent.check.register", [{ name: "c" }], words("", 200)],
  ["agent.check.register", [{ ttl: "10s" }], words("", 200)],
  ["agent.check.deregister", ["c"], words("", 200)],
  ["agent.check.pass", [{ id: "c", note: "fine & well" }], words("", 200)],
  ["agent.check.warn", ["c"], words("", 200)],
  ["agent.check.fail", [{}], words("", 200)],
  ["agent.service.list", [], json({ a: { ID: "a" } })],
  ["agent.service.register", ["web"], words("", 200)],
  [
    "agent.service.register",
    [
      {
        name: "web",
        id: "w1",
        tags: ["a"],
        address: "10.0.0.1",
        port: 80,
        meta: { aB: "c" },
        check: { tcp: "a:1", interval: "1s", deregister_critical_service_after: "1m" },
        taggedAddresses: { lan: { address: "10.0.0.2", port: 81 } },
        connect: { native: true },
      },
    ],
    words("", 200),
  ],
  [
    "agent.service.register",
    [{ name: "web", checks: [{ ttl: "1s" }, { grpc: "a:1", grpcusetls: true, interval: "1s" }] }],
    words("", 200),
  ],
  ["agent.service.register", [{ name: "web", check: {} }], words("", 200)],
  [
    "agent.service.register",
    [{ name: "p", proxy: { destination_service_name: "web", local_service_port: 80 } }],
    words("", 200),
  ],
  ["agent.service.register", [{ name: "p", proxy: {} }], words("", 200)],
  [
    "agent.service.register",
    [{ name: "w", connect: { sidecar_service: { port: 9, proxy: { destinationservicename: "x" } } } }],
    words("", 200),
  ],
  [
    "agent.service.register",
    [{ name: "w", connect: { sidecar_service: { connect: { sidecar_service: {} } } } }],
    words("", 200),
  ],
  ["agent.service.register", [{ name: "w", tags: null, check: null, proxy: null }], words("", 200)],
  ["agent.service.deregister", ["web"], words("", 200)],
  ["agent.service.maintenance", [{ id: "web", enable: true, reason: "r" }], words("", 200)],
  ["agent.service.maintenance", [{ id: "web" }], words("", 200)],
  ["catalog.datacenters", [], json(["dc1"])],
  ["catalog.nodes", ["east"], json([])],
  ["catalog.services", [{ near: "_agent", "node-meta": ["a:b", "c:d"] }], json({})],
  ["catalog.register", ["n"], json(true)],
  [
    "catalog.register",
    [
      {
        node: "n",
        address: "10.0.0.1",
        node_meta: { a: "b" },
        skip_node_update: true,
        service: { service: "s", id: "s1", port: 5, tags: ["t"] },
        check: { node: "n", name: "c", checkid: "c", serviceid: "s1", status: "passing" },
      },
    ],
    json(true),
  ],
  ["catalog.register", [{ node: "n" }], json(true)],
  ["catalog.deregister", [{ node: "n", service_id: "s1" }], json(true)],
  ["catalog.deregister", ["n"], json(true)],
  ["catalog.connect.nodes", ["web"], json([])],
  ["catalog.node.list", [], json([])],
  ["catalog.node.services", ["n"], json(null)],
  ["catalog.service.list", [], json({})],
  ["catalog.service.nodes", [{ service: "web", tag: "a" }], json([])],
  ["catalog.service.nodes", [{ service: "web", tag: ["a", "b"] }], json([])],
  ["event.fire", ["e", "payload"], json({ ID: "1", Payload: "YQ==" })],
  ["event.fire", [{ name: "e", payload: Buffer.from("a"), node: "n", tag: "t" }], json({ ID: "1", Payload: "YQ==" })],
  ["event.fire", ["e"], json({ ID: "1", Payload: null })],
  ["event.list", ["e"], json([{ ID: "1", Payload: "YQ==" }])],
  ["event.list", [{ buffer: true }], json([{ ID: "1", Payload: "YQ==" }])],
  ["health.node", ["n"], json([])],
  ["health.checks", ["web"], json([])],
  ["health.service", [{ service: "web", passing: true, tag: "a", filter: "x == y", partition: "p" }], json([])],
  ["health.service", [{ service: "web", passing: "yes" }], json([])],
  ["health.state", ["passing"], json([])],
  ["health.state", ["nonsense"], json([])],
  ["health.state", [], json([])],
  ["query.list", [], json([])],
  ["query.create", ["web"], json({ ID: "q" })],
  [
    "query.create",
    [
      {
        name: "q",
        token: "t",
        near: "_agent",
        service: { service: "web", only_passing: true, failover: { nearest_n: 2, datacenters: ["b"] }, tags: ["a"] },
        template: { type: "name_prefix_match", regexp: "^a" },
        dns: { ttl: "10s" },
      },
    ],
    json({ ID: "q" }),
  ],
  ["query.create", [{ name: "q" }], json({ ID: "q" })],
  ["query.get", ["q"], json([{ ID: "q" }])],
  ["query.get", ["q"], words("Query not found", 404)],
  ["query.update", [{ query: "q", service: { service: "web" } }], words("", 200)],
  ["query.destroy", ["q"], words("", 200)],
  ["query.execute", ["q"], json({ Nodes: [] })],
  ["session.create", [], json({ ID: "s" })],
  [
    "session.create",
    [{ lock_delay: "1s", name: "n", node: "x", checks: ["c"], behavior: "delete", ttl: "10s" }],
    json({}),
  ],
  ["session.destroy", ["s"], json(true)],
  ["session.get", ["s"], json([{ ID: "s" }])],
  ["session.info", ["s"], json([])],
  ["session.node", ["n"], json([])],
  ["session.list", [], json([])],
  ["session.renew", ["s"], words("Session id 's' not found", 404)],
  ["status.leader", [], json("")],
  ["status.peers", [], json(["a:1"])],
  ["transaction.create", [[{ KV: { Verb: "get", Key: "k" } }]], json({ Results: [], Errors: [] })],
  ["transaction.create", [[{ KV: { Verb: "get", Key: "k" } }], { dc: "east" }], json({ Errors: [{}] }, 409)],
  ["transaction.create", [[]], json({})],
  ["transaction.create", [], json({})],
  ["transaction.create", [[{}], {}, "more"], json({})],
  ["acl.bootstrap", [], json({ ID: "t" })],
  ["acl.replication", [], json({ Enabled: false })],
  ["acl.legacy.create", [{ name: "n", type: "client", rules: "r" }], json({ ID: "t" })],
  ["acl.legacy.update", [{ id: "t", name: "n" }], json({ ID: "t" })],
  ["acl.legacy.get", ["t"], json([{ ID: "t" }])],
  ["acl.legacy.clone", ["t"], json({ ID: "u" })],
  ["acl.legacy.list", [], json([])],
  ["acl.legacy.destroy", ["t"], json(true)],
];

let server;
let answer;
let asked;
before(async () => {
  server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    asked = seen(request, Buffer.concat(chunks));
    response.writeHead(answer.status, { "Content-Type": answer.type }).end(answer.body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
});
after(() => {
  server.closeAllConnections();
  server.close();
});

function seen({ method, url, headers }, body) {
  const { pathname, searchParams } = new URL(url, "http://agent");
  // npm's client calls the payload of an event JSON.
  const isJson = /^application\/json/.test(headers["content-type"] ?? "") && /^[[{]/.test(body);
  return {
    method,
    pathname,
    query: [...searchParams].sort().map(String),
    token: headers["x-consul-token"],
    // An empty object is as good as nothing.
    body: isJson ? JSON.parse(body) : body.toString("latin1"),
  };
}

async function play(Consul, [name, given, answers], defaults) {
  const { port } = server.address();
  const consul = new Consul({ port, defaults });
  answer = answers;
  asked = undefined;
  const path = name.split(".");
  const last = path.pop();
  const group = path.reduce((at, part) => at[part], consul);
  const outcome = await group[last](...copies(given)).then(
    (value) => ({ value }),
    ({ message, statusCode, isValidation, isResponse }) => ({ message, statusCode, isValidation, isResponse }),
  );
  consul.destroy();
  return { asked, ...outcome };
}

/** A query's token is also who asks; npm's client asks as nobody then. */
function tokenAside([name], { asked, ...outcome }) {
  return /^query\.(create|update)$/.test(name) && asked
    ? { asked: { ...asked, token: undefined }, ...outcome }
    : { asked, ...outcome };
}

/** npm's client writes into what it is given. */
const copies = (given) =>
  given.map((one) => (one !== null && Object.getPrototypeOf(one) === Object.prototype ? { ...one } : one));

for (const [place, call] of CALLS.entries()) {
  const title = `${call[0]} ${JSON.stringify(call[1])} (${place})`;
  if (Theirs === undefined) {
    if (place === 0) test(title, { skip: "CLIENT NOT INSTALLED: npm consul@2" });
    continue;
  }
  test(title, async () => {
    for (const defaults of [undefined, { token: "default", dc: "west", stale: true }])
      assert.deepEqual(tokenAside(call, await play(Ours, call, defaults)), await play(Theirs, call, defaults));
  });
}
