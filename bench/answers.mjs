// What derived answers cost beside a plain health read, asked again and again over one HTTP connection; processor time
// over eight, since the server looks for the next request of a lone client instead of sleeping.
//
//   node bench/answers.mjs        a minute; needs `npm run build` before
//
// One server runs in a process of its own. Each figure is the median of rounds that take turns, so that a
// machine that grows busy does not favour one of them. "Changed" figures write between the questions, so that every
// answer has to be made anew. Processor time is all of the server's, its own threads' too.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    address: { type: "string", default: "127.0.77.9" },
    entries: { type: "string", default: "10000" },
    instances: { type: "string", default: "10" },
    gzip: { type: "boolean", default: false },
  },
});
const ENTRIES = Number(values.entries);
const INSTANCES = Number(values.instances);
const ROUNDS = 15;
const ASKS = 400;
const program = fileURLToPath(new URL("../packages/tribune/bin/tribune.js", import.meta.url));
const headers = values.gzip ? { "accept-encoding": "gzip" } : {};
const keepAlive = new Agent({ keepAlive: true, maxSockets: 8 });

function ask(method, path, body) {
  return new Promise((resolve, reject) => {
    const sent = request({ host: values.address, port: 8500, method, path, headers, agent: keepAlive }, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if (answer.statusCode !== 200) reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
        else resolve(text);
      });
    });
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];

/** Microseconds that the server has had of a processor, or 0 where there is no such file. */
function serverCpuUs() {
  try {
    const tasks = `/proc/${agent.pid}/task`;
    const ns = readdirSync(tasks).map((id) => Number(readFileSync(`${tasks}/${id}/schedstat`, "utf8").split(" ")[0]));
    return ns.reduce((sum, next) => sum + next, 0) / 1_000;
  } catch {
    return 0;
  }
}

async function timed(asks, run) {
  const startedMs = performance.now();
  for (let n = 0; n < asks; n++) await run(n);
  return ((performance.now() - startedMs) * 1000) / asks;
}

/** By eight clients at once. */
async function shared(asks, run) {
  let left = asks;
  const client = async () => {
    while (left-- > 0) await run();
  };
  await Promise.all(Array.from({ length: 8 }, client));
}

async function fill() {
  for (let n = 0; n < INSTANCES; n++)
    await ask("PUT", "/v1/catalog/register", {
      Node: `n${n}`,
      Address: `10.0.0.${n}`,
      Service: { ID: `web${n}`, Service: "web", Tags: [n % 2 ? "a" : "b"], Meta: { v: String(n % 3) }, Port: 80 },
      Check: { CheckID: "c", ServiceID: `web${n}`, Status: "passing" },
    });
  await ask("POST", "/v1/query", { Name: "web", Service: { Service: "web", OnlyPassing: true } });
  await ask("PUT", "/v1/config", { Kind: "proxy-defaults", Name: "global", Config: { protocol: "http" } });
  await ask("PUT", "/v1/config", {
    Kind: "service-router",
    Name: "web",
    Routes: [{ Match: { HTTP: { PathPrefix: "/a" } }, Destination: { Service: "api" } }],
  });
}

const directory = mkdtempSync(join(tmpdir(), "tribune-answers-bench-"));
const agent = spawn(
  process.execPath,
  [program, "agent", "-server", "-bootstrap-expect=1", `-data-dir=${directory}`].concat([
    "-bind",
    values.address,
    "-client",
    values.address,
    "-log-level",
    "err",
    "-hcl",
    "connect { enabled = true }",
  ]),
  { stdio: "ignore" },
);
try {
  for (let tries = 0; ; tries++) {
    try {
      if ((await ask("GET", "/v1/status/leader")) !== '""') break;
    } catch (error) {
      if (tries > 200) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await fill();
  const filter = encodeURIComponent('"a" in Service.Tags and Service.Meta.v != "9"');
  const touch = () =>
    ask("PUT", "/v1/catalog/register", { Node: "n0", Address: "10.0.0.0", NodeMeta: { n: `${Math.random()}` } });
  const plain = "/v1/health/service/web?passing";
  const rows = [
    ["health/service", plain],
    ["health/service?filter", `/v1/health/service/web?passing&filter=${filter}`],
    ["query/web/execute", "/v1/query/web/execute"],
    ["discovery-chain/web", "/v1/discovery-chain/web"],
  ];
  console.log(
    `| ${INSTANCES} instances | us a request, nothing changes | beside plain | processor's | beside plain | every answer made anew | beside plain |`,
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  const found = rows.map(() => ({ kept: [], cpu: [], changed: [] }));
  for (const [, path] of rows) await timed(2_000, () => ask("GET", path));
  for (let round = 0; round < ROUNDS; round++)
    for (const [at, [, path]] of rows.entries()) {
      found[at].kept.push(await timed(ASKS, () => ask("GET", path)));
      const startedUs = serverCpuUs();
      await shared(ASKS, () => ask("GET", path));
      found[at].cpu.push((serverCpuUs() - startedUs) / ASKS);
      let asked = 0;
      for (let n = 0; n < 40; n++) {
        await touch();
        asked += await timed(1, () => ask("GET", path));
      }
      found[at].changed.push(asked / 40);
    }
  const base = { kept: median(found[0].kept), cpu: median(found[0].cpu), changed: median(found[0].changed) };
  for (const [at, [name]] of rows.entries()) {
    const [kept, cpu, changed] = [median(found[at].kept), median(found[at].cpu), median(found[at].changed)];
    const ratio = (value, of) => (value / of).toFixed(2);
    console.log(
      `| ${name} | ${kept.toFixed(0)} | ${ratio(kept, base.kept)} | ${cpu.toFixed(0)} | ${ratio(cpu, base.cpu)} | ${changed.toFixed(0)} | ${ratio(changed, base.changed)} |`,
    );
  }

  for (let n = 0; n < ENTRIES; n += 50)
    await Promise.all(
      Array.from({ length: Math.min(50, ENTRIES - n) }, (_, at) =>
        ask("PUT", "/v1/config", { Kind: "service-defaults", Name: `s${n + at}`, Protocol: "http", Meta: { a: "b" } }),
      ),
    );
  const list = [];
  const again = [];
  for (let n = 0; n < 9; n++) {
    await ask("PUT", "/v1/config", { Kind: "service-defaults", Name: "s0", Protocol: n % 2 ? "http" : "grpc" });
    list.push(await timed(1, () => ask("GET", "/v1/config/service-defaults")));
    again.push(await timed(1, () => ask("GET", "/v1/config/service-defaults")));
  }
  console.log(
    `\n${ENTRIES} config entries: listed after a change in ${(median(list) / 1000).toFixed(1)} ms, ` +
      `again in ${(median(again) / 1000).toFixed(1)} ms`,
  );
} finally {
  keepAlive.destroy();
  agent.kill("SIGKILL");
  await once(agent, "exit");
  rmSync(directory, { recursive: true });
}
