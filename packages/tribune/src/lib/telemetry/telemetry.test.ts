import assert from "node:assert/strict";
import { test } from "node:test";
import type { MetricLabels } from "../metrics.ts";
import type { Timers } from "../runtime.ts";
import { hostNameFor, INTERVAL_MS, INTERVALS_MAX, SERIES_MAX, Telemetry, type TelemetryOptions } from "./aggregator.ts";
import { dogstatsdSink, type LineSink, PACKET_BYTES_MAX, statsdSink } from "./line-sinks.ts";
import { metricsSummary } from "./metrics-summary.ts";
import { admits, parsePrefixFilter } from "./prefix-filter.ts";
import { formatValue, prometheusText } from "./prometheus.ts";
import { slidingWindow } from "./sliding-window.ts";

const START = Date.UTC(2026, 0, 2, 15, 4, 10);

function setUp(options: Partial<TelemetryOptions> = {}, sinks: LineSink[] = []) {
  const clock = { ms: START, nowMs: () => clock.ms, wallMs: () => clock.ms };
  return { clock, telemetry: new Telemetry({ prefix: "consul", hostName: "", ...options }, { clock, sinks }) };
}

function manualTimers(): Timers & { fire(): void } {
  let waiting: (() => void)[] = [];
  return {
    after(_delayMs, run) {
      waiting.push(run);
      return () => {
        waiting = waiting.filter((other) => other !== run);
      };
    },
    soon: (run) => run(),
    fire() {
      for (const run of waiting.splice(0)) run();
    },
  };
}

test("the summary shows the last finished interval in the shape of /v1/agent/metrics", () => {
  const { clock, telemetry } = setUp();
  telemetry.count("client.rpc");
  telemetry.count("client.rpc", 2);
  telemetry.gauge("autopilot.healthy", 1);
  telemetry.gauge("autopilot.healthy", 0);
  telemetry.gauge("autopilot.failure_tolerance", Number.NaN);
  for (const value of [1, 2, 3, 4]) telemetry.sample("fsm.kvs", value, [["op", "set"]]);
  telemetry.sample("fsm.kvs", 7, [["op", "delete all"]]);
  const expected = {
    Timestamp: "2026-01-02 15:04:10 +0000 UTC",
    Gauges: [{ Name: "consul.autopilot.healthy", Value: 0, Labels: {} }],
    Points: [],
    Counters: [
      {
        Name: "consul.client.rpc",
        Count: 2,
        Rate: 0.3,
        Sum: 3,
        Min: 1,
        Max: 2,
        Mean: 1.5,
        Stddev: Math.SQRT1_2,
        Labels: {},
      },
    ],
    Samples: [
      {
        Name: "consul.fsm.kvs",
        Count: 1,
        Rate: 0.7,
        Sum: 7,
        Min: 7,
        Max: 7,
        Mean: 7,
        Stddev: 0,
        Labels: { op: "delete all" },
      },
      {
        Name: "consul.fsm.kvs",
        Count: 4,
        Rate: 1,
        Sum: 10,
        Min: 1,
        Max: 4,
        Mean: 2.5,
        Stddev: Math.sqrt(5 / 3),
        Labels: { op: "set" },
      },
    ],
  };
  assert.deepEqual(metricsSummary(telemetry), expected);
  clock.ms += INTERVAL_MS - 1;
  assert.deepEqual(metricsSummary(telemetry), expected);
  clock.ms += 1;
  telemetry.count("client.rpc", 100);
  assert.deepEqual(metricsSummary(telemetry), expected, "the interval that still grows is not shown");
  clock.ms += INTERVAL_MS;
  const next = metricsSummary(telemetry);
  assert.deepEqual(
    [next.Timestamp, next.Gauges, next.Counters.map(({ Sum }) => Sum)],
    ["2026-01-02 15:04:20 +0000 UTC", [], [100]],
  );
});

test("a minute of intervals is kept", () => {
  const { clock, telemetry } = setUp();
  for (let turn = 0; turn < 20; turn++, clock.ms += INTERVAL_MS) telemetry.count("x");
  assert.equal(telemetry.recorded().length, INTERVALS_MAX);
});

