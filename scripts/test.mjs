// Runs every *.test.js of the built packages, or those whose path contains one of the given words. Properties draw other
// cases each time, or with PROPERTY_SEED=7 those of that seed, which is the one that a property names when it fails.
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runTests } from "./lib/run-tests.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const words = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const files = ["api/dist", "client/dist", "tribune/dist", "ui/dist-lib"].flatMap((name) => {
  const dist = join(root, "packages", name);
  return readdirSync(dist, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.js"))
    .map((file) => join(dist, file));
});
const chosen = words.length === 0 ? files : files.filter((file) => words.some((word) => file.includes(word)));
if (chosen.length === 0) {
  console.error(`No test file matches ${words.join(" ")}; file names look like ${files[0] ?? "(none built)"}`);
  process.exit(1);
}
const propertySeed = process.env.PROPERTY_SEED === undefined ? undefined : Number(process.env.PROPERTY_SEED);
if (propertySeed !== undefined && (process.env.PROPERTY_SEED === "" || !Number.isInteger(propertySeed))) {
  console.error(`PROPERTY_SEED must be an integer; it is ${JSON.stringify(process.env.PROPERTY_SEED)}`);
  process.exit(1);
}
// The runner's own choice is a core less than there are: of two it would leave one idle.
const concurrency = Math.max(2, availableParallelism() - 1);
// Simulated datacenters take longest: begun late they would end alone.
const isLong = (file) => Number(file.endsWith("datacenter-simulation.test.js"));
chosen.sort((a, b) => isLong(b) - isLong(a) || (a < b ? -1 : 1));
process.exitCode = (await runTests(chosen, { concurrency, timeout: 900_000, propertySeed })) ? 0 : 1;
