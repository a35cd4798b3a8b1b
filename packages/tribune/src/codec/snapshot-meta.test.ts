import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeSnapshotMeta, encodeSnapshotMeta, SnapshotMetaError } from "./snapshot-meta.ts";

// As a 1.10 server wrote it into its data directory.
const RECORDED =
  '{"Version":1,"ID":"2-33-1795355948232","Index":33,"Term":2,"Peers":"ka8xMjcuMC43Ny41OjgzMDA=","Configuration":' +
  '{"Servers":[{"Suffrage":0,"ID":"1a22d5b6-e9fe-06e6-274c-4f0bf69a84f2","Address":"127.0.77.5:8300"}]},' +
  '"ConfigurationIndex":1,"Size":4310,"CRC":"gqCCjUxT8Qw="}\n';

test("a recorded meta.json is read, and written back to the same bytes", () => {
  const meta = decodeSnapshotMeta(RECORDED);
  assert.deepEqual([meta.index, meta.term, meta.sizeBytes, meta.crc?.length], [33, 2, 4_310, 8]);
  assert.equal(encodeSnapshotMeta(meta), RECORDED);
});

test("fields that an older writer may leave out are empty; anything else is refused", () => {
  const bare = '{"Version":1,"ID":"1-2-3","Index":2,"Term":1,"Size":0}';
  assert.deepEqual(decodeSnapshotMeta(bare), {
    id: "1-2-3",
    index: 2,
    term: 1,
    configuration: { servers: [] },
    configurationIndex: 0,
    sizeBytes: 0,
  });
  for (const [text, expected] of [
    ["", /not JSON/],
    ["[]", /the whole is not an object/],
    [bare.replace('"Version":1', '"Version":0'), /unsupported snapshot version 0/],
    [bare.replace('"Index":2', '"Index":-2'), /Index is not a whole number/],
    [bare.replace('"Index":2', '"Index":1e99'), /Index is not a whole number/],
    [bare.replace('"ID":"1-2-3"', '"ID":7'), /ID is not text/],
    [RECORDED.replace('"Suffrage":0', '"Suffrage":9'), /unknown suffrage 9/],
  ] as const)
    assert.throws(
      () => decodeSnapshotMeta(text),
      (error) => error instanceof SnapshotMetaError && expected.test(error.message),
    );
});
