import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryOf, osReleaseOf, processorsOf } from "./proc-files.ts";

test("memory is in bytes, and what is used is what nobody else claims", () => {
  const found = memoryOf(
    "MemTotal:  1000 kB\nMemFree:   300 kB\nBuffers:  100 kB\nCached:   200 kB\nHugePages_Total:  7\n",
  );
  assert.deepEqual(
    [found.total, found.free, found.used, found.usedPercent, found.available, found.hugePagesTotal],
    [1_024_000, 307_200, 409_600, 40, 512_000, 7],
  );
  assert.equal(memoryOf("MemTotal: 4 kB\nMemAvailable: 3 kB\n").available, 3072);
  assert.equal(memoryOf("").usedPercent, 0);
});

test("each logical processor is a row", () => {
  const found = processorsOf(
    "processor\t: 0\nvendor_id\t: X\ncpu MHz\t\t: 2000.5\ncache size\t: 512 KB\nflags\t\t: fpu vme\n\n" +
      "processor\t: 1\nmodel name\t: Name: with colon\nFeatures\t: neon\npower management:\n\n",
  );
  assert.equal(found.length, 2);
  assert.deepEqual([found[0]?.cpu, found[0]?.vendorId, found[0]?.mhz, found[0]?.cacheSize], [0, "X", 2000.5, 512]);
  assert.deepEqual(found[0]?.flags, ["fpu", "vme"]);
  assert.deepEqual([found[1]?.cpu, found[1]?.modelName, found[1]?.flags], [1, "Name: with colon", ["neon"]]);
  assert.deepEqual(processorsOf(""), []);
});

test("a system's release file", () => {
  assert.deepEqual(osReleaseOf('ID=ubuntu\nID_LIKE="debian other"\nVERSION_ID="22.04"\n'), {
    id: "ubuntu",
    family: "debian",
    version: "22.04",
  });
  assert.deepEqual(osReleaseOf("ID=alpine"), { id: "alpine", family: "alpine", version: "" });
  assert.deepEqual(osReleaseOf(""), { id: "", family: "", version: "" });
});
