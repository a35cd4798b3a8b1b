// The conformance suites, client programs and benchmark harness here are copies. Where their originals lie beside this
// repository, they must be equal byte for byte: a suite that was bent to fit proves nothing.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const originals = join(root, "../shared");
const COPIES = {
  "test/conformance": "conformance",
  "test/conformance-dns": "conformance-dns",
  "test/conformance-cli": "conformance-cli",
  "test/clients": "clients",
  "bench/peers": "bench-peers",
};
/** Files of our own inside these folders. */
const OURS = new Set(["test/conformance/scores.json"]);

if (!existsSync(originals)) {
  console.log("SKIPPED: the originals of the copied suites are not beside this repository");
  console.log("0 passed, 0 failed, 1 skipped");
  process.exit(0);
}
let same = 0;
const problems = [];
for (const [copy, original] of Object.entries(COPIES)) {
  for (const entry of readdirSync(join(root, copy), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath ?? entry.path, entry.name);
    const name = file.slice(join(root, copy).length + 1);
    if (OURS.has(`${copy}/${name}`)) continue;
    const source = join(originals, original, name);
    if (!existsSync(source)) problems.push(`${copy}/${name} has no original`);
    else if (!readFileSync(file).equals(readFileSync(source)))
      problems.push(`${copy}/${name} differs from its original`);
    else same++;
  }
}
for (const problem of problems) console.log(`FAIL ${problem}`);
console.log(`${same} passed, ${problems.length} failed, 0 skipped`);
process.exit(problems.length > 0 ? 1 : 0);
