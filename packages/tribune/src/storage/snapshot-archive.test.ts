import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { MsgpackReader } from "../codec/msgpack.ts";
import { encodeSnapshotMeta, type SnapshotMeta } from "../codec/snapshot-meta.ts";
import { encodeTarHeader, TAR_END, tarPadding } from "../codec/snapshot-tar.ts";
import { randomInt, seededRng } from "../lib/random.ts";
import { readSnapshotArchive, SnapshotArchiveError, writeSnapshotArchive } from "./snapshot-archive.ts";

const RECORDED = readFileSync(new URL("../../test-data/consul-1.10.snap", import.meta.url));

async function* chunked(bytes: Uint8Array, size = 1_000): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(archive: Uint8Array, limits?: { stateBytesMax: number; metaBytesMax: number }) {
  const parts: Uint8Array[] = [];
  const onState = (chunk: Uint8Array): void => {
    parts.push(Uint8Array.from(chunk));
  };
  const meta = await readSnapshotArchive(chunked(archive), onState, limits);
  return { meta, state: Buffer.concat(parts) };
}

async function write(meta: SnapshotMeta, state: Uint8Array, chunkBytes = 777): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of writeSnapshotArchive(meta, chunked(state, chunkBytes), 1_700_000_000_000)) parts.push(part);
  return Buffer.concat(parts);
}

const META: SnapshotMeta = {
  id: "2-144-1",
  index: 144,
  term: 2,
  configuration: { servers: [{ id: "a", address: "127.0.0.1:8300", suffrage: "nonvoter" }] },
  configurationIndex: 1,
  sizeBytes: 0,
};

test("an archive saved by Consul 1.10 is read and every record of it understood", async () => {
  const { meta, state } = await read(RECORDED);
  assert.deepEqual(meta, {
    id: "2-144-1795345366866",
    index: 144,
    term: 2,
    configuration: {
      servers: [{ id: "aff012de-7f02-7f9e-48d6-a79cfafc93c9", address: "127.0.14.1:8300", suffrage: "voter" }],
    },
    configurationIndex: 1,
    sizeBytes: 18_633,
  });
  const reader = new MsgpackReader(state);
  assert.deepEqual(reader.any(), { LastIndex: 144 });
  let records = 0;
  while (reader.remaining > 0) {
    reader.position++; // the record's type
    reader.skip();
    records++;
  }
  assert.equal(records, 77);
  assert.ok(gunzipSync(RECORDED).includes(encodeSnapshotMeta(meta)), "meta.json is written to the same bytes");
});

test("what is written has Consul's tar, byte for byte but the time", async () => {
  const { meta, state } = await read(RECORDED);
  const ours = gunzipSync(await write(meta, state));
  const theirs = gunzipSync(RECORDED);
  assert.equal(ours.length, theirs.length);
  const header = theirs.subarray(0, 512);
  const mtime = Number.parseInt(header.toString("latin1", 136, 147), 8);
  assert.deepEqual(Buffer.from(encodeTarHeader({ name: "meta.json", sizeBytes: 250 }, mtime)), header);
  assert.deepEqual(ours.subarray(512, 1_024), theirs.subarray(512, 1_024));
});

test("any state survives in any chunks", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 3_000 }), fc.integer({ min: 1, max: 1_500 }), async (state, size) => {
      const meta = { ...META, sizeBytes: state.length };
      const back = await read(await write({ ...meta, crc: new Uint8Array(8) }, state, size));
      assert.deepEqual(back.meta, meta);
      assert.deepEqual(new Uint8Array(back.state), state);
    }),
    { numRuns: 40 },
  );
});

test("a state that fails on its way is an error for the one who reads along", async () => {
  const failing = (async function* () {
    yield new Uint8Array(3);
    throw new Error("disk gone");
  })();
  await assert.rejects(async () => {
    for await (const _ of writeSnapshotArchive(META, failing, 0));
  }, /disk gone/);
});

interface Member {
  name: string;
  bytes: Buffer;
}
function tar(members: readonly Member[], end: Uint8Array = TAR_END): Buffer {
  const parts = members.flatMap(({ name, bytes }) => [
    encodeTarHeader({ name, sizeBytes: bytes.length }, 0),
    bytes,
    new Uint8Array(tarPadding(bytes.length)),
  ]);
  return Buffer.concat([...parts, end]);
}

