import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { testIo } from "./io.test.support.ts";
import { runCli } from "./run.ts";
import { commandTree } from "./tree.ts";

const answers = new Map<string, readonly [status: number, body: string]>();
const bodies: unknown[] = [];
const server = createServer(async (request, response) => {
  if (request.method === "PUT") bodies.push(JSON.parse(await text(request)));
  const [status, body] = answers.get(`${request.method} ${request.url}`) ?? [404, ""];
  response.writeHead(status).end(body);
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
after(() => server.close());

async function run(...words: readonly string[]) {
  const io = testIo({ env: { CONSUL_HTTP_ADDR: address } });
  const tree = commandTree(() => Promise.reject(new Error("no agent here")));
  const code = await runCli("consul", tree, ["services", ...words], io);
  return { code, out: io.out(), err: io.err() };
}

test("exported services are listed as a table or as JSON, all or some", async () => {
  answers.set("GET /v1/exported-services", [200, "[]"]);
  assert.equal((await run("exported-services")).out, "No exported services found\n");
  const services = [
    { Service: "db", Consumers: { Peers: ["east"] } },
    { Service: "frontend", Consumers: { Peers: ["east", "west"] } },
  ];
  answers.set("GET /v1/exported-services", [200, JSON.stringify(services)]);
  assert.equal(
    (await run("exported-services")).out,
    "Service   Consumer Peers\ndb        east\nfrontend  east, west\n",
  );
  const json = await run("exported-services", "-format=json", "-filter", '"west" in Consumers.Peers');
  assert.deepEqual(JSON.parse(json.out), [services[1]]);
  assert.match(json.out, /^\[\n {4}\{\n {8}"Service": "frontend",\n/);
  assert.deepEqual(await run("exported-services", "-format=xml"), {
    code: 1,
    out: "",
    err: "Invalid format, valid formats are {pretty|json}\n",
  });
  const bad = await run("exported-services", "-filter", "Service ==");
  assert.equal(bad.code, 1);
  assert.match(bad.err, /^Error while creating filter: /);
});

test("an export is added to those there are", async () => {
  answers.set("PUT /v1/config?cas=0", [200, "true"]);
  const first = await run("export", "-name=web", "-consumer-peers=east,west");
  assert.deepEqual(first, {
    code: 0,
    out: 'Successfully exported service "web" to cluster peers "east,west"\n',
    err: "",
  });
  assert.deepEqual(bodies.pop(), {
    Kind: "exported-services",
    Name: "default",
    Services: [{ Name: "web", Consumers: [{ Peer: "east" }, { Peer: "west" }] }],
  });
  const present = {
    ...{ Kind: "exported-services", Name: "default", ModifyIndex: 7 },
    Services: [{ Name: "web", Consumers: [{ Peer: "east" }] }, { Name: "db" }],
  };
  answers.set("GET /v1/config/exported-services/default", [200, JSON.stringify(present)]);
  answers.set("PUT /v1/config?cas=7", [200, "true"]);
  await run("export", "-name=web", "-consumer-peers=west,east");
  assert.deepEqual((bodies.pop() as typeof present).Services, [
    { Name: "web", Consumers: [{ Peer: "east" }, { Peer: "west" }] },
    { Name: "db" },
  ]);
  answers.set("PUT /v1/config?cas=7", [200, "false"]);
  assert.equal(
    (await run("export", "-name=db", "-consumer-peers=x")).err,
    "Config entry was changed during update. Please try again\n",
  );
});

test("an export says what is missing", async () => {
  assert.equal((await run("export")).err, "Missing the required -name flag\n");
  assert.equal(
    (await run("export", "-name=web")).err,
    "Missing the required -consumer-peers or -consumer-partitions flag\n",
  );
  assert.equal((await run("export", "-name=web", "-consumer-peers=a,")).err, 'Invalid peer ""\n');
});
