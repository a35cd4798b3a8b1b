// Runs the tests on real processes and sockets; `node test/run-e2e.mjs damage` those whose file name has the word.
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runTests } from "../scripts/lib/run-tests.mjs";

// The executable is made from the sources as they are now, also where only tsc ran since they changed.
await import("../scripts/bundle.mjs");

const directory = join(dirname(fileURLToPath(import.meta.url)), "e2e");
const words = process.argv.slice(2);
const files = readdirSync(directory)
  .filter((name) => name.endsWith(".test.mjs") && (words.length === 0 || words.some((word) => name.includes(word))))
  .sort()
  .map((name) => join(directory, name));
// Two cores: more agents at once only make each other late.
process.exitCode = (await runTests(files, { concurrency: 2, timeout: 600_000 })) ? 0 : 1;
