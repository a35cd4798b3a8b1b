// DNS over UDP for services with more and more instances, on real agents, beside a peer run in turn:
//
//   node bench/dns-instances.mjs [--b 'consul=consul agent -config-file={config_file} {join}'] [--net 127.0.78] [--pairs 3]
//
// W5 of the harness in peers/ asks for a service of three; what an answer costs must not grow with the number of instances.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Variant } from "./peers/lib/cluster.mjs";
import { dnsperf } from "./peers/lib/load.mjs";
import { median } from "./peers/lib/util.mjs";
import { instances } from "./peers/workloads/common.mjs";
import { pingpong, query } from "./peers/workloads/w5.mjs";

const COUNTS = [3, 200, 2000];
const TYPE_A = 1;

const program = fileURLToPath(new URL("../packages/tribune/bin/tribune.js", import.meta.url));
const { values } = parseArgs({
  options: {
    a: { type: "string", default: `tribune=node ${program} agent -config-file={config_file} {join}` },
    b: { type: "string" },
    net: { type: "string", default: "127.0.78" },
    pairs: { type: "string", default: "3" },
    work: { type: "string", default: join(tmpdir(), `tribune-dns-instances-${process.pid}`) },
  },
});
mkdirSync(values.work, { recursive: true });
const context = { work: values.work, net: values.net, quick: true, raftMultiplier: 1, cleanup() {} };
const variants = [new Variant("a", values.a, context)];
if (values.b !== undefined) variants.push(new Variant("b", values.b, context));

const agents = new Map();
for (const variant of variants) {
  const agent = await variant.single({ dns_config: { node_ttl: "0s", service_ttl: { "*": "0s" } } });
  agents.set(variant, agent);
  for (const count of COUNTS) await instances(agent.ip, `many${count}`, count);
}
console.log("| A, instances | agent | q/s | CPU us/op | p50 / p99 ms |\n|---|---|---|---|---|");
for (const count of COUNTS) {
  const file = join(values.work, `q-${count}`);
  writeFileSync(file, `many${count}.service.consul A\n`);
  const rows = new Map(variants.map((variant) => [variant, []]));
  for (let pair = -1; pair < Number(values.pairs); pair++) {
    for (const variant of variants) {
      const agent = agents.get(variant);
      const message = query(1, `many${count}.service.consul`, TYPE_A);
      const load = await dnsperf(agent.ip, file, { d: 2 }, [agent.child.pid]);
      const turn = await pingpong(agent.ip, 8600, message, 500);
      if (load.bad > 0 || turn.lost > 0)
        console.log(`${variant.name} #${pair + 1}: ${load.bad} bad, ${turn.lost} lost`);
      if (pair >= 0) rows.get(variant).push({ rate: load.rate, cpu: load.cpuUs, p50: turn.p50, p99: turn.p99 });
    }
  }
  for (const variant of variants) {
    const of = (name) => median(rows.get(variant).map((row) => row[name]));
    const cells = [Math.round(of("rate")), of("cpu")?.toFixed(1), `${of("p50").toFixed(2)} / ${of("p99").toFixed(2)}`];
    console.log(`| ${count} | ${variant.name} | ${cells.join(" | ")} |`);
  }
}
for (const variant of variants) await variant.stopAll();
rmSync(values.work, { recursive: true, force: true });
process.exit(0);
