import assert from "node:assert/strict";
import { test } from "node:test";
import { FlagError, type FlagSpec, flagHelp, parseFlags } from "./flags.ts";

const SPECS: readonly FlagSpec[] = [
  { name: "v", kind: "bool", help: "b" },
  { name: "name", kind: "string", help: "s", default: "x" },
  { name: "n", kind: "int", help: "i" },
  { name: "u", kind: "uint", help: "u", plainErrors: true },
  { name: "d", kind: "duration", help: "d" },
  { name: "l", kind: "list", help: "l" },
  { name: "m", kind: "map", help: "m" },
  { name: "c", kind: "colonMap", help: "c" },
];

test("flags read as in Go", () => {
  const flags = parseFlags(SPECS, "-v --name=a -n -5 -l 1 --l=2 -m a=1 -m b=x=y -c k:v -c z -d 1m30s kv -x".split(" "));
  assert.equal(flags.bool("v"), true);
  assert.equal(flags.string("name"), "a");
  assert.equal(flags.number("n"), -5);
  assert.deepEqual(flags.list("l"), ["1", "2"]);
  assert.deepEqual(flags.map("m"), { a: "1", b: "x=y" });
  assert.deepEqual(flags.map("c"), { k: "v", z: "" });
  assert.equal(flags.string("d"), "1m30s");
  assert.deepEqual(flags.args, ["kv", "-x"]);
});

test("what ends the flags, and what is absent", () => {
  assert.deepEqual(parseFlags(SPECS, ["-v=false", "--", "-v"]).args, ["-v"]);
  assert.deepEqual(parseFlags(SPECS, ["-", "-v"]).args, ["-", "-v"]);
  const none = parseFlags(SPECS, []);
  assert.equal(none.string("name"), "x");
  assert.equal(none.bool("v"), false);
  assert.equal(none.has("name"), false);
  assert.equal(parseFlags(SPECS, ["-u", "18446744073709551615"]).bigint("u"), 2n ** 64n - 1n);
  assert.deepEqual(parseFlags(SPECS, ["-l", "a", "-name", "b", "-l", "c"]).inOrder(["l", "name"]), ["a", "b", "c"]);
});

const ERRORS: readonly (readonly [words: string, message: string])[] = [
  ["-x", "flag provided but not defined: -x"],
  ["--x=1", "flag provided but not defined: -x"],
  ["-name", "flag needs an argument: -name"],
  ["---v", "bad flag syntax: ---v"],
  ["-=v", "bad flag syntax: -=v"],
  ["-v=maybe", 'invalid boolean value "maybe" for -v: strconv.ParseBool: parsing "maybe": invalid syntax'],
  ["-n 1.5", 'invalid value "1.5" for flag -n: strconv.Atoi: parsing "1.5": invalid syntax'],
  ["-u -1", 'invalid value "-1" for flag -u: parse error'],
  ["-d abc", 'invalid value "abc" for flag -d: time: invalid duration "abc"'],
];

test("flag errors are Go's", () => {
  for (const [words, message] of ERRORS) {
    assert.throws(() => parseFlags(SPECS, words.split(" ")), new FlagError(message), words);
  }
});

test("help is sorted and wrapped", () => {
  const specs: readonly FlagSpec[] = [
    { name: "b", kind: "string", value: "address", help: "word ".repeat(20).trim() },
    { name: "a", kind: "bool", help: "short" },
  ];
  const lines = flagHelp("Options", specs).split("\n");
  assert.deepEqual(lines.slice(0, 6), ["Options", "", "  -a", "     short", "", "  -b=<address>"]);
  assert.ok(lines.every((line) => line.length <= 72));
});
