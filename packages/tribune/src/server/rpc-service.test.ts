/** Calls recorded between Consul 1.10 agents, made to a server of ours: the replies must have Consul's shape. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { MsgpackReader, type MsgpackValue } from "../codec/msgpack.ts";
import { decodeHeader, RpcMessages } from "../codec/rpc-message.ts";
import { RpcRemoteError } from "../rpc/types.ts";
import { Cluster, type Machine } from "./cluster.test.support.ts";

interface Call {
  readonly method: string;
  readonly request: string;
  readonly response: string;
}
const recorded: { readonly calls: readonly Call[] } = JSON.parse(
  readFileSync(new URL("../../test-data/rpc-calls-consul-1.10.json", import.meta.url), "utf8"),
);

function partsOf(hex: string): { error: string; body: Uint8Array } {
  const messages = new RpcMessages(1 << 20);
  messages.push(Buffer.from(hex, "hex"));
  const message = messages.next();
  assert.ok(message !== undefined);
  return { error: decodeHeader(message.header).error, body: message.body };
}

const decoded = (bytes: Uint8Array): MsgpackValue => new MsgpackReader(bytes).any("text");

let cluster: Cluster;
let machine: Machine;

async function call(method: string, args: Uint8Array): Promise<Uint8Array | Error> {
  const target = { name: machine.name, host: machine.host.address, port: 8300 };
  const outcome = machine.pool!.call(target, method, args).catch((error: Error) => error);
  return cluster.settle(outcome);
}

before(async () => {
  cluster = new Cluster(11);
  machine = await cluster.add();
  await cluster.elected();
  // What the agents of the recording wrote before they read.
  for (const { method, request } of recorded.calls) {
    if (!/^(Catalog\.Register|KVS\.Apply|ConfigEntry\.Apply|PreparedQuery\.Apply)$/.test(method)) continue;
    await call(method, partsOf(request).body);
  }
});

/** Where the data of the recording are not there, or the answer hangs on things this version has not. */
const NOT_SERVED = /^(ACL|Nope)\.|^ConnectCA\./;

/** Field names of maps, in all depths; of lists, those of the first element. */
function shapeOf(value: MsgpackValue, other: MsgpackValue): unknown {
  if (value === null || other === null) return "any"; // nil where the other has something
  if (Array.isArray(value)) {
    const [first, second] = [value[0], (other as MsgpackValue[])[0]];
    return first === undefined || second === undefined ? [] : [shapeOf(first, second)];
  }
  if (typeof value !== "object" || value instanceof Uint8Array)
    return typeof value === "bigint" ? "number" : typeof value;
  const [own, others] = [value, other] as unknown as Record<string, MsgpackValue>[];
  // Maps of users' own keys differ; those of fields begin with a capital letter.
  const names = Object.keys(own!).filter((name) => /^[A-Z]/.test(name));
  return Object.fromEntries(names.sort().map((name) => [name, shapeOf(own![name]!, others![name] ?? null)]));
}

test("every recorded call of a method that is served is answered in Consul's shape", async () => {
  let compared = 0;
  for (const { method, request, response } of recorded.calls) {
    const expected = partsOf(response);
    if (NOT_SERVED.test(method) || expected.error !== "") continue;
    if (
      /^(KVS\.Apply|PreparedQuery\.Apply|Catalog\.(Register|Deregister)|Session\.Apply|Coordinate\.Update)$/.test(
        method,
      )
    )
      continue;
    const outcome = await call(method, partsOf(request).body);
    if (/^Session\.|^PreparedQuery\.(Execute|Explain)/.test(method) && outcome instanceof RpcRemoteError) continue;
    assert.ok(outcome instanceof Uint8Array, `${method}: ${String(outcome)}`);
    const [ours, theirs] = [decoded(outcome), decoded(expected.body)];
    assert.deepEqual(shapeOf(ours, theirs), shapeOf(theirs, ours), method);
    compared++;
  }
  assert.ok(compared >= 30, `only ${compared} calls were compared`);
});

for (const [what, method, error, args] of [
  ["an unknown service", "Nope.Nope", "rpc: can't find service Nope.Nope", "80"],
  ["an unknown method", "KVS.Nope", "rpc: can't find method KVS.Nope", "80"],
  ["a name without a service", "Nope", "rpc: service/method request ill-formed: Nope", "80"],
  ["ACLs, which are off", "ACL.TokenRead", "ACL support disabled", "80"],
  ["a method that is not there yet", "ConnectCA.Sign", "ConnectCA.Sign is not served by this version of Tribune", "80"],
  // {Datacenter: "dc9", Key: "a"}
  ["another datacenter", "KVS.Get", "No path to datacenter", "82aa4461746163656e746572a3646339a34b6579a161"],
  ["a write without a key", "KVS.Apply", "Must provide key", "81a24f70a3736574"],
] as const)
  test(`${what} is refused in Consul's words`, async () => {
    const outcome = await call(method, Buffer.from(args, "hex"));
    assert.ok(outcome instanceof RpcRemoteError, String(outcome));
    assert.equal(outcome.message, error);
  });

test("arguments may be nil, have fields nobody knows, and be in any order", async () => {
  for (const args of ["c0", "80", "82a14effa34b6579a161"]) {
    const outcome = await call("Status.Leader", Buffer.from(args, "hex"));
    assert.equal(outcome instanceof Uint8Array ? decoded(outcome) : String(outcome), "10.0.0.1:8300");
  }
});

test("an answer that did not change is not encoded again", async () => {
  // {Key: "rpc/same"}: nothing there, index 1 at the least
  const args = Buffer.from(`81a34b6579a8${Buffer.from("rpc/same").toString("hex")}`, "hex");
  const first = await call("KVS.Get", args);
  const { server } = machine;
  let encodings = 0;
  const keep = server!.engine.keep.bind(server!.engine);
  server!.engine.keep = (...given) => {
    encodings++;
    keep(...given);
  };
  const second = await call("KVS.Get", args);
  assert.deepEqual(second, first);
  assert.equal(encodings, 0);
  server!.engine.keep = keep;
});

test("a blocked read comes back with the write that it waits for", async () => {
  const key = Buffer.from("waited").toString("hex");
  const put = (value: string) =>
    call("KVS.Apply", Buffer.from(`82a6446972456e7482a34b6579a6${key}a556616c7565a1${value}a24f70a3736574`, "hex"));
  await put("61");
  const first = await call("KVS.Get", Buffer.from(`81a34b6579a6${key}`, "hex"));
  const { Index } = decoded(first as Uint8Array) as unknown as { Index: number };
  const args = Buffer.from(
    `82a34b6579a6${key}ad4d696e5175657279496e646578cd${Index.toString(16).padStart(4, "0")}`,
    "hex",
  );
  let answer: Uint8Array | Error | undefined;
  const target = { name: machine.name, host: machine.host.address, port: 8300 };
  machine.pool!.start(target, "KVS.Get", args, (outcome) => (answer = outcome));
  await cluster.rest(5_000);
  assert.equal(answer, undefined);
  await put("62");
  await cluster.until(() => answer !== undefined, "the blocked read is answered");
  const { Entries } = decoded(answer as unknown as Uint8Array) as unknown as { Entries: { Value: string }[] };
  assert.equal(Entries[0]!.Value, "b");
});
