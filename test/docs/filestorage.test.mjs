// The example service from end to end: a real agent, the service as a process, and its client, which finds it by name.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { register } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { AgentProcess, getJson, request, temporaryDirectory, until } from "../e2e/agent-process.mjs";

register("./ts-hooks.mjs", import.meta.url);
const example = fileURLToPath(new URL("../../examples/filestorage/", import.meta.url));
const { find, get, put } = await import(join(example, "client.ts"));

const address = "127.139.0.1";
let agent;
before(async () => {
  agent = await new AgentProcess({ address, args: ["-dev"] }).ready();
});
after(() => agent.kill());

/** The service, once it is registered. It ends with the test. */
async function start(t, directory, name) {
  const child = spawn(process.execPath, ["--import", join(example, "../../test/docs/ts-loader.mjs"), "service.ts"], {
    cwd: example,
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      ...process.env,
      AGENT_URL: agent.url,
      SERVICE_ADDR: address,
      SERVICE_NAME: name,
      STORAGE_DIR: directory,
      CHECK_SECONDS: "0.2",
    },
  });
  t.after(() => child.kill("SIGKILL"));
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  const ended = new Promise((resolve) => child.once("close", (code) => resolve({ code, output: () => output })));
  await until(
    () => output.includes("is registered"),
    () => `the service did not start: ${output}`,
  );
  return { child, ended };
}

const statuses = async (name) => (await getJson(agent, `/v1/health/checks/${name}`)).map(({ Status }) => Status);

test("a client finds it by name, sends and gets files; it turns critical when it dies", async (t) => {
  const directory = temporaryDirectory();
  // Nobody is there yet: the client waits.
  const found = find("files", agent.url);
  const first = await start(t, join(directory, "files"), "files");
  const base = await found;
  assert.deepEqual(await statuses("files"), ["passing"]);
  assert.equal((await request(`${base}/check`)).text, "success");
  assert.match((await request(`${base}/help`)).text, /^File storage/);

  // Sizes around a chunk's, and none at all.
  for (const bytes of [0, 1, 256 * 1024, 600_000]) {
    const path = join(directory, `sent-${bytes}`);
    writeFileSync(path, randomBytes(bytes));
    assert.equal(await put(base, path), bytes);
    assert.equal(await get(base, `sent-${bytes}`, `${path}.back`), bytes);
    assert.ok(readFileSync(path).equals(readFileSync(`${path}.back`)), `${bytes} bytes`);
  }

  first.child.kill("SIGKILL");
  await until(
    async () => (await statuses("files"))[0] === "critical",
    () => "it did not turn critical",
  );
  await assert.rejects(find("files", agent.url, 1), { name: "NoInstancesError" });

  // Another instance on the same directory: the files are there, and who asks by name gets this one.
  const second = await start(t, join(directory, "files"), "files");
  const names = await getJson({ url: await find("files", agent.url) }, "/files");
  assert.deepEqual(names, ["sent-0", "sent-1", "sent-262144", "sent-600000"]);

  second.child.kill("SIGTERM");
  const { code, output } = await second.ended;
  assert.equal(code, 0, output());
  const services = Object.keys(await getJson(agent, "/v1/agent/services"));
  assert.equal(services.length, 1, "only the one that was killed is still registered");
  await request(`${agent.url}/v1/agent/service/deregister/${services[0]}`, "PUT");
  await until(
    async () => (await getJson(agent, "/v1/catalog/service/files")).length === 0,
    () => "it did not leave the catalog",
  );
});

test("what is sent wrongly is refused, and what was sent before can be gone on with", async (t) => {
  await start(t, join(temporaryDirectory(), "files"), "strict");
  const base = await find("strict", agent.url);
  const json = async (...given) => {
    const { status, text } = await request(...given);
    return { status, ...JSON.parse(text) };
  };
  for (const name of ["..%2Fout", ".hidden", "a%2Fb", "%00"])
    assert.equal((await json(`${base}/files/${name}/uploads`, "POST")).status, 400, name);
  const begun = await json(`${base}/files/a.txt/uploads`, "POST");
  assert.equal(begun.status, 201);
  const upload = `${base}/uploads/${begun.upload}`;
  assert.equal((await json(`${upload}?offset=0`, "PUT", "hello ")).received, 6);
  assert.deepEqual(await json(`${upload}?offset=0`, "PUT", "hello "), {
    status: 409,
    error: "This is not the next chunk",
    received: 6,
  });
  assert.equal((await json(`${upload}?offset=6`, "PUT", Buffer.alloc(begun.chunkBytesMax + 1))).status, 413);
  assert.equal((await json(upload)).received, 6);
  assert.equal((await json(`${base}/files/a.txt`)).status, 404, "not there before it is whole");
  assert.equal((await json(`${upload}?offset=6`, "PUT", "world")).received, 11);
  const hash = createHash("sha256").update("hello world").digest("hex");
  assert.equal((await json(`${upload}/finish?sha256=${hash}`, "POST")).bytes, 11);
  assert.equal((await request(`${base}/files/a.txt`)).text, "hello world");

  const bad = await json(`${base}/files/b.txt/uploads`, "POST");
  await json(`${base}/uploads/${bad.upload}?offset=0`, "PUT", "x");
  assert.equal((await json(`${base}/uploads/${bad.upload}/finish?sha256=${hash}`, "POST")).status, 422);
  assert.deepEqual(await getJson({ url: base }, "/files"), ["a.txt"]);

  const last = await request(`${base}/files/a.txt`, "GET", undefined, { Range: "bytes=6-" });
  assert.deepEqual([last.status, last.text, last.headers.get("content-range")], [206, "world", "bytes 6-10/11"]);
  assert.equal((await json(`${base}/files/a.txt`, "GET", undefined, { Range: "bytes=11-" })).status, 416);
});
