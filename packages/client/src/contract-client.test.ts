import assert from "node:assert/strict";
import { test } from "node:test";
import { contractClient } from "./contract-client.ts";
import { AnswerError, RequestError, ResponseError } from "./errors.ts";
import { parseJson, stringifyJson } from "./json-text.ts";
import type { Send, WireRequest } from "./send.ts";

/** A client whose agent answers one thing, and what was asked of it. */
function talking(body: string, status = 200, headers: Readonly<Record<string, string>> = {}, retries = true) {
  const asked: WireRequest[] = [];
  const send: Send = async (request) => {
    asked.push(request);
    return {
      status,
      header: (name) => headers[name],
      body: (async function* () {
        yield Buffer.from(body);
      })(),
    };
  };
  const retry = retries ? {} : { retry: false as const };
  return { asked, client: contractClient({ send, token: "secret", datacenter: "east", ...retry }) };
}

test("a call becomes the request its contract describes", async () => {
  const { asked, client } = talking("[]");
  await client.healthService(
    { service: "a/b c", passing: true, tag: ["x", "y"], nodeMeta: { rack: "7" }, filter: 'Node.Node == "n"' },
    { index: 18446744073709551615n, wait: "30s", stale: true, cached: true, consistent: false, dc: "west" },
  );
  const { method, target, headers } = asked[0]!;
  assert.equal(method, "GET");
  const url = new URL(target, "http://agent");
  assert.equal(url.pathname, "/v1/health/service/a/b%20c");
  assert.deepEqual(
    [...url.searchParams],
    [
      ["tag", "x"],
      ["tag", "y"],
      ["passing", "true"],
      ["node-meta", "rack:7"],
      ["filter", 'Node.Node == "n"'],
      ["dc", "west"],
      ["index", "18446744073709551615"],
      ["wait", "30s"],
      ["stale", ""],
      ["cached", ""],
    ],
  );
  assert.deepEqual(headers, { "X-Consul-Token": "secret" });
  await client.kvKeys({ key: "" });
  assert.equal(asked[1]!.target, "/v1/kv/?keys=&dc=east");
  await client.queryExecute({ id: "q" }).catch(() => {});
  assert.equal(asked[2]!.target, "/v1/query/q/execute?dc=east");
});

test("options that an endpoint does not honour are not sent", async () => {
  const { asked, client } = talking("true");
  await client.kvPut({ key: "k", value: "v", flags: 2n ** 63n }, { stale: true, index: 4, token: "other" });
  assert.equal(asked[0]!.target, "/v1/kv/k?flags=9223372036854775808&dc=east");
  assert.deepEqual(asked[0]!.headers, { "X-Consul-Token": "other" });
  assert.equal(asked[0]!.body, "v");
});

test("bodies are what was given of them, in their JSON form", async () => {
  const { asked, client } = talking("");
  await client.agentServiceRegister({ definition: { Name: "web", Check: { HTTP: "http://a", Interval: 10e9 } } });
  assert.deepEqual(JSON.parse(asked[0]!.body as string), { Name: "web", Check: { HTTP: "http://a", Interval: "10s" } });
  await client.txn({ ops: [{ KV: { Verb: "set", Key: "k", Value: new Uint8Array([1]), Flags: 2n ** 64n - 1n } }] });
  assert.equal(asked[1]!.body, '[{"KV":{"Verb":"set","Key":"k","Value":"AQ==","Flags":18446744073709551615}}]');
});

test("answers have the contract's types and their headers", async () => {
  const entry =
    '[{"LockIndex":0,"Key":"k","Flags":18446744073709551615,"Value":"aGk=","CreateIndex":3,"ModifyIndex":4}]';
  const { client } = talking(entry, 200, {
    "x-consul-index": "4",
    "x-consul-knownleader": "true",
    "x-consul-lastcontact": "7",
  });
  const { value, index, knownLeader, lastContactMs } = await client.kvGet({ key: "k" });
  assert.deepEqual(value, [
    {
      LockIndex: 0,
      Key: "k",
      Flags: 18446744073709551615n,
      Value: new Uint8Array([104, 105]),
      Session: "",
      CreateIndex: 3,
      ModifyIndex: 4,
    },
  ]);
  assert.deepEqual([index, knownLeader, lastContactMs], [4, true, 7]);
});

test("an index is read as it is written, and is none where it is no whole number", async () => {
  const written = ["7", "007", "9007199254740993", "18446744073709551615", "", "-1", "1e3", "0x10", " 7", "7.0"];
  const read = [7, 7, 9007199254740993n, 18446744073709551615n, ...Array(6).fill(undefined)];
  for (const [at, text] of written.entries()) {
    const { client } = talking("[]", 200, { "x-consul-index": text });
    assert.equal((await client.healthService({ service: "web" })).index, read[at], text);
  }
});

test("how an answer was read is told where its endpoint says so", async () => {
  const { client } = talking("[]", 200, { "x-consul-effective-consistency": "stale" });
  assert.equal((await client.healthService({ service: "web" })).consistency, "stale");
  assert.equal((await client.catalogService({ service: "web" })).consistency, "stale");
});

test("what is not there is null, what is refused is an error", async () => {
  assert.deepEqual((await talking("", 404).client.kvGet({ key: "k" })).value, null);
  assert.deepEqual((await talking("", 404).client.kvValue({ key: "k" })).value, null);
  const refused = talking("Permission denied", 403).client.kvGet({ key: "k" });
  await assert.rejects(refused, (error) => error instanceof ResponseError && error.status === 403);
});

test("64-bit numbers survive JSON, and strings that look like them stay strings", () => {
  const text =
    '{"a":9223372036854775809,"b":"9223372036854775809","c":"big:9223372036854775809\\"","d":1.0000000000000000001}';
  const value = parseJson(text) as Record<string, unknown>;
  assert.deepEqual(value, {
    a: 9223372036854775809n,
    b: "9223372036854775809",
    c: 'big:9223372036854775809"',
    d: 1,
  });
  assert.equal(stringifyJson({ a: 5n, b: "big:5", c: [1n << 64n] }), '{"a":5,"b":"big:5","c":[18446744073709551616]}');
});

test("what somebody else on the way says is no answer", async () => {
  const page = "<!doctype html><title>Sign in</title>";
  const isNone = (what: RegExp) => (error: unknown) => error instanceof RequestError && what.test(error.message);
  const asked = (body: string, status?: number) => talking(body, status, {}, false).client;
  await assert.rejects(asked(page).kvGet({ key: "k" }), isNone(/GET \/v1\/kv\/k\?dc=east: the answer is no JSON/));
  await assert.rejects(asked(page, 404).kvGet({ key: "k" }), isNone(/no JSON/));
  await assert.rejects(asked('{"error":"no route"}').kvGet({ key: "k" }), (error) => error instanceof AnswerError);
  const definition = { Name: "web" };
  await assert.rejects(asked(page).agentServiceRegister({ definition }), isNone(/is a page, not an agent's/));
  // Else it would look as if there was no such key.
  await assert.rejects(asked(page, 404).kvValue({ key: "k" }), (error) => error instanceof ResponseError);
});
