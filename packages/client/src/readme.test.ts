import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Election, Kv, Lock, Registration, Resolver, Semaphore, Watches } from "./index.ts";

test("the README has a word about every method of the helpers", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const told = new Set(
    [...readme.matchAll(/[`.· ](\w+)(?:<[^(]*>)?\(/g), ...readme.matchAll(/`(?:\w+\.)?(\w+)`/g)].map(
      ([, name]) => name,
    ),
  );
  const untold = [Election, Kv, Lock, Registration, Resolver, Semaphore, Watches].flatMap((helper) =>
    Object.getOwnPropertyNames(helper.prototype)
      .filter((name) => name !== "constructor" && !told.has(name))
      .map((name) => `${helper.name}.${name}`),
  );
  assert.deepEqual(untold, []);
});
