import assert from "node:assert/strict";
import { test } from "node:test";
import { DCSpecificRequest, KeyRequest, KVSRequest, make } from "@tribune/api";
import { VirtualTime } from "../checks/virtual-time.test.support.ts";
import { encodeStruct } from "../codec/struct-msgpack.ts";
import type { Endpoint } from "../endpoints/binding.ts";
import { ENDPOINTS } from "../endpoints/index.ts";
import { HTTP_STATUS, TribuneError } from "../lib/errors.ts";
import { silentLogger } from "../lib/log.ts";
import { noMetrics } from "../lib/metrics.ts";
import { Cluster } from "./cluster.test.support.ts";
import { questionKey } from "./question-key.ts";
import { NO_REQUEST_LIMITS, RequestLimits, type RequestLimitsConfig } from "./request-limits.ts";

function limitsOf(config: RequestLimitsConfig, { leads = false } = {}) {
  const time = new VirtualTime();
  const counted: unknown[] = [];
  const metrics = { ...noMetrics, count: (...what: unknown[]) => void counted.push(what) };
  const limits = new RequestLimits(config, { clock: time.clock, logger: silentLogger, metrics, leads: () => leads });
  const admitted = (method: string, count: number): number =>
    Array.from({ length: count }, () => limits.refusal(method, "")).filter((refusal) => refusal === undefined).length;
  return { time, limits, counted, admitted };
}
const ENFORCING = { mode: "enforcing", readRate: 2, writeRate: 1 } as const;

test("ten seconds' worth may come at once, then so many a second, reads and writes apart", async () => {
  const { time, admitted } = limitsOf(ENFORCING);
  assert.equal(admitted("KVS.Get", 30), 20);
  assert.equal(admitted("Health.ServiceNodes", 1), 0);
  assert.equal(admitted("KVS.Apply", 30), 10);
  assert.equal(admitted("Session.Renew", 1), 0);
  await time.advance(2_000);
  assert.equal(admitted("KVS.Get", 30), 4);
  assert.equal(admitted("Catalog.Register", 30), 2);
});

test("a limit that a reload brings begins with its whole burst", () => {
  const { limits, admitted } = limitsOf(NO_REQUEST_LIMITS);
  assert.equal(admitted("KVS.Get", 1_000), 1_000);
  limits.configure(ENFORCING);
  assert.equal(admitted("KVS.Get", 30), 20);
});

test("what mends a cluster is never refused", () => {
  const { admitted } = limitsOf({ mode: "enforcing", readRate: 0, writeRate: 0 });
  for (const method of ["Status.Leader", "Status.Ping", "Operator.RaftGetConfiguration", "Operator.AutopilotState"])
    assert.equal(admitted(method, 5), 5, method);
  assert.equal(admitted("Catalog.ListNodes", 5), 0);
});

test("a refusal says whether another server may do it", () => {
  const writes = { mode: "enforcing", readRate: 0, writeRate: 0 } as const;
  const elsewhere = "rate limit exceeded, try again later or against a different server";
  const [leader, follower] = [limitsOf(writes, { leads: true }).limits, limitsOf(writes).limits];
  const said = (limits: RequestLimits, method: string): unknown => {
    const refusal = limits.refusal(method, "");
    assert.ok(refusal instanceof TribuneError);
    return [HTTP_STATUS[refusal.kind], refusal.message];
  };
  assert.deepEqual(said(leader, "KVS.Get"), [429, elsewhere]);
  assert.deepEqual(said(follower, "KVS.Apply"), [429, elsewhere]);
  assert.deepEqual(said(leader, "KVS.Apply"), [
    503,
    "rate limit exceeded for operation that can only be performed by the leader, try again later",
  ]);
  for (const code of ["RETRY_ELSEWHERE", "RETRY_LATER"] as const) {
    const over = TribuneError.fromWire(`rpc error making call: ${TribuneError.of(code).message}`);
    assert.equal(over.code, code);
  }
});

test("permissive counts, disabled does not even that, and a reload changes it", () => {
  const { limits, counted, admitted } = limitsOf({ mode: "permissive", readRate: 0, writeRate: -1 });
  assert.equal(admitted("KVS.Get", 2), 2);
  assert.equal(admitted("KVS.Apply", 2), 2);
  const labels = [
    ["limit_type", "global/read"],
    ["op", "KVS.Get"],
    ["mode", "permissive"],
  ];
  assert.deepEqual(counted, Array(2).fill(["rpc.rate_limit.exceeded", 1, labels]));
  limits.configure({ mode: "enforcing", readRate: 0, writeRate: -1 });
  assert.equal(admitted("KVS.Get", 1), 0);
  limits.configure({ mode: "disabled", readRate: 0, writeRate: -1 });
  assert.equal(limits.active, false);
  counted.length = 0;
  assert.equal(admitted("KVS.Get", 1), 1);
  assert.deepEqual(counted, []);
});

test("a rate below one a second lets something through, too", async () => {
  const { time, admitted } = limitsOf({ mode: "enforcing", readRate: 0.5, writeRate: -1 });
  assert.equal(admitted("KVS.Get", 3), 1);
  await time.advance(2_000);
  assert.equal(admitted("KVS.Get", 3), 1);
});

const endpoint = (name: string): Endpoint => ENDPOINTS.find((one) => one.name === name)!;

test("a server refuses by RPC and through its doors, in every way in", async () => {
  const cluster = new Cluster(5);
  const machine = await cluster.add();
  await cluster.elected();
  const { backend, limits } = machine.rpc!;
  const [GET, PUT] = [endpoint("kvGet"), endpoint("kvPut")];
  const request = make(KeyRequest, { Datacenter: "dc1", Key: "a" });
  const call = {
    ...{ endpoint: GET, key: questionKey(GET, request), request, minIndex: 0, waitMs: 0 },
    ...{ consistency: "leader" as const, datacenter: "dc1" },
  };
  const read = (): Promise<unknown> => new Promise((resolve) => void backend.read(call, resolve));
  const put = make(KVSRequest, {
    ...{ Datacenter: "dc1", Op: "set" },
    DirEnt: { ...make(KVSRequest).DirEnt, Key: "a", Value: Buffer.from("1") },
  });
  const target = { name: machine.name, host: machine.host.address, port: 8300 };
  const rpc = (): Promise<unknown> => machine.pool!.call(target, "KVS.Get", encodeStruct(KeyRequest, request));
  const textOf = async (asked: Promise<unknown>): Promise<string> => {
    const outcome = await cluster.settle(asked.catch((error: unknown) => error));
    return outcome instanceof Error ? outcome.message : "";
  };

  assert.ok(backend.readNow(call) !== undefined);
  limits.configure({ mode: "enforcing", readRate: 0, writeRate: 0 });
  const [elsewhere, later] = ["RETRY_ELSEWHERE", "RETRY_LATER"].map((code) => TribuneError.of(code as never).message);
  assert.equal(backend.readNow(call), undefined);
  assert.equal(await textOf(read()), elsewhere);
  assert.equal(await textOf(backend.write(PUT, put)), later);
  const listed = make(DCSpecificRequest, { Datacenter: "dc1" });
  assert.equal(await textOf(backend.call(endpoint("statusPeers"), listed)), "");
  assert.equal(backend.callNow(endpoint("statusPeers"), listed), undefined);
  assert.equal(await textOf(rpc()), elsewhere);
  limits.configure({ mode: "disabled", readRate: 0, writeRate: 0 });
  assert.equal(await textOf(read()), "");
  assert.equal(await textOf(rpc()), "");
});
