import assert from "node:assert/strict";
import { test } from "node:test";
import { ENDPOINTS } from "../endpoints/index.ts";
import type { MetricLabels } from "../lib/metrics.ts";
import { QUESTIONS_COUNTED_MAX, QuestionCounts, timeOf, timeOfRead } from "./call-measures.ts";

const endpoint = (name: string) => ENDPOINTS.find((each) => each.name === name)!;

function counting() {
  const counted: [string, number, string][] = [];
  const count = (name: string, value = 1, labels: MetricLabels = []): void => {
    counted.push([name, value, labels.map(([label, text]) => `${label}=${text}`).join(" ")]);
  };
  return { counted, counts: new QuestionCounts({ count, gauge: () => {}, sample: () => {} }) };
}

test("questions for services are summed up by service and tags, and those that find nothing", () => {
  const { counted, counts } = counting();
  const health = endpoint("healthService");
  const web = { ServiceName: "web", ServiceTags: ["b", "a"] };
  counts.answered(health, "web", web, { Nodes: [{}] });
  counts.answered(health, "web", web, { Nodes: [] });
  counts.answered(endpoint("catalogConnect"), "db", { ServiceName: "db", Connect: true }, { ServiceNodes: null });
  counts.answered(endpoint("kvGet"), "k", { Key: "k" }, { Entries: [] });
  assert.deepEqual(counted, []);
  counts.report();
  assert.deepEqual(counted, [
    ["rpc.query", 4, ""],
    ["health.service.query", 2, "service=web"],
    ["health.service.query-tags", 2, "service=web tag=a tag=b"],
    ["health.service.not-found", 1, "service=web"],
    ["catalog.connect.query", 1, "service=db"],
    ["catalog.connect.not-found", 1, "service=db"],
  ]);
  counts.report();
  assert.equal(counted.length, 6, "reported once");
});

test("however many services are asked for, what waits for a report is bounded", () => {
  const { counted, counts } = counting();
  const health = endpoint("healthService");
  for (let n = 0; n <= QUESTIONS_COUNTED_MAX; n++)
    counts.answered(health, `s${n}`, { ServiceName: `s${n}` }, { Nodes: [{}] });
  assert.equal(counted.filter(([name]) => name === "health.service.query").length, QUESTIONS_COUNTED_MAX);
});

test("reads of configuration entries are measured, others are not", () => {
  assert.deepEqual(
    ["configEntryGet", "configEntryList", "kvGet", "kvGet"].map((name) => timeOfRead(endpoint(name))),
    ["config_entry.get", "config_entry.list", undefined, undefined],
  );
});

test("writes and calls are measured under Consul's names", () => {
  const names = ["kvPut", "sessionRenew", "queryExecute", "catalogRegister", "statusLeader"].map((name) => [
    name,
    timeOf(endpoint(name)),
  ]);
  assert.deepEqual(names, [
    ["kvPut", "kvs.apply"],
    ["sessionRenew", "session.renew"],
    ["queryExecute", "prepared-query.execute"],
    ["catalogRegister", "catalog.register"],
    ["statusLeader", undefined],
  ]);
});
