import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRng } from "../lib/random.ts";
import { DiskError } from "../lib/runtime.ts";
import { MemoryDisk } from "../storage/testing/memory-disk.ts";
import { nodeId } from "./node-id.ts";

test("rights are asked for only where they are missing", async () => {
  const refusing = (code: string): MemoryDisk => {
    const disk = new MemoryDisk();
    disk.writeFileAtomic = (path) => Promise.reject(new DiskError("open", path, code));
    return disk;
  };
  const failing = (code: string): Promise<string> => nodeId("", "/data", refusing(code), seededRng(1));
  await assert.rejects(failing("EACCES"), {
    message:
      "failed to setup node ID: open /data/node-id: permission denied (let this agent's user read and write the data directory)",
  });
  await assert.rejects(failing("ENOSPC"), { message: "failed to setup node ID: open /data/node-id: ENOSPC" });
});
