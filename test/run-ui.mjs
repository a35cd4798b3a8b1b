// Looks at the web page with a browser; `node test/run-ui.mjs live` runs the files whose name has the word.
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runTests } from "../scripts/lib/run-tests.mjs";
import { missing } from "./ui/harness.mjs";

if (missing) console.log(`SKIPPED, ALL OF IT: ${missing}`);
const directory = join(dirname(fileURLToPath(import.meta.url)), "ui");
const words = process.argv.slice(2);
const files = readdirSync(directory)
  .filter((name) => name.endsWith(".test.mjs") && (words.length === 0 || words.some((word) => name.includes(word))))
  .sort()
  .map((name) => join(directory, name));
// A browser and an agent keep two cores busy.
const good = await runTests(files, { concurrency: 1, timeout: 1_800_000 });
process.exitCode = good || missing ? 0 : 1;
