// What the agent of these tests knows: some nodes and services in different states, keys, a lock, a mesh.

const nodes = [
  ["fra-web-1", "10.20.0.10"],
  ["fra-web-2", "10.20.0.11"],
  ["fra-db-1", "10.20.0.12"],
  ["fra-db-2", "10.20.0.13"],
  ["fra-edge-1", "10.20.0.14"],
];
const quiet = ["auth", "billing", "catalogue", "images", "inventory", "ledger", "reports", "search", "shipping"];

/** Sends a request that must succeed. */
export async function call(url, method, path, body = undefined, headers = {}) {
  const response = await fetch(`${url}/v1/${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text;
}

/** Registers an instance with one check, by the catalog. */
export function register(url, at, { id, name = id, status = "passing", output = "HTTP GET: 200 OK", ...more }) {
  const [Node, Address] = nodes[at];
  return call(url, "PUT", "catalog/register", {
    Node,
    Address,
    NodeMeta: { rack: `r${at % 2}`, os: "linux" },
    Service: {
      ID: id,
      Service: name,
      Port: 8080,
      Tags: ["v2", "http"],
      Meta: { version: "2.4.1", team: "core" },
      TaggedAddresses: { lan: { Address, Port: 8080 }, wan: { Address: "198.51.100.7", Port: 443 } },
      ...more,
    },
    Checks: [
      {
        Node,
        CheckID: `service:${id}`,
        Name: `HTTP ${name}`,
        Status: status,
        Output: output,
        ServiceID: id,
        Type: "http",
      },
      { Node, CheckID: "host", Name: "Host", Status: "passing", Output: "load 0.4, disk 61 % full" },
    ],
  });
}

/** Registers `service-0` and so on, each with one instance that is passing. */
export async function registerMany(url, services) {
  for (let from = 0; from < services; from += 32) {
    const some = Array.from({ length: Math.min(32, services - from) }, (_, i) => `service-${from + i}`);
    await Promise.all(some.map((id, i) => register(url, i % 5, { id, Meta: {}, TaggedAddresses: {} })));
  }
}

export const files = {
  "app/config.json": '{\n  "limit": 100,\n  "features": { "search": true },\n  "hosts": ["a", "b"]\n}\n',
  "app/config.yaml": 'limit: 100\nfeatures:\n  - search\n  - export # new\nname: "tribune"\n',
  "app/policy.hcl": 'service "web" {\n  policy = "write" # all\n}\n',
  "app/db/host": "10.20.0.12",
  "flags/beta": "off",
  "locks/leader": "fra-web-1",
  README: "All that is read at start",
};

export async function fill(url) {
  for (let at = 0; at < 5; at++) {
    const bad =
      at === 1
        ? { status: "critical", output: "HTTP GET http://10.20.0.11:8080/healthz: 503 Service Unavailable" }
        : {};
    await register(url, at, { id: `web-${at + 1}`, name: "web", ...bad });
    const slow = at === 2 ? { status: "warning", output: "p99 latency 812 ms over 500 ms" } : {};
    await register(url, at, { id: `checkout-${at + 1}`, name: "checkout", Tags: ["v1", "grpc"], ...slow });
  }
  await register(url, 2, { id: "postgres-1", name: "postgres", Tags: ["primary"], output: "accepting connections" });
  await register(url, 3, {
    id: "postgres-2",
    name: "postgres",
    Tags: ["replica"],
    status: "critical",
    output: "replication lag 94 s",
  });
  await register(url, 4, { id: "edge", Kind: "ingress-gateway" });
  for (const [i, name] of quiet.entries())
    await register(url, i % 5, { id: `${name}-1`, name, Tags: [i % 2 ? "v3" : "v2"] });
  const sidecar = (name, upstreams) => ({
    id: `${name}-1-sidecar-proxy`,
    name: `${name}-sidecar-proxy`,
    Kind: "connect-proxy",
    Proxy: {
      DestinationServiceName: name,
      DestinationServiceID: `${name}-1`,
      LocalServiceAddress: "127.0.0.1",
      LocalServicePort: 8080,
      Upstreams: upstreams.map((DestinationName, i) => ({ DestinationName, LocalBindPort: 9001 + i })),
    },
  });
  await register(url, 0, sidecar("web", ["checkout", "postgres"]));
  await register(url, 0, sidecar("checkout", ["billing"]));
  await register(url, 4, sidecar("shipping", ["web"]));
  for (const [key, value] of Object.entries(files)) await call(url, "PUT", `kv/${key}`, value);
  const { ID } = JSON.parse(await call(url, "PUT", "session/create", { Name: "leader of billing", TTL: "3600s" }));
  await call(url, "PUT", `kv/locks/leader?acquire=${ID}`, "fra-web-1");
  const intend = (source, destination, body) =>
    call(url, "PUT", `connect/intentions/exact?source=${source}&destination=${destination}`, body);
  await intend("web", "checkout", { Action: "allow", Description: "The shop calls checkout" });
  await intend("web", "postgres", { Action: "deny", Description: "Only through billing" });
  await intend("*", "billing", { Action: "deny" });
  for (const Name of ["web", "checkout"])
    await call(url, "PUT", "config", { Kind: "service-defaults", Name, Protocol: "http" });
  await call(url, "PUT", "config", {
    Kind: "service-resolver",
    Name: "web",
    Subsets: { v2: { Filter: "Service.Meta.version == `2.4.1`" } },
  });
  await call(url, "PUT", "config", {
    Kind: "service-splitter",
    Name: "web",
    Splits: [
      { Weight: 90, ServiceSubset: "v2" },
      { Weight: 10, Service: "checkout" },
    ],
  });
  await call(url, "POST", "query", {
    Name: "nearest-web",
    Service: { Service: "web", OnlyPassing: true, Near: "_agent", Failover: { NearestN: 2 } },
    DNS: { TTL: "10s" },
  });
  await call(url, "PUT", "event/fire/deploy", "web 2.4.1");
}