test("everything that is wrong is refused, in Consul's words", async () => {
  const unpacked = gunzipSync(RECORDED);
  const { state } = await read(RECORDED);
  const metaBytes = Buffer.from(unpacked.subarray(512, 512 + 250));
  const sumsAt = unpacked.indexOf("SHA256SUMS\0") + 512;
  const sums = unpacked.toString("latin1", sumsAt, unpacked.indexOf(0, sumsAt));
  const [first, second] = sums.trim().split("\n") as [string, string];
  const members = (sumsText = sums, meta = metaBytes, body = state): Member[] => [
    { name: "meta.json", bytes: meta },
    { name: "state.bin", bytes: body },
    { name: "SHA256SUMS", bytes: Buffer.from(sumsText) },
  ];
  const flipped = Buffer.from(state);
  flipped[5_000]! ^= 1;
  const badMeta = Buffer.from(metaBytes.toString().replace('"Version":1', '"Version":7'));
  const damagedCrc = Buffer.from(RECORDED);
  damagedCrc[damagedCrc.length - 6]! ^= 1;
  const badHeader = tar(members());
  badHeader[3]! ^= 1;
  const cases: [string, Uint8Array, RegExp][] = [
    ["nothing", Buffer.alloc(0), /^failed to decompress snapshot: EOF$/],
    ["no gzip", Buffer.from("not a snapshot, whatever it is"), /^failed to decompress snapshot: gzip: invalid header$/],
    [
      "cut gzip",
      RECORDED.subarray(0, 6_000),
      /^failed to read snapshot file: failed reading snapshot: unexpected EOF$/,
    ],
    ["gzip sum", damagedCrc, /incorrect data check/],
    ["trailing zero", Buffer.concat([RECORDED, Buffer.alloc(1)]), /gzip: invalid header/],
    ["trailing junk", Buffer.concat([RECORDED, Buffer.from("junk")]), /incorrect header check|invalid header/],
    ["bytes behind the tar", gzipSync(tar(members(), Buffer.alloc(1_029))), /^5 unread uncompressed bytes remain$/],
    [
      "one more member",
      gzipSync(tar([...members(), { name: "evil", bytes: Buffer.alloc(1) }])),
      /unexpected file "evil" in snapshot$/,
    ],
    ["bad tar header", gzipSync(badHeader), /failed reading snapshot: archive\/tar: invalid tar header$/],
    [
      "a missing sum",
      gzipSync(tar(members(`${first}\n`))),
      /failed checking integrity of snapshot: file missing for "(state.bin|meta.json)"$/,
    ],
    ["an unknown sum", gzipSync(tar(members(`${sums}${"0".repeat(64)}  more\n`))), /list missing hash for "more"$/],
    ["a changed state", gzipSync(tar(members(sums, metaBytes, flipped))), /hash check failed for "state.bin"$/],
    [
      "a changed sum",
      gzipSync(tar(members(`${first}\n${second.replace(/^../, "zz")}\n`))),
      /input does not match format$/,
    ],
    ["no sums", gzipSync(tar(members().slice(0, 2))), /file missing for "meta.json"$/],
    [
      "a newer version",
      gzipSync(tar(members(sums, badMeta))),
      /failed to decode snapshot metadata: unsupported snapshot version 7$/,
    ],
    ["no JSON", gzipSync(tar(members(sums, Buffer.from("{")))), /failed to decode snapshot metadata: not JSON/],
  ];
  for (const [name, archive, expected] of cases) {
    await assert.rejects(
      read(archive),
      (error) => {
        assert.ok(error instanceof SnapshotArchiveError, `${name}: ${error}`);
        assert.match(error.message, expected, name);
        return true;
      },
      name,
    );
  }
  await read(gzipSync(tar(members().reverse())));
  await read(gzipSync(tar(members(`${second}\n${first}\n`))));
});

test("sizes are bounded before anything is unpacked", async () => {
  const { meta, state } = await read(RECORDED);
  const archive = await write(meta, state);
  await assert.rejects(read(archive, { stateBytesMax: 18_632, metaBytesMax: 1_000 }), /at most 18632 are accepted$/);
  await assert.rejects(read(archive, { stateBytesMax: 20_000, metaBytesMax: 100 }), /meta.json has 250 bytes/);
  await read(archive, { stateBytesMax: 18_633, metaBytesMax: 250 });
});

test("a failing sink or source is reported as itself", async () => {
  await assert.rejects(
    readSnapshotArchive(chunked(RECORDED), () => {
      throw new Error("no space");
    }),
    /no space/,
  );
  const broken = (async function* () {
    yield RECORDED.subarray(0, 100);
    throw new Error("connection lost");
  })();
  await assert.rejects(
    readSnapshotArchive(broken, () => {}),
    /connection lost/,
  );
});

test("a changed byte is never accepted with another content", async () => {
  const rng = seededRng(7);
  const { meta, state } = await read(RECORDED);
  const unpacked = gunzipSync(RECORDED);
  for (let round = 0; round < 300; round++) {
    const changed = Buffer.from(unpacked);
    changed[randomInt(rng, changed.length)] = randomInt(rng, 256);
    try {
      const back = await read(gzipSync(changed, { level: 1 }));
      assert.deepEqual([back.meta, back.state], [meta, state]); // padding, or the byte it was
    } catch (error) {
      assert.ok(error instanceof SnapshotArchiveError, String(error));
    }
  }
});
