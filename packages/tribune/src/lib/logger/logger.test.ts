import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogLevel } from "../log.ts";
import { formatJsonLine, formatLine, type LogRecord } from "./format.ts";
import { invalidLogLevel, parseLogLevel } from "./levels.ts";
import { LogHub, RECENT_LINES_MAX, SUBSCRIBER_LINES_MAX } from "./log-hub.ts";

const TIME = Date.UTC(2026, 0, 2, 15, 4, 5, 7);
const record = (parts: Partial<LogRecord>): LogRecord => ({
  timeMs: TIME,
  level: "INFO",
  name: "agent.server",
  message: "message",
  fields: undefined,
  ...parts,
});

test("lines look like hclog's", () => {
  assert.equal(formatLine(record({})), "2026-01-02T15:04:05.007Z [INFO]  agent.server: message\n");
  const fields = {
    leader: "",
    n: 1,
    big: 2n,
    on: true,
    text: "two words",
    list: ["a", "b c", 3],
    none: undefined,
    nil: null,
  };
  assert.equal(
    formatLine(
      record({ level: "ERROR", name: "", fields: { ...fields, error: new Error("no route"), map: { a: "<" } } }),
    ),
    '2026-01-02T15:04:05.007Z [ERROR] message: leader= n=1 big=2 on=true text="two words" list=[a, "b c", 3] ' +
      'none=<nil> nil=<nil> error="no route" map={"a":"\\u003c"}\n',
  );
  assert.match(formatLine(record({}), 90), /^2026-01-02T16:34:05\.007\+0130 /);
  assert.match(formatLine(record({}), -300), /^2026-01-02T10:04:05\.007-0500 /);
});

test("a value cannot start a line of its own", () => {
  const line = formatLine(record({ fields: { user: "x\n2026-01-02T15:04:05.000Z [INFO]  agent: forged\r" } }));
  assert.equal(line.split("\n").length, 2);
  assert.match(line, /user="x\\n2026.*forged\\r"\n$/);
});

test("JSON lines have hclog's keys and survive what cannot be written", () => {
  assert.equal(
    formatJsonLine(record({ level: "WARN", fields: { z: 1n, a: new Error("<b>"), u: undefined } }), 60),
    '{"@level":"warn","@message":"message","@module":"agent.server","@timestamp":"2026-01-02T16:04:05.007000+01:00",' +
      '"a":"\\u003cb\\u003e","u":null,"z":1}\n',
  );
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  assert.equal(JSON.parse(formatJsonLine(record({ fields: cyclic })))["@message"], "message");
  assert.match(formatLine(record({ fields: { cyclic } })), /cyclic="\[object Object\]"/);
});

test("levels are read in any case, and ERR is one", () => {
  const read = ["trace", "Info", "ERR", "error", "", "loud", "constructor"].map(parseLogLevel);
  assert.deepEqual(read, ["TRACE", "INFO", "ERROR", "ERROR", undefined, undefined, undefined]);
  assert.equal(invalidLogLevel("x"), "Invalid log level: x. Valid log levels are: [TRACE DEBUG INFO WARN ERR ERROR]");
});

function setUp(level: LogLevel = "INFO", json = false) {
  const lines: string[] = [];
  const clock = { nowMs: () => 0, wallMs: () => TIME };
  const hub = new LogHub({ level, json }, { clock, outputs: [(line) => lines.push(line)] });
  return { hub, lines, log: hub.logger("agent") };
}

test("each logger has its name, the hub its level", () => {
  const { hub, lines, log } = setUp();
  log.debug("hidden");
  log.named("dns").warn("shown");
  hub.setLevel("ERROR");
  log.warn("hidden");
  hub.setLevel("TRACE");
  log.trace("shown too");
  assert.deepEqual(
    lines.map((line) => line.slice(25)),
    ["[WARN]  agent.dns: shown\n", "[TRACE] agent: shown too\n"],
  );
  assert.deepEqual(hub.recent(), lines);
  assert.equal(hub.level, "TRACE");
});

test("subscribers have a level and a form of their own, and hear nothing twice", () => {
  const { hub, lines, log } = setUp("WARN");
  log.warn("before");
  const trace = hub.subscribe("TRACE");
  const json = hub.subscribe("INFO", true);
  let calls = 0;
  trace.onLines = () => calls++;
  log.trace("a");
  log.info("b");
  assert.equal(calls, 1, "woken once until it takes");
  assert.deepEqual(
    trace
      .take()
      .split("\n")
      .map((line) => line.slice(25)),
    ["[TRACE] agent: a", "[INFO]  agent: b", ""],
  );
  assert.equal(trace.take(), "");
  assert.equal(JSON.parse(json.take())["@message"], "b");
  assert.equal(trace.stop(), 0);
  assert.equal(json.stop(), 0);
  log.trace("c");
  assert.equal(trace.take(), "");
  assert.equal(lines.length, 1, "the outputs kept their level");
});

test("a slow subscriber loses lines and learns how many; memory stays bounded", () => {
  const { hub, log } = setUp();
  const slow = hub.subscribe("INFO");
  for (let n = 0; n < SUBSCRIBER_LINES_MAX + 100; n++) log.info(`line ${n}`);
  assert.equal(slow.take().split("\n").length - 1, SUBSCRIBER_LINES_MAX);
  assert.equal(slow.stop(), 100);
  assert.equal(hub.recent().length, RECENT_LINES_MAX);
  assert.match(hub.recent().at(-1) ?? "", new RegExp(`line ${SUBSCRIBER_LINES_MAX + 99}\n$`));
});