test("gauges, and only they, carry the host name, by Consul's rule", () => {
  const { telemetry } = setUp({ hostName: "h1" });
  telemetry.gauge("g", 1);
  telemetry.count("c");
  telemetry.sample("s", 1);
  const { Gauges, Counters, Samples } = metricsSummary(telemetry);
  assert.deepEqual(
    [...Gauges, ...Counters, ...Samples].map(({ Name }) => Name),
    ["consul.h1.g", "consul.c", "consul.s"],
  );
  assert.equal(hostNameFor("h1", { disableHostname: false, externalSinks: 1 }), "h1");
  assert.equal(hostNameFor("h1", { disableHostname: false, externalSinks: 0 }), "");
  assert.equal(hostNameFor("h1", { disableHostname: true, externalSinks: 1 }), "");
});

test("the longest prefix decides what is kept, and a reload takes effect at once", () => {
  const { allowed, blocked, warnings } = parsePrefixFilter(["+consul.raft", "-consul.raft.x", "-consul", "", "?y"]);
  assert.deepEqual(warnings, [
    "Cannot have empty filter rule in prefix_filter",
    `Filter rule must begin with either '+' or '-': "?y"`,
  ]);
  const filter = { allowed, blocked, byDefault: true };
  const verdicts = ["consul.raft.apply", "consul.raft.xy", "consul.rpc", "other"].map((name) => admits(filter, name));
  assert.deepEqual(verdicts, [true, false, false, true]);
  assert.equal(admits({ allowed: ["a"], blocked: ["a"], byDefault: true }, "ab"), false);
  assert.equal(admits({ allowed: ["a"], blocked: [], byDefault: false }, "b"), false);

  const { telemetry } = setUp({ filter });
  telemetry.count("rpc");
  telemetry.updateFilter({ allowed: [], blocked: [], byDefault: true });
  telemetry.count("rpc");
  assert.deepEqual(
    metricsSummary(telemetry).Counters.map(({ Sum }) => Sum),
    [1],
  );
});

test("labels are told apart by content, whatever object they come in", () => {
  const { telemetry } = setUp();
  const constant: MetricLabels = [["dc", "a"]];
  for (let turn = 0; turn < 3; turn++) {
    telemetry.count("x", 1, constant);
    telemetry.count("x", 10, [["dc", "a"]]);
    telemetry.count("x", 100, [["dc", "b"]]);
    telemetry.count("x", 1000, [
      ["dc", "a"],
      ["ns", "b"],
    ]);
    telemetry.count("x", 10000, []);
  }
  const sums = Object.fromEntries(
    metricsSummary(telemetry).Counters.map(({ Labels, Sum }) => [JSON.stringify(Labels), Sum]),
  );
  assert.deepEqual(sums, { "{}": 30000, '{"dc":"a"}': 33, '{"dc":"b"}': 300, '{"dc":"a","ns":"b"}': 3000 });
});

test("a flood of labels is bounded, and what went idle makes room", () => {
  const { clock, telemetry } = setUp();
  for (let n = 0; n < SERIES_MAX + 10; n++) telemetry.count("x", 1, [["n", String(n)]]);
  assert.equal(telemetry.dropped, 10);
  clock.ms += 10 * INTERVAL_MS;
  telemetry.count("x", 1, [["n", "new"]]);
  assert.equal(telemetry.dropped, 10);
  assert.deepEqual(telemetry.recorded().at(-1)?.counters.length, 1);
});

