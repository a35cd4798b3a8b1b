import assert from "node:assert/strict";
import { test } from "node:test";
import { metrics as global, type MeterProvider } from "@opentelemetry/api";
import { Telemetry } from "../lib/telemetry/aggregator.ts";
import { type OpenTelemetryApi, openTelemetryApi, openTelemetrySink } from "./otel-sink.ts";

test("without a provider nothing is measured for OpenTelemetry", async () => {
  const api = await openTelemetryApi();
  assert.ok(api !== undefined, "the library is there for the tests");
  assert.equal(openTelemetrySink(api, "consul"), undefined);
});

test("a registered provider gets counters, gauges and histograms with unit, description and attributes", async () => {
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
    const api = (await openTelemetryApi()) as OpenTelemetryApi;
    const sink = openTelemetrySink(api, "consul");
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
      ["counter", "consul.client.rpc", { unit: "requests", description: "Calls of this agent to servers" }],
      ["consul.client.rpc", 1, {}],
      ["consul.client.rpc", 2, {}],
      ["gauge", "consul.autopilot.healthy", { unit: "boolean", description: "1 if all servers are well" }],
      ["consul.autopilot.healthy", 1, {}],
      ["histogram", "consul.fsm.kvs", kvs],
      ["consul.fsm.kvs", 1.5, { op: "set" }],
      ["consul.fsm.kvs", 2.5, { op: "cas" }],
    ]);
  } finally {
    global.disable();
  }
});
