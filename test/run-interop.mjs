// Runs the tests against programs that we did not write; `node test/run-interop.mjs serf` those whose path has the word.
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runTests } from "../scripts/lib/run-tests.mjs";

const directory = join(dirname(fileURLToPath(import.meta.url)), "interop");
const words = process.argv.slice(2);
const files = readdirSync(directory, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.mjs") && (words.length === 0 || words.some((word) => name.includes(word))))
  .sort()
  .map((name) => join(directory, name));
// One after the other: what is measured in seconds here must not wait for a core.
process.exitCode = (await runTests(files, { concurrency: 1, timeout: 600_000 })) ? 0 : 1;
