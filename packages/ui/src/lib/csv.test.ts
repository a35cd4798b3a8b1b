import assert from "node:assert/strict";
import { test } from "node:test";
import { csv } from "./csv.ts";

test("fields that hold what parts fields are quoted", () => {
  assert.equal(csv([["a", 'say "b"', "c,d", "e\nf", 7]]), 'a,"say ""b""","c,d","e\nf",7\r\n');
  assert.equal(csv([["Name"], ["web"]]), "Name\r\nweb\r\n");
  assert.equal(csv([]), "");
});

test("nothing that others have written is a formula", () => {
  for (const value of ["=1+1", "+1", "-x", "@SUM(A1)", " =1", "＝1"]) assert.equal(csv([[value]]), `'${value}\r\n`);
  assert.equal(csv([["\t=1"], ["\n=1"], ["a;=1"]]), `"'\t=1"\r\n"'\n=1"\r\n"a;=1"\r\n`);
  assert.equal(csv([[-3]]), "-3\r\n");
});
