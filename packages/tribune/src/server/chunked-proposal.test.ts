import assert from "node:assert/strict";
import { test } from "node:test";
import { CHUNK_BYTES, commandPieces } from "./chunked-proposal.ts";

test("only long key-value commands are cut", () => {
  const short = new Uint8Array(CHUNK_BYTES).fill(2);
  assert.deepEqual(commandPieces(short, 1n), [{ data: short }]);
  const registration = new Uint8Array(3 * CHUNK_BYTES);
  assert.deepEqual(commandPieces(registration, 1n), [{ data: registration }]);
});

test("pieces have the headers that Consul's leader writes", () => {
  const data = new Uint8Array(CHUNK_BYTES + 5).fill(2);
  // The recorded command's number, from its header's varint.
  const opNum = [...Buffer.from("c18cbd9fb3e9ffd85b", "hex")].reduce(
    (sum, byte, at) => sum + (BigInt(byte & 0x7f) << BigInt(7 * at)),
    0n,
  );
  const pieces = commandPieces(data, opNum);
  const hex = pieces.map(({ extensions }) => Buffer.from(extensions ?? []).toString("hex"));
  assert.deepEqual(hex, ["08c18cbd9fb3e9ffd85b1802", "08c18cbd9fb3e9ffd85b10011802"]);
  assert.deepEqual(Buffer.concat(pieces.map((piece) => piece.data)), Buffer.from(data));
  assert.equal(pieces[1]?.data.length, 5);
});
