import assert from "node:assert/strict";
import { test } from "node:test";
import { metrics as global, type MeterProvider } from "@opentelemetry/api";
import { Telemetry } from "../lib/telemetry/aggregator.ts";
import { openTelemetrySink } from "./otel-sink.ts";

/** What was warned of. */
function quiet() {
  const said: string[] = [];
  return { said, log: { warn: (text: string) => void said.push(text) } };
}

test("without a provider nothing is measured, and nothing is said unless somebody asked for it", () => {
  const { said, log } = quiet();
  assert.equal(openTelemetrySink("consul", { OTEL_METRICS_EXPORTER: "none", OTEL_SERVICE_NAME: "x" }, log), undefined);
  assert.deepEqual(said, []);
  assert.equal(openTelemetrySink("consul", { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" }, log), undefined);
  assert.equal(said.length, 1);
  assert.match(said[0] ?? "", /no meter provider is registered\. Install @opentelemetry\/sdk-metrics/);
});

test("what is registered for another version of the library is said to be of no use", () => {
  const { said, log } = quiet();
  const place = Symbol.for("opentelemetry.js.api.2");
  Object.defineProperty(globalThis, place, { value: { metrics: {} }, configurable: true });
  try {
    assert.equal(openTelemetrySink("consul", {}, log), undefined);
    assert.match(said[0] ?? "", /another version of @opentelemetry\/api/);
  } finally {
    delete (globalThis as Record<symbol, unknown>)[place];
  }
});

test("a registered provider gets counters, gauges and histograms with unit, description and attributes", () => {
  const said: unknown[] = [];
  const instrument = (kind: string) => (name: string, options: object) => {
    said.push([kind, name, options]);
    const say = (value: number, attributes: object) => said.push([name, value, attributes]);
    return kind === "counter" ? { add: say } : { record: say };
  };
  const meter = {
    createCounter: instrument("counter"),
    createGauge: instrument("gauge"),
    createHistogram: instrument("histogram"),
  };
  assert.ok(global.setGlobalMeterProvider({ getMeter: () => meter } as unknown as MeterProvider));
  try {
    const { said: warned, log } = quiet();
    const sink = openTelemetrySink("consul", { OTEL_METRICS_EXPORTER: "otlp" }, log);
    assert.deepEqual(warned, []);
    assert.ok(sink !== undefined);
    const clock = { nowMs: () => 0, wallMs: () => 0 };
    const telemetry = new Telemetry({ prefix: "consul", hostName: "h1" }, { clock, sinks: [sink] });
    telemetry.count("client.rpc");
    telemetry.count("client.rpc", 2);
    telemetry.gauge("autopilot.healthy", 1);
    telemetry.sample("fsm.kvs", 1.5, [["op", "set"]]);
    telemetry.sample("fsm.kvs", 2.5, [["op", "cas"]]);
    const kvs = { unit: "ms", description: "Time to apply a change of a key" };
    assert.deepEqual(said, [
      ["counter", "consul.client.rpc", { unit: "{requests}", description: "Calls of this agent to servers" }],
      ["consul.client.rpc", 1, {}],
      ["consul.client.rpc", 2, {}],
      ["gauge", "consul.autopilot.healthy", { unit: "{boolean}", description: "1 if all servers are well" }],
      ["consul.autopilot.healthy", 1, {}],
      ["histogram", "consul.fsm.kvs", kvs],
      ["consul.fsm.kvs", 1.5, { op: "set" }],
      ["consul.fsm.kvs", 2.5, { op: "cas" }],
    ]);
  } finally {
    global.disable();
  }
});
