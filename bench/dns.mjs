// Questions per second of the DNS door with a backend in memory: node bench/dns.mjs [seconds] [case-word]
// Build first (npm run build). Needs dnsperf on PATH; without it, says so and exits 0.
// The server runs in a child process, so the figure is that of one thread.
import { fork, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const dist = new URL("../packages/tribune/dist/", import.meta.url);
const HOST = "127.0.0.1";

if (process.argv[2] === "--serve") await serve();
else await measure(Number(process.argv[2] ?? 3), process.argv[3] ?? "");

async function serve() {
  const { DnsServer } = await import(new URL("dns/server.js", dist));
  const { DEFAULT_DNS_OPTIONS } = await import(new URL("dns/options.js", dist));
  const { nodeRuntime } = await import(new URL("net/node-runtime.js", dist));
  const none = [];
  const services = new Map([3, 200, 2000].map((count) => [`many${count}`, Array.from({ length: count }, rowOf)]));
  const backend = {
    serviceNodes: ({ service }) => services.get(service) ?? none,
    node: ({ node }) => services.get("many2000").find((row) => row.Node.Node === node)?.Node,
    nodeByAddress: () => undefined,
    serviceByAddress: () => undefined,
    executeQuery: () => undefined,
  };
  const server = new DnsServer(DEFAULT_DNS_OPTIONS, { runtime: nodeRuntime(), backend });
  const [address] = await server.start([{ host: HOST, port: 0 }]);
  process.on("disconnect", () => process.exit());
  process.on("message", () => process.send({ cpu: process.cpuUsage() }));
  process.send(address);
}

function rowOf(_, index) {
  const address = `10.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
  return {
    Node: { Node: `node-${index}`, Address: address, Datacenter: "dc1", Meta: { "consul-network-segment": "" } },
    Service: { ID: "s", Service: "s", Address: "", Port: 8000, Weights: { Passing: 1, Warning: 1 } },
    Checks: [{ CheckID: "serfHealth", Status: "passing", ServiceName: "" }],
  };
}

async function measure(seconds, word) {
  if (spawnSync("dnsperf", ["-h"]).error !== undefined) {
    console.log("dnsperf is not on PATH: nothing measured");
    return;
  }
  const child = fork(fileURLToPath(import.meta.url), ["--serve"]);
  const next = () => new Promise((resolve) => child.once("message", resolve));
  const { port } = await next();
  const dir = mkdtempSync(join(tmpdir(), "tribune-dns-"));
  const cases = {
    "A, 3 instances": "many3.service.consul A",
    "A, 200 instances": "many200.service.consul A",
    "A, 2,000 instances": "many2000.service.consul A",
    "SRV, 3 instances": "many3.service.consul SRV",
    "SRV, 2,000 instances": "many2000.service.consul SRV",
    "node, A": "node-7.node.consul A",
    NXDOMAIN: "absent.service.consul A",
  };
  const cpu = async () => {
    const answer = next();
    child.send("cpu");
    const { cpu: used } = await answer;
    return (used.user + used.system) / 1e6;
  };
  for (const edns of [false, true]) {
    for (const [name, line] of Object.entries(cases)) {
      const title = edns ? `${name}, EDNS` : name;
      if (!title.includes(word)) continue;
      const file = join(dir, "queries");
      writeFileSync(file, `${line}\n`);
      const before = await cpu();
      const args = ["-s", HOST, "-p", String(port), "-d", file, "-l", String(seconds), "-c", "4", "-q", "200"];
      const { stdout } = spawnSync("dnsperf", edns ? [...args, "-e"] : args, { encoding: "utf8" });
      const spent = (await cpu()) - before;
      const rate = Number(/Queries per second:\s+([\d.]+)/.exec(stdout)?.[1] ?? Number.NaN);
      const lost = /Queries lost:\s+(\d+)/.exec(stdout)?.[1];
      const perCpu = ((rate * seconds) / spent / 1000).toFixed(0);
      console.log(`${title.padEnd(28)} ${(rate / 1000).toFixed(1)} k/s, ${perCpu} k per CPU second, ${lost} lost`);
    }
  }
  rmSync(dir, { recursive: true });
  child.kill();
}
