import assert from "node:assert/strict";
import { test } from "node:test";
import type { Configuration, ServerId, Suffrage } from "../../raft/types.ts";
import { additionOf, deadServers, type KnownServer } from "./server-changes.ts";

/** `a b n:c` → voters a and b, non-voter c; each at its own address. */
function peers(text: string): Configuration {
  const servers = text.split(" ").map((word) => {
    const suffrage: Suffrage = word.startsWith("n:") ? "nonvoter" : "voter";
    const id = word.replace("n:", "") as ServerId;
    return { id, address: `${id}:8300`, suffrage };
  });
  return { servers };
}

const ADDITIONS: readonly [string, string, id: string, address: string, expected: string][] = [
  ["one that is there", "a b c", "b", "b:8300", ""],
  ["a new one does not vote", "a b", "c", "c:8300", "addNonvoter c"],
  ["a voter at a new address stays one", "a b c", "b", "x:8300", "addVoter b"],
  ["so does a non-voter", "a n:b", "b", "x:8300", "addNonvoter b"],
  ["one that took over an address", "a b c", "d", "b:8300", "removeServer b, addNonvoter d"],
  ["also from a non-voter", "a n:b", "d", "b:8300", "removeServer b, addNonvoter d"],
  ["never at the price of the majority", "a b", "d", "b:8300", "refused"],
];
for (const [name, configuration, id, address, expected] of ADDITIONS)
  test(`adding a server: ${name}`, () => {
    const found = additionOf(peers(configuration), { id, address });
    const words = "refused" in found ? "refused" : found.changes.map(({ type, id: of }) => `${type} ${of}`).join(", ");
    assert.equal(words, expected);
  });

function known(text: string): KnownServer[] {
  const words = text.split(" ").filter((word) => !word.startsWith("?"));
  return words.map((word) => {
    const id = word.replace(/[-~]/, "");
    return { id, name: id, address: `${id}:8300`, alive: id === word, left: false };
  });
}

/** Who answers Raft, of the members as `DEAD` has them. */
function heardOf(text: string): Set<ServerId> {
  return new Set(text.split(" ").flatMap((word) => (/^[~?]/.test(word) ? [word.slice(1) as ServerId] : [])));
}

/** Members: `a` alive, `-c` failed, `~c` failed though it answers Raft, `?c` none though it does. */
const DEAD: readonly [string, string, members: string, minQuorum: number, expected: string][] = [
  ["all alive", "a b c", "a b c", 0, ""],
  ["one of three failed", "a b c", "a b -c", 0, "failed c"],
  ["two of three failed: one may go", "a b c", "a -b -c", 0, "failed b"],
  ["one of two failed: the rest is no majority", "a b", "a -b", 0, ""],
  ["two of five", "a b c d e", "a b c -d -e", 0, "failed d, failed e"],
  ["not below the minimum", "a b c d e", "a b c -d -e", 4, "failed d"],
  ["not at all at the minimum", "a b c", "a b -c", 3, ""],
  ["one that no member knows", "a b c", "a b", 0, "stale c"],
  ["unknown ones go before failed ones", "a b c d e", "a b c -d", 4, "stale e"],
  ["non-voters always go", "a b n:c n:d", "a b -c", 2, "stale d, failed c"],
  ["a failed member that is no peer is not ours", "a b c", "a b c -x", 0, ""],
  ["a failed one that answers Raft", "a b c d e", "a b c ~d -e", 0, "failed e"],
  ["one that no member knows and that answers", "a b c d e", "a b c ?d ?e", 0, ""],
  ["a non-voter that answers", "a b n:c n:d", "a b ~c ?d", 0, ""],
];
for (const [name, configuration, members, minQuorum, expected] of DEAD)
  test(`dead servers: ${name}`, () => {
    const heard = heardOf(members);
    const found = deadServers(peers(configuration), known(members), heard, { cleanup: true, minQuorum });
    const words = [...found.stale.map((id) => `stale ${id}`), ...found.failed.map(({ id }) => `failed ${id}`)];
    assert.equal(words.join(", "), expected);
    const off = deadServers(peers(configuration), known(members), heard, { cleanup: false, minQuorum });
    assert.deepEqual(off, { stale: [], failed: [] });
  });

test("dead servers: one whose address is answered by another is not heard", () => {
  const reborn = { ...known("x")[0]!, address: "c:8300" };
  const rules = { cleanup: true, minQuorum: 0 };
  const found = deadServers(peers("a b c"), [...known("a b"), reborn], heardOf("?c"), rules);
  assert.deepEqual(found, { stale: ["c"], failed: [] });
});
