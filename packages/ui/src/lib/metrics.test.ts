import assert from "node:assert/strict";
import { test } from "node:test";
import { readSeries, readStats, shortNumber, shortTime } from "./metrics.ts";
import { Prometheus } from "./prometheus.ts";

test("figures are short and never round away what is there", () => {
  assert.deepEqual(
    [0, 0.02, 4.73, 47.25, 230, 999.6, 1234, 2_500_000, Number.NaN].map((n) => shortNumber(n)),
    ["0", "0.02", "4.73", "47.3", "230", "1 k", "1.23 k", "2.5 M", "–"],
  );
  assert.equal(shortNumber(12_300, "bit/s"), "12.3 kbit/s");
  assert.deepEqual([0.25, 4.26, 47.2, 999.7, 61_000, Number.NaN].map(shortTime), [
    "0.3 ms",
    "4.3 ms",
    "47 ms",
    "1 s",
    "1 min",
    "–",
  ]);
});

test("what a script of the operator's answers is text, whatever it is", () => {
  assert.deepEqual(readStats([{ label: "SR", desc: "<b>web</b> &rarr; x", value: 98 }, null, { label: "A" }, 7]), [
    { label: "SR", desc: "web → x", value: "98" },
  ]);
  assert.deepEqual(readStats("nonsense"), []);
  assert.deepEqual(readSeries({ data: [null, { x: 1 }, { time: 5, A: 1 }], labels: { A: "<i>a</i>" } }), {
    unitSuffix: "",
    labels: { A: "a" },
    data: [{ time: 5, A: 1 }],
  });
});

/** A backend that answers the first pattern that its query has. */
function backend(answers: readonly (readonly [has: RegExp, result: unknown])[]) {
  const asked: string[] = [];
  const provider = new Prometheus();
  provider.init({
    metrics_proxy_enabled: true,
    async fetch(path) {
      const query = new URL(`http://x${path}`).searchParams.get("query") ?? "";
      asked.push(query);
      const [, result = []] = answers.find(([has]) => has.test(query)) ?? [];
      return Response.json({ status: "success", data: { result } });
    },
  });
  return { provider, asked };
}

test("a service that speaks HTTP has requests, errors and times; what has no samples is left out", async () => {
  const { provider, asked } = backend([
    [/_completed\{/, [{ metric: {}, value: [0, "12.345"] }]],
    [/^100\*\(/, [{ metric: {}, value: [0, "0.5"] }]],
    [/0\.99,/, [{ metric: {}, value: [0, "NaN"] }]],
  ]);
  const { stats } = await provider.serviceRecentSummaryStats('we"b', "dc1", "default", "http");
  assert.deepEqual(
    stats.map(({ label, value }) => `${label} ${value}`),
    ["req/s 12.3", "errors 0.5 %", "P99 –"],
  );
  const [completed = ""] = asked.filter((query) => query.includes("_completed"));
  assert.equal(
    completed,
    'sum(rate(envoy_http_downstream_rq_completed{consul_source_service="we\\"b",consul_source_datacenter="dc1",' +
      'consul_source_namespace="default",envoy_http_conn_manager_prefix="public_listener"}[15m]))',
  );
});

test("neighbours have figures by name, those of requests where there are any", async () => {
  const whose = (name: string) => ({
    consul_source_service: name,
    consul_source_namespace: "default",
    consul_source_datacenter: "dc1",
  });
  const { provider, asked } = backend([
    [/_rq_completed/, [{ metric: whose("shop"), value: [0, "3"] }]],
    [
      /_cx_total/,
      [
        { metric: whose("shop"), value: [0, "1"] },
        { metric: whose("cron"), value: [0, "0.1"] },
      ],
    ],
  ]);
  const { stats } = await provider.downstreamRecentSummaryStats("web", "dc1", "default");
  assert.deepEqual(
    Object.entries(stats)
      .map(([name, [first]]) => `${name}: ${first?.label} ${first?.value}`)
      .sort(),
    ["cron.default.dc1: conn/s 0.1", "shop.default.dc1: req/s 3"],
  );
  assert.ok(asked.every((query) => query.includes('consul_destination_service="web"')));
});

test("series of one graph are joined by their times", async () => {
  const { provider } = backend([
    [
      /!="5"/,
      [
        {
          metric: {},
          values: [
            [1, "4"],
            [2, "5"],
          ],
        },
      ],
    ],
    [/="5"/, [{ metric: {}, values: [[2, "1"]] }]],
  ]);
  const { data } = await provider.serviceRecentSummarySeries("web", "dc1", "default", "grpc");
  assert.deepEqual(data, [
    { time: 1000, Successes: 4 },
    { time: 2000, Successes: 5, Errors: 1 },
  ]);
});

test("what the backend says against a query is passed on, and without a proxy there is no provider", async () => {
  const provider = new Prometheus();
  assert.throws(() => provider.init({ metrics_proxy_enabled: false, fetch }), /metrics_proxy/);
  const answers = [
    Response.json({ status: "error", error: "query timed out" }, { status: 503 }),
    new Response("The metrics' backend does not answer: refused", { status: 502 }),
    new Response("", { status: 403 }),
  ];
  provider.init({ metrics_proxy_enabled: true, fetch: async () => answers.shift()! });
  const ask = () => provider.serviceRecentSummarySeries("web", "dc1", "default", "");
  // Both series are asked for at once: of the two refusals one is the answer.
  await assert.rejects(ask, /timed out/);
  answers.unshift(new Response("", { status: 403 }), new Response("", { status: 403 }));
  await assert.rejects(ask, /status 403/);
});
