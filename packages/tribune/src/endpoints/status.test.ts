import assert from "node:assert/strict";
import { test } from "node:test";
import type { RaftStats } from "@tribune/api";
import { parseGoDuration } from "../lib/duration.ts";
import { statusMethods } from "./status.ts";

function lastContact(lastContactMs: number | undefined): string {
  const method = statusMethods.find(({ name }) => name === "statusRaftStats");
  const binding = method?.binding as unknown as { answer(request: object, server: object): RaftStats };
  const server = { operator: { raftStats: () => ({ lastContactMs, lastTerm: 2, lastIndex: 7 }) } };
  return binding.answer({}, server).LastContact;
}

test("how long ago a follower heard from its leader is a duration that Go's parser takes, whatever the clock gives", () => {
  for (const [ms, text] of [
    [12.345678912345, "12.345679ms"],
    [0.0301, "30.1µs"],
    [1500, "1.5s"],
    [0, "0"],
    [undefined, "never"],
  ] as const)
    assert.equal(lastContact(ms), text);
  assert.equal(parseGoDuration(lastContact(55.123456789)), 55_123_457);
});
