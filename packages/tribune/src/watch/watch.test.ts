import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { type Logger, silentLogger } from "../lib/log.ts";
import type { Timers } from "../lib/runtime.ts";
import { type ChildSpec, startChild } from "../process/child.ts";
import { ConfigWatches, compile } from "./config-watches.ts";
import { sendToHandler } from "./http-handler.ts";
import { eventIndex, parseWatch, type WatchAnswer, type WatchQuestion } from "./plan.ts";
import { runWatch } from "./run-watch.ts";

const refusal = (parameters: Record<string, unknown>): string => {
  try {
    parseWatch(parameters, ["args"]);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error(`${JSON.stringify(parameters)} was not refused`);
};

test("what a watch may not say", () => {
  const cases: readonly (readonly [parameters: Record<string, unknown>, why: string])[] = [
    [{}, "Watch type must be specified"],
    [{ type: 1 }, "Expecting type to be a string"],
    [{ type: "nope" }, "Unsupported watch type: nope"],
    [{ type: "key" }, "Must specify a single key to watch"],
    [{ type: "keyprefix" }, "Must specify a single prefix to watch"],
    [{ type: "service" }, "Must specify a single service to watch"],
    [{ type: "service", service: "a", passingonly: "yes" }, "Expecting passingonly to be a boolean"],
    [{ type: "service", service: "a", tag: ["x", 1] }, "Index 1 of tag expected to be string"],
    [{ type: "service", service: "a", tag: 1 }, "Expecting tag to be a string or []string"],
    [{ type: "checks", service: "a", state: "any" }, "Cannot specify service and state"],
    [{ type: "nodes", stale: "x" }, "Expecting stale to be a boolean"],
    [{ type: "nodes", b: 1, a: 2 }, "Invalid parameters: [a b]"],
    [{ type: "event", stale: true }, "Invalid parameters: [stale]"],
    [{ type: "key", key: "a", filter: "x" }, "Invalid parameters: [filter]"],
    [{ type: "checks", service: "a", state: "any", filter: 1 }, "Expecting filter to be a string"],
    [{ type: "nodes", handler_type: "http" }, "Handler type 'http' requires 'http_handler_config' to be set"],
    [
      { type: "nodes", handler_type: "http", http_handler_config: {} },
      "Failed to parse 'http_handler_config': Requires 'path' to be set",
    ],
    [
      { type: "nodes", handler_type: "http", http_handler_config: { path: "http://a", timeout: "soon" } },
      `Failed to parse 'http_handler_config': Failed to parse timeout: time: invalid duration "soon"`,
    ],
  ];
  for (const [parameters, why] of cases) assert.equal(refusal(parameters), why);
});

test("what each type asks", () => {
  const F = { filter: "a == b", stale: true };
  const asks = (parameters: Record<string, unknown>): WatchQuestion => parseWatch(parameters).question(undefined);
  const cases: readonly (readonly [parameters: Record<string, unknown>, path: string, query: object])[] = [
    [{ type: "key", key: "/a b/c", stale: true }, "/v1/kv/a%20b/c", { stale: true }],
    [{ type: "keyprefix", prefix: "a/", datacenter: "x" }, "/v1/kv/a/", { dc: "x", recurse: true }],
    [{ type: "services" }, "/v1/catalog/services", {}],
    [
      { type: "service", service: "web", tag: "v1", passingonly: true },
      "/v1/health/service/web",
      { tag: ["v1"], passing: "1" },
    ],
    [{ type: "service", service: "web", filter: "a == b", stale: true }, "/v1/health/service/web", F],
    [{ type: "services", filter: "a == b", stale: true }, "/v1/catalog/services", F],
    [{ type: "nodes", filter: "a == b", stale: true }, "/v1/catalog/nodes", F],
    [{ type: "checks", filter: "a == b", stale: true }, "/v1/health/state/any", F],
    [{ type: "checks" }, "/v1/health/state/any", {}],
    [{ type: "checks", service: "web" }, "/v1/health/checks/web", {}],
    [{ type: "event", name: "deploy" }, "/v1/event/list", { name: "deploy" }],
    [{ type: "connect_leaf", service: "web" }, "/v1/agent/connect/ca/leaf/web", {}],
    [{ type: "agent_service", service_id: "web-1" }, "/v1/agent/service/web-1", {}],
  ];
  for (const [parameters, path, query] of cases) assert.deepEqual(asks(parameters), { path, query });
  const leaf = parseWatch({ type: "agent_service", service_id: "web" });
  assert.deepEqual(leaf.question({ kind: "hash", hash: "h" }).query, { hash: "h" });
  assert.deepEqual(parseWatch({ type: "nodes" }).question({ kind: "index", index: 7n }).query, { index: "7" });
});

test("answers are shown as Consul's client prints them", () => {
  const shown = (parameters: Record<string, unknown>, body: unknown): unknown =>
    parseWatch(parameters).read({ body, index: 1n }, undefined).result;
  assert.deepEqual(shown({ type: "key", key: "a" }, [{ LockIndex: 0, Key: "a", Flags: 3, Value: null, New: 1 }]), {
    Key: "a",
    CreateIndex: 0,
    ModifyIndex: 0,
    LockIndex: 0,
    Flags: 3,
    Value: null,
    Session: "",
  });
  assert.equal(shown({ type: "key", key: "a" }, undefined), null);
  assert.deepEqual(Object.keys(shown({ type: "services" }, { b: [], a: [] }) as object), ["a", "b"]);
  const [check] = shown({ type: "checks" }, [{ CheckID: "c", Definition: { Interval: "10s" } }]) as [
    { readonly Definition: { readonly Interval: string; readonly Timeout: string } },
  ];
  assert.deepEqual([check.Definition.Interval, check.Definition.Timeout], ["10s", "0s"]);
  const proxies = ["", "transparent"].map((Mode) => ({ Service: { ID: "p", Proxy: { Mode, MeshGateway: {} } } }));
  const entries = shown({ type: "service", service: "p" }, proxies) as readonly { Service: { Proxy: object } }[];
  assert.deepEqual(
    entries.map(({ Service }) => Service.Proxy),
    [{ MeshGateway: {} }, { Mode: "transparent", MeshGateway: {} }],
  );
  assert.throws(() => shown({ type: "nodes" }, undefined), /404/);
});

test("events: only those after the last one seen", () => {
  const ids = ["11111111-2222-3333-4444-555555555555", "00000000-0000-0000-0000-000000000001"];
  assert.equal(eventIndex(ids[1] as string), 1n);
  const plan = parseWatch({ type: "event" });
  const last = { kind: "index", index: eventIndex(ids[0] as string) } as const;
  const { result } = plan.read({ body: ids.map((ID) => ({ ID })), index: 1n }, last);
  assert.deepEqual(
    (result as readonly { readonly ID: string }[]).map(({ ID }) => ID),
    [ids[1]],
  );
});

/** Timers that run at once and say what was waited for. */
function instantTimers() {
  const waited: number[] = [];
  const timers: Timers = {
    after(delayMs, run) {
      waited.push(delayMs);
      const timer = setImmediate(run);
      return () => clearImmediate(timer);
    },
    soon: (run) => void setImmediate(run),
  };
  return { timers, waited };
}

test("the handler runs for changes alone; failures wait longer and longer", async () => {
  const row = (value: string) => [{ Key: "k", Value: value }];
  const failure = new Error("no leader");
  const script: readonly (WatchAnswer | Error)[] = [
    { body: row("1"), index: 5n }, // first
    { body: row("1"), index: 5n }, // nothing new
    { body: row("1"), index: 6n }, // index moved, data did not
    { body: row("2"), index: 7n }, // change
    failure,
    failure,
    { body: row("2"), index: 7n }, // counts as a first answer again
  ];
  const asked: unknown[] = [];
  const handled: unknown[] = [];
  const logged: unknown[] = [];
  const stop = new AbortController();
  const { timers, waited } = instantTimers();
  const logger: Logger = { ...silentLogger, error: (message, fields) => void logged.push([message, fields]) };
  await runWatch(
    parseWatch({ type: "key", key: "k" }),
    {
      ask: async ({ query }) => {
        const next = script[asked.push(query.index) - 1];
        if (next === undefined) {
          stop.abort();
          throw new Error("over");
        }
        if (next instanceof Error) throw next;
        return next;
      },
      handle: (marker, result) => {
        assert.equal(marker.kind, "index");
        handled.push((result as { readonly Value: string }).Value);
      },
      timers,
      logger,
    },
    stop.signal,
  );
  assert.deepEqual(asked, [undefined, "5", "5", "6", "7", undefined, undefined, "7"]);
  assert.deepEqual(handled, ["1", "2", "2"]);
  assert.deepEqual(waited, [5_000, 20_000]);
  assert.deepEqual(logged[1], ["Watch errored", { type: "key", error: "no leader", retry: "20s" }]);
});

const PORTS = { start: startChild, send: sendToHandler, env: { PATH: process.env.PATH }, logger: silentLogger };

test("handlers of a configuration: which are refused", () => {
  const cases: readonly (readonly [watch: Record<string, unknown>, why: RegExp])[] = [
    [{ type: "nodes" }, /^Must define a watch handler$/],
    [{ type: "nodes", handler_type: "mail" }, /^Handler type 'mail' not recognized$/],
    [{ type: "connect_leaf", args: ["x"] }, /^Watch type connect_leaf is not allowed in agent config$/],
    [{ type: "nodes", handler: 1 }, /^Watch handler must be a string$/],
    [{ type: "nodes", args: [1] }, /^Watch args must be a list of strings$/],
    [{ type: "nodes", args: ["x"], handler: "y" }, /^Only one watch handler allowed$/],
    [
      { type: "nodes", args: ["x"], handler_type: "http", http_handler_config: { path: "http://a" } },
      /^Only one watch handler allowed$/,
    ],
    [
      { type: "key", token: "secret", args: ["x"] },
      /^Failed to parse watch \((?!.*secret).*\): Must specify a single key/,
    ],
  ];
  for (const [watch, why] of cases) assert.throws(() => compile(watch, PORTS), { message: why });
});

test("a script reads one line of JSON and knows the index; its output is logged", async () => {
  const logged: unknown[] = [];
  const logger: Logger = {
    ...silentLogger,
    debug: (message, fields) => void logged.push([message, fields]),
    error: (message, fields) => void logged.push([message, fields]),
  };
  const specs: ChildSpec[] = [];
  const start = (spec: ChildSpec) => {
    specs.push(spec);
    return startChild(spec);
  };
  const [, handle] = compile(
    { type: "nodes", handler: "cat; echo $CONSUL_INDEX; exit 3" },
    { ...PORTS, start, logger },
  );
  await handle({ kind: "index", index: 9n }, { a: "<" });
  const label = "cat; echo $CONSUL_INDEX; exit 3";
  assert.deepEqual(logged, [
    ["Failed to run watch handler", { watch_handler: label, error: "exit status 3" }],
    ["watch handler output", { watch_handler: label, output: '{"a":"\\u003c"}\n9\n' }],
  ]);
  assert.deepEqual(specs[0]?.args, ["/bin/sh", "-c", label]);
});

test("an HTTP handler gets the answer as a body; a refusal is logged", async () => {
  const seen: unknown[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method, url, headers } = request;
      seen.push([method, url, headers["x-consul-index"], headers["x-own"], Buffer.concat(chunks).toString()]);
      response.writeHead(500).end("no");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const logged: unknown[] = [];
    const logger: Logger = { ...silentLogger, error: (message, fields) => void logged.push([message, fields]) };
    const path = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    const config = { path, method: "PUT", header: { "X-Own": ["1"] }, timeout: "30s" };
    const watch = { type: "nodes", handler_type: "http", http_handler_config: config };
    const [, handle] = compile(watch, { ...PORTS, logger });
    await handle({ kind: "index", index: 9n }, []);
    assert.deepEqual(seen, [["PUT", "/hook", "9", "1", "[]\n"]]);
    const fields = { watch: path, status: "500 Internal Server Error", output: "no" };
    assert.deepEqual(logged, [["http watch handler failed with output", fields]]);
  } finally {
    server.close();
  }
});

