import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { testIo } from "./io.test.support.ts";
import { runCli } from "./run.ts";
import { commandTree } from "./tree.ts";

const answers = new Map<string, readonly [status: number, body: string]>();
const server = createServer((request, response) => {
  const [status, body] = answers.get(`${request.method} ${request.url}`) ?? [404, ""];
  response.writeHead(status).end(body);
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
after(() => server.close());

async function run(words: string) {
  const io = testIo({ env: { CONSUL_HTTP_ADDR: address } });
  const tree = commandTree(() => Promise.reject(new Error("no agent here")));
  const code = await runCli("consul", tree, words.split(" "), io);
  return { code, out: io.out(), err: io.err() };
}

test("leadership is handed over, and a refusal is said", async () => {
  answers.set("POST /v1/operator/raft/transfer-leader", [200, '{"Success":true}']);
  answers.set("POST /v1/operator/raft/transfer-leader?id=x", [500, "no server has the id x"]);
  assert.deepEqual(await run("operator raft transfer-leader"), { code: 0, out: "Success\n", err: "" });
  assert.deepEqual(await run("operator raft transfer-leader -id=x"), {
    code: 1,
    out: "",
    err:
      "Error transfering leadership: Failed to transfer leadership: Unexpected response code: 500 " +
      "(no server has the id x)\n",
  });
});

test("usage is printed as Consul prints it, of one datacenter or of all", async () => {
  const usage = {
    Services: 2,
    ServiceInstances: 5,
    ConnectServiceInstances: { "mesh-gateway": 1, "connect-proxy": 3 },
    BillableServiceInstances: 4,
    Nodes: 7,
  };
  answers.set("GET /v1/operator/usage", [200, JSON.stringify({ Usage: { dc1: usage } })]);
  answers.set("GET /v1/operator/usage?global", [200, JSON.stringify({ Usage: { dc2: usage, dc1: usage } })]);
  const own = await run("operator usage instances");
  assert.equal(
    own.out,
    `Billable Service Instances Total: 4
dc1 Billable Service Instances: 4

Billable Services
Services  Service instances
2         4

Nodes
Datacenter  Count
dc1         7
Total       7

Connect Services
Type           Service instances
connect-proxy  3
mesh-gateway   1
`,
  );
  const all = await run("operator usage instances -all-datacenters -billable");
  assert.match(all.out, /^Billable Service Instances Total: 8\ndc1 .*: 4\ndc2 .*: 4\n/);
  assert.match(all.out, /dc2 +2 +4\n/);
  assert.ok(!all.out.includes("Connect Services"));
  assert.equal((await run("operator usage instances -billable -connect")).code, 1);
  assert.equal((await run("operator usage instances extra")).code, 1);
});
