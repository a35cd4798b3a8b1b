import assert from "node:assert/strict";
import { test } from "node:test";
import { PeersFileError, parsePeersFile } from "./peers-recovery.ts";

test("peers.json of both Raft protocols is read", () => {
  const text =
    '[{"id":"a","address":"10.0.0.1:8300","non_voter":false},{"id":"b","address":"[::1]:8300","non_voter":true}]';
  assert.deepEqual(parsePeersFile(text).servers, [
    { id: "a", address: "10.0.0.1:8300", suffrage: "voter" },
    { id: "b", address: "[::1]:8300", suffrage: "nonvoter" },
  ]);
  assert.deepEqual(parsePeersFile('["10.0.0.1:8300"]').servers, [
    { id: "10.0.0.1:8300", address: "10.0.0.1:8300", suffrage: "voter" },
  ]);
});

for (const text of [
  "",
  "{}",
  "[]",
  "[1]",
  '["10.0.0.1"]',
  '["10.0.0.1:0"]',
  '[{"id":"a"}]',
  '[{"id":"a","address":"10.0.0.1:8300","non_voter":true}]',
  '["10.0.0.1:8300","10.0.0.1:8300"]',
])
  test(`peers.json that says nothing sensible is refused: ${text}`, () => {
    assert.throws(() => parsePeersFile(text), PeersFileError);
  });