test("a reload sets others in place of all; stopping leaves none behind", async () => {
  const asked: string[] = [];
  const { timers } = instantTimers();
  const watches = new ConfigWatches({
    ...PORTS,
    timers,
    ask: (question, _plan, signal) =>
      new Promise((_resolve, reject) => {
        asked.push(question.path);
        signal.addEventListener("abort", () => reject(new Error("stopped")));
      }),
  });
  watches.set([{ type: "nodes", args: ["x"] }]);
  watches.set([{ type: "services", args: ["x"] }]);
  assert.throws(() => watches.set([{ type: "nope", args: ["x"] }]), /Unsupported watch type: nope/);
  watches.set([{ type: "checks", args: ["x"] }]);
  assert.deepEqual(asked, ["/v1/catalog/nodes", "/v1/catalog/services", "/v1/health/state/any"]);
  await watches.stop();
});

test("a handler of the web has the time that is its own, however it is written", async () => {
  const server = createServer((_, response) => void setTimeout(() => response.end("ok"), 100));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const handler = { path: `http://127.0.0.1:${port}/`, method: "POST", header: {}, tlsSkipVerify: false };
    for (const timeoutMs of [0, 2 ** 31, 2 ** 40, 60_000.5])
      assert.equal((await sendToHandler({ ...handler, timeoutMs }, {}, "{}")).status, 200, String(timeoutMs));
  } finally {
    server.close();
  }
});
