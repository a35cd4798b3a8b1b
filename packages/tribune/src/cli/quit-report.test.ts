import assert from "node:assert/strict";
import { test } from "node:test";
import { quitReport } from "./quit-report.ts";

test("the report says what the process holds, what there is most of first", () => {
  const report = quitReport({
    version: "1.2.3",
    node: "v20.0.0",
    pid: 7,
    uptimeS: 61.04,
    cpuUserS: 1.5,
    cpuSystemS: 0.25,
    loopBusy: 0.1234,
    residentBytes: 98_300_000,
    heapUsedBytes: 20e6,
    heapLimitBytes: 2e9,
    bufferBytes: 1e6,
    resources: ["Timeout", "TCPSocketWrap", "TCPSocketWrap"],
  });
  assert.equal(
    report,
    [
      "SIGQUIT: quit",
      "process: 7, version 1.2.3, node v20.0.0, up 61.0 s",
      "cpu: 1.50 s user, 0.25 s system; event loop busy 12.3 %",
      "memory: 98.3 MB resident; heap 20.0 MB of at most 2000.0 MB; buffers 1.0 MB",
      "open: 2 TCPSocketWrap, 1 Timeout",
      "",
    ].join("\n"),
  );
});
