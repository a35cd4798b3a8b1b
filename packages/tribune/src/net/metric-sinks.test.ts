import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../lib/log.ts";
import type { Network, Stream } from "../lib/runtime.ts";
import { openMetricSinks, splitAddress } from "./metric-sinks.ts";

test("addresses may leave out the port and bracket v6 hosts", () => {
  assert.deepEqual(splitAddress("h:1", 8125), { host: "h", port: 1 });
  assert.deepEqual(splitAddress("h", 8125), { host: "h", port: 8125 });
  assert.deepEqual(splitAddress("[::1]:9", 8125), { host: "::1", port: 9 });
});

test("UDP sinks send packets, the TCP one connects again after it broke", async () => {
  const timers: (() => void)[] = [];
  const sent: string[] = [];
  const streams: Stream[] = [];
  const network = {
    bindUdp: async () => ({
      address: { host: "", port: 0 },
      close: async () => {},
      send: (packet: Uint8Array, port: number, host: string) => sent.push(`${host}:${port} ${Buffer.from(packet)}`),
    }),
    connectTcp: async (host: string, port: number) => {
      const stream = {
        write: (chunk: Uint8Array) => sent.push(`${host}:${port} tcp ${Buffer.from(chunk)}`) > 0,
        end() {},
        destroy() {},
      } as unknown as Stream;
      streams.push(stream);
      return stream;
    },
  } as unknown as Network;
  const runtime = {
    network,
    timers: {
      after: (_ms: number, run: () => void) => {
        timers.push(run);
        return () => {};
      },
      soon() {},
    },
  };
  const addresses = { statsd: "s:1", statsite: "t:2", dogstatsd: "d", dogstatsdTags: ["a:b"] };
  const { sinks, stop } = openMetricSinks(addresses, runtime, silentLogger);
  await Promise.resolve();
  await Promise.resolve();
  for (const sink of sinks) sink.write("counter", sink.head("counter", "x", []), 1);
  for (const run of timers.splice(0)) run();
  assert.deepEqual(sent.splice(0), ["t:2 tcp x:1.000000|c\n", "s:1 x:1.000000|c\n", "d:8125 x:1|c|#a:b\n"]);
  streams[0]?.onClose(new Error("reset"));
  assert.equal(timers.length, 1);
  timers.splice(0)[0]?.();
  await Promise.resolve();
  assert.equal(streams.length, 2);
  stop();
  streams[1]?.onClose();
  assert.equal(timers.length, 0, "nothing is left running");
});
