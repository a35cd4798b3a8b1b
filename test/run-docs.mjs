// Runs the examples of the documentation; `node test/run-docs.mjs tls backup` those of pages whose path has a word.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runTests } from "../scripts/lib/run-tests.mjs";

// The executable is made from the sources as they are now, also where only tsc ran since they changed.
await import("../scripts/bundle.mjs");

const directory = join(dirname(fileURLToPath(import.meta.url)), "docs");
process.env.DOCS_PAGES = process.argv.slice(2).join(",");
const files = ["blocks", "filestorage", "pages"].map((name) => join(directory, `${name}.test.mjs`));
process.exitCode = (await runTests(files, { concurrency: 1, timeout: 600_000 })) ? 0 : 1;
