import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { silentLogger } from "../lib/log.ts";
import { hostNameFor, Telemetry } from "../lib/telemetry/aggregator.ts";
import { openMetricSinks } from "./metric-sinks.ts";
import { nodeRuntime } from "./node-runtime.ts";

/** A daemon's socket, and the lines that came until there are `count`. */
async function daemon(): Promise<{ address: string; lines(count: number): Promise<string[]>; close(): void }> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const found: string[] = [];
  let arrived = (): void => {};
  socket.on("message", (packet) => {
    found.push(...packet.toString().split("\n").filter(Boolean));
    arrived();
  });
  return {
    address: `127.0.0.1:${socket.address().port}`,
    async lines(count) {
      while (found.length < count)
        await new Promise<void>((resolve) => {
          arrived = resolve;
        });
      return found;
    },
    close: () => socket.close(),
  };
}

// The lines are what a Consul 1.10.11 with the same settings sends, but for host and values.
test("statsd and DogStatsD daemons hear what go-metrics would send", async () => {
  const [statsd, dogstatsd] = await Promise.all([daemon(), daemon()]);
  const runtime = nodeRuntime();
  const addresses = {
    ...{ statsd: statsd.address, statsite: "", dogstatsd: dogstatsd.address },
    dogstatsdTags: ["env:x"],
  };
  const { sinks, stop } = openMetricSinks(addresses, runtime, silentLogger);
  try {
    const hostName = hostNameFor("vm", { disableHostname: false, externalSinks: sinks.length });
    const telemetry = new Telemetry({ prefix: "consul", hostName }, { clock: runtime.clock, sinks });
    const measure = (): void => {
      telemetry.sample("api.http", 0.25, [
        ["method", "GET"],
        ["path", "v1_kv_"],
      ]);
      telemetry.count("catalog.service.query", 1, [["service", "web"]]);
      telemetry.gauge("consul.state.nodes", 3, [["datacenter", "dc1"]]);
      telemetry.gauge("autopilot.healthy", 1);
    };
    // The sockets open on a later turn; what is measured before is lost.
    const repeat = setInterval(measure, 20);
    try {
      assert.deepEqual((await statsd.lines(4)).slice(0, 4), [
        "consul.api.http.GET.v1_kv_:0.250000|ms",
        "consul.catalog.service.query.web:1.000000|c",
        "consul.vm.consul.state.nodes.dc1:3.000000|g",
        "consul.vm.autopilot.healthy:1.000000|g",
      ]);
      assert.deepEqual((await dogstatsd.lines(4)).slice(0, 4), [
        "consul.api.http:0.250000|ms|#env:x,method:GET,path:v1_kv_",
        "consul.catalog.service.query:1|c|#env:x,service:web",
        "consul.consul.state.nodes:3|g|#env:x,datacenter:dc1",
        "consul.autopilot.healthy:1|g|#env:x",
      ]);
    } finally {
      clearInterval(repeat);
    }
  } finally {
    stop();
    statsd.close();
    dogstatsd.close();
  }
});
