import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { distanceSeconds } from "./commands/rtt.ts";
import { readArchive } from "./snapshot-archive.ts";
import { StateCounter } from "./snapshot-stats.ts";

const text = (value: string): Buffer => Buffer.concat([Buffer.from([0xa0 + value.length]), Buffer.from(value)]);
const kv = (key: string): Buffer =>
  Buffer.concat([Buffer.from([2, 0x82]), text("Key"), text(key), text("N"), Buffer.from([0xcd, 1, 2])]);
/** Header, three KV records, one registration with nested values, one kind nobody knows. */
const STATE = Buffer.concat([
  Buffer.concat([Buffer.from([0x81]), text("LastIndex"), Buffer.from([9])]),
  ...[kv("a/b/c"), kv("a/b/d"), kv("z")],
  Buffer.from([0, 0x92, 0x93, 1, 2, 0xc0, 0xc4, 2, 7, 7]),
  Buffer.from([128 + 99, 0xda, 0, 3, 1, 2, 3]),
]);

test("records are counted whatever the chunks", () => {
  for (const size of [1, 2, 7, STATE.length]) {
    const counter = new StateCounter({ depth: 2, prefix: "a" });
    for (let at = 0; at < STATE.length; at += size) counter.add(STATE.subarray(at, at + size));
    const stats = counter.finish();
    assert.deepEqual(
      stats.kinds.map((kind) => [kind.Name, kind.Count, kind.Sum]),
      [
        ["KVS", 3, 47],
        ["Register", 1, 10],
        ["Unknown(227)", 1, 7],
      ],
    );
    assert.equal(stats.totalBytes, 64);
    assert.deepEqual(stats.kvPrefixes, [{ Name: "a/b", Sum: 34, Count: 2 }]);
  }
});

test("a state that breaks off is an error", () => {
  const counter = new StateCounter();
  counter.add(STATE.subarray(0, STATE.length - 1));
  assert.throws(() => counter.finish(), /unexpected EOF/);
});

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "tribune-snapshot-"));
});
after(() => rm(directory, { recursive: true }));

function tarFile(name: string, body: Buffer): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(`${body.length.toString(8).padStart(11, "0")}\0`, 124);
  return Buffer.concat([header, body, Buffer.alloc((512 - (body.length % 512)) % 512)]);
}

function archive(state: Buffer, sumOf = state): Buffer {
  const meta = Buffer.from('{"ID":"2-9-1","Index":9,"Term":2,"Version":1,"Size":1}\n');
  const sum = (body: Buffer, name: string): string => `${createHash("sha256").update(body).digest("hex")}  ${name}\n`;
  const sums = Buffer.from(sum(meta, "meta.json") + sum(sumOf, "state.bin"));
  return Buffer.concat([
    tarFile("meta.json", meta),
    tarFile("state.bin", state),
    tarFile("SHA256SUMS", sums),
    Buffer.alloc(1024),
  ]);
}

test("archives are read and their sums checked", async () => {
  const path = join(directory, "x.snap");
  const read = async (bytes: Buffer): Promise<string> => {
    await writeFile(path, bytes);
    const chunks: Buffer[] = [];
    try {
      const meta = await readArchive(path, (chunk) => chunks.push(chunk));
      assert.deepEqual(Buffer.concat(chunks), STATE);
      return meta.ID;
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.equal(await read(gzipSync(archive(STATE))), "2-9-1");
  assert.equal(await read(Buffer.from("junk")), "failed to decompress snapshot: unexpected EOF");
  assert.equal(await read(Buffer.from("junk that is long")), "failed to decompress snapshot: gzip: invalid header");
  assert.match(await read(gzipSync(archive(STATE, kv("q")))), /hash check failed for "state\.bin"/);
  assert.match(await read(gzipSync(archive(STATE)).subarray(0, -20)), /^failed to read snapshot file: /);
  assert.match(await read(gzipSync(archive(STATE).subarray(0, 700))), /unexpected EOF/);
  assert.match(await read(gzipSync(tarFile("other", STATE))), /unexpected file "other"/);
});

test("Vivaldi distance", () => {
  const at = (x: number, adjustment: number) => ({ Vec: [x, 0], Error: 0, Adjustment: adjustment, Height: 0.0001 });
  assert.equal(distanceSeconds(at(0.001, 0), at(0.0035, 0)).toFixed(7), "0.0027000");
  assert.equal(distanceSeconds(at(0, 0.001), at(0, 0)).toFixed(7), "0.0012000");
  assert.equal(distanceSeconds(at(0, -1), at(0, 0)).toFixed(7), "0.0002000"); // an adjustment never makes it negative
});