test("the Prometheus text has families, summaries and expiry", () => {
  const { clock, telemetry } = setUp({ prometheus: true });
  telemetry.count("client.rpc");
  telemetry.count("client.rpc", 2);
  telemetry.gauge("raft-x.last/index", 1234567);
  for (let value = 1; value <= 100; value++)
    telemetry.sample("api.http", value, [
      ["path", 'v1"k\\v'],
      ["method", "GET"],
    ]);
  const definitions = [
    { kind: "sample", name: "consul.acl.apply", help: "Time\nof \\ an apply." },
    { kind: "counter", name: "consul.client.rpc", help: "Calls." },
  ] as const;
  const http = 'consul_api_http{method="GET",path="v1\\"k\\\\v",quantile=';
  assert.equal(
    prometheusText(telemetry, 60_000, definitions),
    `# HELP consul_acl_apply Time\\nof \\\\ an apply.
# TYPE consul_acl_apply summary
consul_acl_apply{quantile="0.5"} NaN
consul_acl_apply{quantile="0.9"} NaN
consul_acl_apply{quantile="0.99"} NaN
consul_acl_apply_sum 0
consul_acl_apply_count 0
# HELP consul_api_http Time to answer a request, by method and path
# TYPE consul_api_http summary
${http}"0.5"} 50
${http}"0.9"} 90
${http}"0.99"} 99
consul_api_http_sum{method="GET",path="v1\\"k\\\\v"} 5050
consul_api_http_count{method="GET",path="v1\\"k\\\\v"} 100
# HELP consul_client_rpc Calls.
# TYPE consul_client_rpc counter
consul_client_rpc 3
# HELP consul_raft_x_last_index consul_raft_x_last_index
# TYPE consul_raft_x_last_index gauge
consul_raft_x_last_index 1.234567e+06
`,
  );
  clock.ms += 20_000;
  telemetry.count("client.rpc");
  const later = prometheusText(telemetry, 60_000);
  assert.match(later, /consul_client_rpc 4\n/);
  assert.match(later, /quantile="0.5"\} NaN\n/, "quantiles cover ten seconds, sum and count all time");
  assert.match(later, /consul_api_http_count\{.*\} 100\n/);
  clock.ms += 60_001;
  assert.equal(prometheusText(telemetry, 60_000), "");
  telemetry.count("client.rpc");
  assert.match(prometheusText(telemetry, 60_000), /consul_client_rpc 1\n/);
});

test("numbers are printed as Go prints them", () => {
  const cases: [number, string][] = [
    [1234567, "1.234567e+06"], [1e6, "1e+06"], [123456, "123456"], [1e20, "1e+20"], [0.0001, "0.0001"], [0.00001, "1e-05"],
    [1.5e-7, "1.5e-07"], [123456.789, "123456.789"], [12345678.25, "1.234567825e+07"], [-0.5, "-0.5"], [1 / 0, "+Inf"],
  ]; // biome-ignore format: a table
  for (const [value, text] of cases) assert.equal(formatValue(value), text);
});

test("the sliding window stays bounded and forgets", () => {
  const window = slidingWindow();
  for (let n = 0; n < 100_000; n++) window.add(n % 1000, START);
  const sorted = window.sorted(START);
  assert.equal(sorted.length, 512);
  assert.ok(Math.abs((sorted[256] ?? 0) - 500) < 150, "a fair sample");
  assert.equal(window.sorted(START + 12_000).length, 0);
});

test("statsd lines are gathered into packets", () => {
  const timers = manualTimers();
  const packets: string[] = [];
  const sink = statsdSink({ timers, send: (lines) => packets.push(lines) });
  const { telemetry } = setUp({ hostName: "h1" }, [sink]);
  telemetry.gauge("g", 1.5);
  telemetry.count("c d", 2, [["node", "a:b"]]);
  telemetry.sample("s", 0.25);
  assert.equal(packets.length, 0);
  timers.fire();
  assert.deepEqual(packets.splice(0), ["consul.h1.g:1.500000|g\nconsul.c_d.a_b:2.000000|c\nconsul.s:0.250000|ms\n"]);
  for (let n = 0; n < 1000; n++) telemetry.count(`é${n % 7}`);
  sink.stop();
  assert.ok(packets.every((packet) => Buffer.byteLength(packet) <= PACKET_BYTES_MAX && packet.endsWith("\n")));
  assert.equal(packets.join("").split("\n").length, 1001);
});

test("dogstatsd has tags in place of name parts", () => {
  const timers = manualTimers();
  const packets: string[] = [];
  const sink = dogstatsdSink(["env:test"], { timers, send: (lines) => packets.push(lines) });
  const { telemetry } = setUp({ hostName: "h1" }, [sink]);
  telemetry.gauge("g", 1.5, [
    ["node", "a b"],
    ["empty", ""],
  ]);
  telemetry.count("c", 2.9);
  telemetry.sample("s", 0.25);
  sink.stop();
  assert.deepEqual(packets, [
    "consul.g:1.5|g|#env:test,node:a_b,empty\nconsul.c:2|c|#env:test\nconsul.s:0.250000|ms|#env:test\n",
  ]);
});
