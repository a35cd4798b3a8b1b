import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRng, shuffle } from "../lib/random.ts";
import { ROUND_ANSWERS_MAX, Rounds } from "./rounds.ts";

const named = (count: number) => Array.from({ length: count }, (_, at) => ({ name: String.fromCharCode(97 + at) }));
type Named = ReturnType<typeof named>[number];

/** The orders of many answers, one after the other. */
function answers(count: number, rows: readonly Named[], rng = seededRng(5), second = () => "now"): string[] {
  const rounds = new Rounds();
  const alike = {};
  return Array.from({ length: count }, () => {
    const turn = rounds.enter(alike, shuffle(rng, [...rows]), second());
    return turn.rows.map((row) => (row as Named).name).join("");
  });
}

function chiSquare(seen: Iterable<string>, kinds: number): number {
  const counts = new Map<string, number>();
  let all = 0;
  for (const each of seen) {
    counts.set(each, (counts.get(each) ?? 0) + 1);
    all++;
  }
  const expected = all / kinds;
  const missing = (kinds - counts.size) * expected;
  return [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, missing);
}

// Bounds of chi square are such as fair draws are above once in a thousand seeds, and the seed here is not one of those.

test("who comes first is drawn for each answer, whoever came first before", () => {
  const orders = answers(20_000, named(5));
  const firsts = orders.map((order) => order.charAt(0));
  assert.ok(chiSquare(firsts, 5) < 18.5);
  const pairs = firsts.slice(1).map((first, at) => `${firsts[at]}${first}`);
  assert.ok(chiSquare(pairs, 25) < 51.2);
});

test("each row is at each place as often, whatever place it had before", () => {
  const orders = answers(20_000, named(5));
  const places = orders.map((order) => order.indexOf("c"));
  assert.ok(chiSquare(places.map(String), 5) < 18.5);
  assert.ok(
    chiSquare(
      places.slice(1).map((place, at) => `${places[at]}${place}`),
      25,
    ) < 51.2,
  );
});

test("over many rounds all orders come alike", () => {
  // One answer of each round: those of a round have their neighbours in common.
  const orders = answers(6_000 * ROUND_ANSWERS_MAX, named(3)).filter((_, at) => at % ROUND_ANSWERS_MAX === 9);
  assert.ok(chiSquare(orders, 6) < 20.5);
});

test("who follows whom stays for a round, and no longer", () => {
  const rows = named(8);
  const neighbours = (order: string) =>
    [...order].map((name, at) => name + order.charAt((at + 1) % order.length)).sort();
  const orders = answers(ROUND_ANSWERS_MAX * 2, rows);
  const circles = new Set(orders.slice(0, ROUND_ANSWERS_MAX).map((order) => neighbours(order).join()));
  assert.equal(circles.size, 1);
  const next = new Set(orders.slice(ROUND_ANSWERS_MAX).map((order) => neighbours(order).join()));
  assert.equal(next.size, 1);
  assert.notDeepEqual(circles, next);
});

test("a round ends with its second", () => {
  let now = 0;
  const orders = answers(40, named(12), seededRng(2), () => `second ${now++}`);
  assert.equal(new Set(orders.map((order) => order[(order.indexOf("a") + 1) % 12])).size > 3, true);
});

test("what was sent is found by its first row and form, until the round, the second or the place for it is over", () => {
  const rows = named(2);
  const [a, b] = rows as [Named, Named];
  const rounds = new Rounds();
  const alike = {};
  rounds.keep(rounds.enter(alike, [a, b], "1"), "plain", "a, b");
  rounds.keep(rounds.enter(alike, [a, b], "1"), "gzipped", "packed");
  assert.deepEqual(rounds.enter(alike, [a, b], "1").sent, { plain: "a, b", gzipped: "packed" });
  assert.deepEqual(rounds.enter(alike, [b, a], "1").sent, { plain: undefined, gzipped: undefined });
  assert.deepEqual(rounds.enter({}, [a, b], "1").sent, { plain: undefined, gzipped: undefined });
  assert.deepEqual(rounds.enter(alike, [a, b], "2").sent, { plain: undefined, gzipped: undefined });
  rounds.keep(rounds.enter(alike, [a, b], "2"), "plain", "a, b");
  rounds.keep(rounds.enter({}, [a, b], "2"), "plain", "x".repeat(4 * 1_024 * 1_024));
  assert.deepEqual(rounds.enter(alike, [a, b], "2").sent, { plain: undefined, gzipped: undefined });
});

test("more rounds than there is place for begin anew", () => {
  const [a, b] = named(2) as [Named, Named];
  const rounds = new Rounds();
  const alike = {};
  rounds.keep(rounds.enter(alike, [a, b], "1"), "plain", "a, b");
  for (let n = 1; n < 1_024; n++) rounds.enter({}, [a, b], "1");
  assert.equal(rounds.enter(alike, [a, b], "1").sent.plain, "a, b");
  rounds.enter({}, [a, b], "1");
  assert.equal(rounds.enter(alike, [a, b], "1").sent.plain, undefined);
});

test("nothing found is a round of nothing", () => {
  assert.deepEqual(new Rounds().enter({}, [], "1").rows, []);
});
