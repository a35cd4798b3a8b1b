import assert from "node:assert/strict";
import { test } from "node:test";
import { DiskError } from "../lib/runtime.ts";
import { adviceFor } from "./fatal-advice.ts";

test("advice is given for what an operator can mend, also behind another error, and for nothing else", () => {
  const full = new DiskError("write", "/data/raft/wal/1.wal", "ENOSPC");
  assert.match(adviceFor(full) ?? "", /make room/);
  assert.match(adviceFor(new Error("cannot append", { cause: full })) ?? "", /make room/);
  assert.match(adviceFor(new DiskError("sync", "/data/x", "EIO")) ?? "", /empty data directory/);
  assert.equal(adviceFor(new DiskError("open", "/data/x", "EISDIR")), undefined);
  assert.equal(adviceFor(new Error("a rule was broken")), undefined);
});
